import { basename, dirname } from 'node:path';

import type { FileFacts, Files } from '../../core/index.ts';

/**
 * What two paths of one file share, whichever links lead to it: its device and inode, or those of
 * its directory where it is not there yet. Undefined where that cannot be known.
 */
export async function fileIdentity(files: Files, path: string): Promise<string | undefined> {
  const facts = await factsOf(files, path);
  // Devices and pipes may be shared: nothing in them is emptied.
  if (facts !== undefined) return facts.kind === 'file' ? keyOf(facts) : undefined;
  const directory = await factsOf(files, dirname(path));
  return directory && `${keyOf(directory)}/${basename(path)}`;
}

/** The files that a pattern or a path names now. */
export async function filesNamed(files: Files, pattern: string): Promise<readonly string[]> {
  return [pattern, ...(await files.match(pattern).catch(() => []))];
}

/** Undefined too where it may not be asked for: opening it will tell. */
async function factsOf(files: Files, path: string): Promise<FileFacts | undefined> {
  return files.facts(path).catch(() => undefined);
}

function keyOf({ device, inode }: FileFacts): string {
  return `${device}:${inode}`;
}
