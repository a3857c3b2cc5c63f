import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

import { userDirectory } from '../core/user-directory.ts';

/**
 * Lets Node keep what it compiles, for the next start, in a cache directory that nobody else may
 * write: what is there is run. Does nothing where there is no such directory, or where the
 * environment says so, or where to.
 */
export function keepCompiled(env: Readonly<Record<string, string | undefined>>): void {
  if (env['NODE_DISABLE_COMPILE_CACHE'] || env['NODE_COMPILE_CACHE']) return;
  try {
    const caches = userDirectory('cache', env);
    const directory = join(caches, 'compile');
    for (const one of [caches, directory]) {
      mkdirSync(one, { recursive: true, mode: 0o700 });
      if (!isPrivate(lstatSync(one))) return;
    }
    enableCompileCache(directory);
  } catch {
    // Without it the start takes longer, and nothing else.
  }
}

/** A link is none: it may lead to where others write. */
function isPrivate(stats: Stats): boolean {
  if (!stats.isDirectory()) return false;
  return process.getuid === undefined || (stats.uid === process.getuid() && !(stats.mode & 0o022));
}
