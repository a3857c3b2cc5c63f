import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { root } from './child.ts';
import type { Result } from './measure.ts';

/** A whole run, with nothing in it that names the machine. */
export interface Entry {
  readonly time: string;
  readonly machine: {
    readonly platform: string;
    readonly arch: string;
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
  };
  readonly versions: { readonly [name: string]: string | null };
  readonly results: readonly Result[];
}

const path = join(root, 'bench', 'history.ndjson');

const peers = [
  '@duckdb/node-api',
  'cockatiel',
  'opossum',
  'pino',
  'prom-client',
  'rxjs',
  'winston',
] as const;

/** The last whole run. */
export function lastEntry(): Entry {
  return JSON.parse(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1)!) as Entry;
}

/** Adds a whole run to `bench/history.ndjson`, as one line. */
export function appendHistory(results: readonly Result[]): Entry {
  const entry: Entry = {
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
      ...Object.fromEntries(
        peers.map((name) => [name, versionIn('node_modules', name, 'package.json')]),
      ),
    },
    results,
  };
  appendFileSync(path, `${JSON.stringify(entry)}\n`);
  return entry;
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
