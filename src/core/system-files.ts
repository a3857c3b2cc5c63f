import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';

import { PipelineError, reasonOf } from '../errors.ts';
import type { FileFacts, FileHandle, FileLock, Files, FileSpace } from './files.ts';

type OpenMode = Parameters<Files['open']>[1];

const { O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants;

// Written with O_APPEND throughout, so that a file somebody else cut short never gets a hole.
const flags: Record<OpenMode, number> = {
  read: O_RDONLY,
  replace: O_WRONLY | O_CREAT | O_TRUNC | O_APPEND,
  append: O_RDWR | O_CREAT | O_APPEND,
  private: O_RDWR | O_CREAT | O_APPEND,
};

/** The file system of this machine. Relative paths start at `directory`, unless given here. */
export function systemFiles(directory: string = process.cwd()): Files {
  const at = (path: string): string => resolve(directory, path);
  return {
    open: (path, mode) => guard(path, () => openFile(path, at(path), mode)),
    facts: (path) => guard(path, () => factsOf(at(path))),
    match: (pattern) => guard(pattern, () => matchFiles(pattern, directory)),
    readText: (path) => guard(path, () => readText(at(path))),
    space: (path) => guard(path, () => spaceOf(at(path))),
    makeDirectory: (path, access) => guard(path, () => makeDirectory(at(path), access)),
    lock: (path) => guard(path, () => lock(path, at(path))),
    rename: (from, to) => guard(from, () => rename(at(from), at(to))),
    remove: (path) => guard(path, () => fs.rm(at(path), { force: true })),
  };
}

class SystemFile implements FileHandle {
  readonly #path: string;
  readonly #handle: fs.FileHandle;
  // The directory whose entry for this file is new, until it is durable too.
  #directory: string | undefined;

  constructor(path: string, handle: fs.FileHandle, directory: string | undefined) {
    this.#path = path;
    this.#handle = handle;
    this.#directory = directory;
  }

  read(into: Uint8Array, offset: number): Promise<number> {
    return guard(this.#path, async () => {
      let filled = 0;
      while (filled < into.length) {
        const { bytesRead } = await this.#handle.read(
          into,
          filled,
          into.length - filled,
          offset + filled,
        );
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    });
  }

  append(bytes: Uint8Array): Promise<void> {
    return guard(this.#path, async () => {
      for (let written = 0; written < bytes.length;) {
        const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written);
        written += bytesWritten;
      }
    });
  }

  truncate(sizeBytes: number): Promise<void> {
    return guard(this.#path, () => this.#handle.truncate(sizeBytes));
  }

  sync(): Promise<void> {
    return guard(this.#path, async () => {
      await this.#handle.datasync().catch(unlessUnsupported);
      if (this.#directory === undefined) return;
      await syncDirectory(this.#directory);
      this.#directory = undefined;
    });
  }

  facts(): Promise<FileFacts> {
    return guard(this.#path, async () => toFacts(await this.#handle.stat()));
  }

  close(): Promise<void> {
    return guard(this.#path, () => this.#handle.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Makes a directory and those above it, durably. Node's own `recursive` spins for ever where a
 * directory that exists takes no entries and says ENOENT, as those under `/proc` do.
 */
async function makeDirectories(path: string, mode: number): Promise<void> {
  try {
    await fs.mkdir(path, mode);
    await syncDirectory(dirname(path));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      if ((await factsOf(dirname(path))) !== undefined) throw errnoError('EOPNOTSUPP');
      await makeDirectories(dirname(path), mode);
      await makeDirectories(path, mode);
    } else if (codeOf(error) !== 'EEXIST' || !(await fs.stat(path)).isDirectory()) throw error;
  }
}

async function makeDirectory(path: string, access: 'private' | undefined): Promise<void> {
  await makeDirectories(path, access === 'private' ? 0o700 : 0o777);
  if (access === 'private') assertPrivate(await fs.stat(path));
}

/** Throws, as the system does, where a directory is another user's or everybody may write to it. */
export function assertPrivate({ uid, mode }: Pick<Stats, 'uid' | 'mode'>): void {
  // Where there are no such owners, as on Windows, there is nothing to see either.
  const user = process.geteuid?.();
  if (user === undefined) return;
  if (uid !== user) throw errnoError('ERR_FOREIGN');
  if ((mode & 0o002) !== 0) throw errnoError('ERR_SHARED');
}

async function lock(path: string, absolute: string): Promise<FileLock | undefined> {
  const file = await openFile(path, absolute, 'private');
  await file.close();
  const { lockFile } = await import('./file-lock.ts');
  return lockFile(absolute);
}

async function openFile(path: string, absolute: string, mode: OpenMode): Promise<FileHandle> {
  const directory = dirname(absolute);
  const privately = mode === 'private';
  if (privately) await makeDirectories(directory, 0o700);
  const isNew = mode !== 'read' && (await factsOf(absolute)) === undefined;
  const handle = await fs.open(absolute, flags[mode], privately ? 0o600 : 0o666);
  try {
    // Opening a directory to read it succeeds on some systems and fails at the first read.
    if ((await handle.stat()).isDirectory()) throw errnoError('EISDIR');
    return new SystemFile(path, handle, isNew ? directory : undefined);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function factsOf(absolute: string): Promise<FileFacts | undefined> {
  try {
    return toFacts(await fs.stat(absolute));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function toFacts(stats: Stats): FileFacts {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other';
  const { size, mtimeMs, dev, ino, nlink } = stats;
  return { kind, sizeBytes: size, modifiedMs: mtimeMs, device: dev, inode: ino, links: nlink };
}

async function spaceOf(absolute: string): Promise<FileSpace> {
  const { bsize, blocks, bavail } = await fs.statfs(absolute);
  return { bytesTotal: blocks * bsize, bytesFree: bavail * bsize };
}

// Paths come as the pattern is written, relative or absolute: they name partitions.
async function matchFiles(pattern: string, directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of fs.glob(pattern, { cwd: directory, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = resolve(entry.parentPath, entry.name);
    found.push(isAbsolute(pattern) ? path : relative(directory, path));
  }
  return found.sort();
}

async function readText(absolute: string): Promise<string> {
  return new TextDecoder('utf-8', { fatal: true }).decode(await fs.readFile(absolute));
}

async function rename(from: string, to: string): Promise<void> {
  await fs.rename(from, to);
  for (const directory of new Set([dirname(to), dirname(from)])) await syncDirectory(directory);
}

/** Makes the entries of a directory durable, where the system can. */
async function syncDirectory(directory: string): Promise<void> {
  try {
    await using handle = await fs.open(directory, O_RDONLY);
    await handle.sync();
  } catch (error) {
    unlessUnsupported(error);
  }
}

// Devices and pipes cannot be synced, and on some systems neither can directories.
function unlessUnsupported(error: unknown): void {
  if (!['EINVAL', 'ENOTSUP', 'EISDIR', 'EPERM', 'EACCES'].includes(codeOf(error) ?? ''))
    throw error;
}

async function guard<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Codes of errors; two of them, of directories that are not private, are ours. */
const causes: Readonly<Record<string, { fact: string; remedy: string; retryable?: boolean }>> = {
  ENOENT: { fact: 'does not exist', remedy: 'check the path' },
  EISDIR: {
    fact: 'is a directory',
    remedy: 'name a file in it, or a pattern such as `dir/*.ndjson`',
  },
  ENOTDIR: { fact: 'has a parent that is not a directory', remedy: 'check the path' },
  EEXIST: { fact: 'has a parent that is not a directory', remedy: 'check the path' },
  EACCES: { fact: 'may not be opened: no permission', remedy: 'check its owner and mode' },
  EPERM: { fact: 'may not be opened: no permission', remedy: 'check its owner and mode' },
  EOPNOTSUPP: { fact: 'cannot be made: nothing can be made there', remedy: 'choose another place' },
  ERR_FOREIGN: {
    fact: 'belongs to another user',
    remedy: 'run as that user, or choose another place',
  },
  ERR_SHARED: {
    fact: 'may be written to by everybody',
    remedy: 'take that away: `chmod o-w`',
  },
  EROFS: { fact: 'is on a read-only file system', remedy: 'choose another place' },
  ENOSPC: {
    fact: 'cannot be written: the disk is full',
    remedy: 'free some space',
    retryable: true,
  },
  EDQUOT: {
    fact: 'cannot be written: the quota is used up',
    remedy: 'free some space',
    retryable: true,
  },
  EMFILE: {
    fact: 'cannot be opened: too many open files',
    remedy: 'raise `ulimit -n`',
    retryable: true,
  },
};

/** A system error about a path as the error that every `Files` throws. */
export function fileError(path: string, thrown: unknown): PipelineError {
  const known = causes[codeOf(thrown) ?? ''];
  const malformed =
    thrown instanceof TypeError && codeOf(thrown) === 'ERR_ENCODING_INVALID_ENCODED_DATA';
  const fact = known?.fact ?? (malformed ? 'is not valid UTF-8' : reasonOf(thrown));
  return new PipelineError({
    code: 'ERR_CONNECTOR_FILE',
    place: path,
    fact,
    cause: thrown,
    retryable: known?.retryable ?? false,
    ...(known === undefined ? {} : { remedy: known.remedy }),
  });
}

/** An error as the operating system gives it, by its code: `ENOSPC`. */
export function errnoError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

function codeOf(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException | undefined)?.code;
}
