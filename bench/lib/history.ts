import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { root } from './child.ts';
import type { Result } from './measure.ts';

/** Adds a whole run to `bench/history.ndjson`: one line, nothing in it that names the machine. */
export function appendHistory(results: readonly Result[]): void {
  const entry = {
    time: new Date().toISOString(),
    machine: {
      platform: platform(),
      arch: arch(),
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
    versions: {
      millrace: versionIn('package.json'),
      commit: commit(),
      node: process.versions.node,
      rxjs: versionIn('node_modules', 'rxjs', 'package.json'),
    },
    results,
  };
  appendFileSync(join(root, 'bench', 'history.ndjson'), `${JSON.stringify(entry)}\n`);
}

function versionIn(...path: string[]): string {
  return (JSON.parse(readFileSync(join(root, ...path), 'utf8')) as { version: string }).version;
}

/** The commit that was measured, with a `+` where files were changed since; null without Git. */
function commit(): string | null {
  const git = (...args: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  };
  const head = git('rev-parse', '--short=12', 'HEAD');
  if (head === undefined) return null;
  return git('status', '--porcelain', '--', 'src', 'bench/*.ts') === '' ? head : `${head}+`;
}
