import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';

import { systemFiles } from '../core/index.ts';
import { PipelineError } from '../errors.ts';

/**
 * Opens a file of a state directory that is for its owner alone (mode 0600). `make`: to be written
 * too, and made where there is none; else undefined where there is none. Throws
 * `ERR_CONFIG_INVALID` where others own or read it, or it is a link.
 */
export function openOwn(path: string, access: 'make'): Promise<FileHandle>;
export function openOwn(path: string, access: 'read'): Promise<FileHandle | undefined>;
export async function openOwn(
  path: string,
  access: 'make' | 'read',
): Promise<FileHandle | undefined> {
  const flags = access === 'make' ? constants.O_RDWR | constants.O_CREAT : constants.O_RDONLY;
  let file: FileHandle;
  try {
    file = await open(path, flags | (constants.O_NOFOLLOW ?? 0), 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (access === 'read' && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
    throw unusable(path, 'cannot be opened, or is a link', cause);
  }
  try {
    const { mode, uid } = await file.stat();
    const isForeign = process.getuid !== undefined && uid !== process.getuid();
    if (isForeign) throw unusable(path, 'belongs to another user');
    if (process.getuid !== undefined && (mode & 0o077) !== 0) {
      throw unusable(path, 'is open to other users');
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * What a file in a state directory holds, for its owner alone: made the first time, read and checked by
 * `parsed` ever after. Throws `ERR_CONFIG_INVALID` as `openOwn` does.
 */
export async function keptOwn<T>(
  directory: string,
  fileName: string,
  made: () => T,
  parsed: (path: string, text: string) => T,
): Promise<T> {
  await systemFiles().makeDirectory(directory, 'private');
  const path = join(directory, fileName);
  await using file = await openOwn(path, 'make');
  if ((await file.stat()).size > 0) return parsed(path, await file.readFile('utf8'));
  const content = made();
  await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
  await file.sync();
  return content;
}

/** Why a file that is kept is of no use. */
export function unusable(path: string, fact: string, cause?: unknown): PipelineError {
  const remedy = 'remove it: it is made anew';
  return new PipelineError({ code: 'ERR_CONFIG_INVALID', place: path, fact, remedy, cause });
}
