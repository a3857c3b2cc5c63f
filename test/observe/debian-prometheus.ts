import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const cache = join(import.meta.dirname, '..', '..', 'node_modules', '.cache');
const place = join(cache, 'millrace-prometheus');

/** Where Debian's Prometheus is, or why it is not there. */
export type DebianPrometheus =
  | { readonly prometheus: string; readonly promtool: string; readonly missing?: undefined }
  | { readonly missing: string };

/**
 * The `prometheus` and `promtool` of this machine. Where it has none, Debian's package is fetched once
 * and unpacked beside the other caches, not installed: that would start a server on a fixed port.
 */
export function debianPrometheus(): DebianPrometheus {
  if (runs('promtool') && runs('prometheus')) {
    return { prometheus: 'prometheus', promtool: 'promtool' };
  }
  const unpacked = {
    prometheus: join(place, 'usr', 'bin', 'prometheus'),
    promtool: join(place, 'usr', 'bin', 'promtool'),
  };
  if (existsSync(unpacked.promtool)) return unpacked;
  if (process.getuid?.() !== 0) return { missing: 'no `prometheus`, and not root to fetch it' };
  if (!runs('apt-get')) return { missing: 'no `prometheus`, and no `apt-get` to fetch it' };
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(`${place}-`);
  try {
    const said = fetchInto(fresh);
    if (said !== undefined) return { missing: `\`apt-get\` gave no \`prometheus\`: ${said}` };
    if (!existsSync(place)) renameSync(join(fresh, 'unpacked'), place);
    return unpacked;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** What went wrong, if anything. */
function fetchInto(directory: string): string | undefined {
  const run = (command: string, ...args: string[]): string | undefined => {
    const options = { cwd: directory, encoding: 'utf8', timeout: 120_000 } as const;
    const { status, stderr, error } = spawnSync(command, args, options);
    return status === 0 ? undefined : (error?.message ?? stderr).trim().split('\n').at(-1)!;
  };
  if (run('apt-get', '-q', 'download', 'prometheus') !== undefined) {
    // Its lists may be old, or not there.
    const said = run('apt-get', '-q', 'update') ?? run('apt-get', '-q', 'download', 'prometheus');
    if (said !== undefined) return said;
  }
  const archive = readdirSync(directory).find((file) => file.endsWith('.deb'))!;
  return run('dpkg', '-x', archive, 'unpacked');
}

function runs(command: string): boolean {
  return spawnSync(command, ['--version']).status === 0;
}
