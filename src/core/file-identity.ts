import { basename, dirname, join, matchesGlob } from 'node:path';

import type { FileFacts, Files } from './files.ts';

/**
 * What two paths of one file share, whichever links lead to it: its device and inode, or, where it
 * is not there yet, those of the nearest directory that is. Undefined where that cannot be known.
 */
export async function fileIdentity(files: Files, path: string): Promise<string | undefined> {
  let below = '';
  for (let at = path; ; at = dirname(at)) {
    const facts = await factsOf(files, at);
    // Devices and pipes may be shared: nothing in them is emptied.
    if (below === '' && facts !== undefined && facts.kind !== 'file') return undefined;
    if (facts !== undefined) return `${facts.device}:${facts.inode}/${below}`;
    if (dirname(at) === at) return undefined;
    below = join(basename(at), below);
  }
}

/** Whether files are looked for by it; else it is the path of one. */
export function isPattern(path: string): boolean {
  return /[*?[{]/.test(path);
}

/** Whether a path is one of those that a pattern, or a path, stands for. */
export function isMeantBy(path: string, pattern: string): boolean {
  // Node loads what matches patterns when it is first asked to.
  return path === pattern || (isPattern(pattern) && matchesGlob(path, pattern));
}

/** Whether a pattern or a path names a file, which may be there under another name or not yet. */
export async function namesFile(
  files: Files,
  pattern: string,
  path: string,
  identity: string,
): Promise<boolean> {
  if ((await fileIdentity(files, pattern)) === identity) return true;
  if (!isPattern(pattern)) return false;
  for (const match of await files.match(pattern).catch(() => [])) {
    if ((await fileIdentity(files, match)) === identity) return true;
  }
  if (!isMeantBy(basename(path), basename(pattern))) return false;
  return identity === (await fileIdentity(files, join(dirname(pattern), basename(path))));
}

/** Undefined too where it may not be asked for: opening it will tell. */
async function factsOf(files: Files, path: string): Promise<FileFacts | undefined> {
  return files.facts(path).catch(() => undefined);
}
