import { createSha256 } from '../../batch/hash.ts';
import { isPattern } from '../../core/file-identity.ts';
import type { FileFacts, Files } from '../../core/index.ts';
import { readFully } from '../../core/record-file.ts';
import { PipelineError } from '../../errors.ts';
import type { FileContents } from './contents.ts';

const headBytesMax = 1024;

/** How far a file has been read, and which file it was: a name alone does not tell. */
export interface FilePosition {
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  /** The first bytes, decompressed, at most 1 KiB, and their SHA-256. */
  readonly headBytes: number;
  readonly headSha256: string;
  /** In bytes, decompressed, or in rows, as its format counts. */
  readonly offset: number;
  /** The names in a CSV header. */
  readonly columns?: readonly string[];
  /** What its records say that they are of, where that is not the path. */
  readonly partition?: string;
}

/** A file, by the first of its names. */
export interface FoundFile {
  readonly path: string;
  readonly facts: FileFacts;
}

/**
 * The files that paths and patterns name, sorted, each once however often and by whatever name it is
 * found. `refuse` is told of each that is no file, and of each that is missing, unless those are
 * `awaited`.
 */
export async function findFiles(
  files: Files,
  paths: readonly string[],
  refuse: (refusal: PipelineError) => void,
  missing: 'refused' | 'awaited' = 'refused',
): Promise<FoundFile[]> {
  const isRefused = missing === 'refused';
  const named: string[] = [];
  for (const path of paths) {
    if (!isPattern(path) || (await files.facts(path)) !== undefined) {
      named.push(path);
      continue;
    }
    const matches = await files.match(path);
    if (matches.length === 0 && isRefused) {
      const remedy = 'check the pattern, and where the run was started';
      refuse(refused(path, 'matches no file', remedy));
    }
    for (const match of matches) named.push(match);
  }
  const found = new Map<string, FoundFile>();
  for (const [path, facts] of await factsOf(files, [...new Set(named)].sort())) {
    if (facts?.kind === 'file') {
      const identity = identityOf(facts);
      if (!found.has(identity)) found.set(identity, { path, facts });
    } else if (facts !== undefined || isRefused) refuse(noFile(path, facts));
  }
  return [...found.values()];
}

const askedAtOnce = 64;

/** What is known of each path, in their order. */
export async function factsOf(
  files: Files,
  paths: readonly string[],
): Promise<(readonly [path: string, facts: FileFacts | undefined])[]> {
  const known: (readonly [string, FileFacts | undefined])[] = [];
  for (let at = 0; at < paths.length; at += askedAtOnce) {
    const some = paths.slice(at, at + askedAtOnce);
    const facts = await Promise.all(some.map((path) => files.facts(path)));
    for (const [index, path] of some.entries()) known.push([path, facts[index]]);
  }
  return known;
}

/** What two names of one file have in common. */
export function identityOf({ device, inode }: Pick<FileFacts, 'device' | 'inode'>): string {
  return `${device} ${inode}`;
}

function noFile(path: string, facts: FileFacts | undefined): PipelineError {
  if (facts === undefined) return refused(path, 'does not exist', 'check the path');
  if (facts.kind === 'other') {
    return refused(path, 'is not a regular file', 'pipe it into a `stdin` source');
  }
  const pattern = `${path.replace(/\/+$/, '')}/*.ndjson`;
  const remedy = `name a file in it, or a pattern such as \`${pattern}\``;
  return refused(path, 'is a directory', remedy);
}

/** Which file an open one is. `headBytes`: how much of its head to look at. */
export async function identify(
  path: string,
  handle: FileContents,
  headBytes: number = headBytesMax,
): Promise<FilePosition & { readonly sizeBytes: number }> {
  const { device, inode, sizeBytes } = await handle.facts();
  const head = new Uint8Array(Math.min(headBytes, headBytesMax));
  const read = await readFully(handle, head, 0);
  const headSha256 = createSha256().update(head.subarray(0, read)).digest('hex');
  return { path, device, inode, headBytes: read, headSha256, offset: 0, sizeBytes };
}

/** Why an open file is not the one of a saved position; undefined where it is. */
export async function changeSince(
  saved: FilePosition,
  handle: FileContents,
  unit: 'bytes' | 'rows',
): Promise<string | undefined> {
  const now = await identify(saved.path, handle, saved.headBytes);
  if (now.device !== saved.device || now.inode !== saved.inode) return 'another file has its name';
  const { compressed } = handle;
  if (unit === 'bytes' && compressed === undefined && now.sizeBytes < saved.offset) return shorter;
  if (now.headSha256 !== saved.headSha256) return 'its beginning has changed';
  if (compressed === undefined || saved.offset === 0) return undefined;
  // Only what was decompressed tells how long something compressed is.
  return (await handle.read(new Uint8Array(1), saved.offset - 1)) === 0 ? shorter : undefined;
}

const shorter = 'it is shorter than what was read of it';

function refused(path: string, fact: string, remedy: string): PipelineError {
  return new PipelineError({ code: 'ERR_CONNECTOR_FILE', place: path, fact, remedy });
}
