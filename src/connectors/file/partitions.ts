import { createSha256 } from '../../batch/hash.ts';
import type { JsonValue } from '../../batch/index.ts';
import type { FileFacts, FileHandle, Files } from '../../core/index.ts';
import { readFully } from '../../core/record-file.ts';
import { PipelineError } from '../../errors.ts';

const headBytesMax = 1024;

/** How far a file has been read, and which file it was: a name alone does not tell. */
export interface FilePosition {
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  /** The first bytes, at most 1 KiB, and their SHA-256. */
  readonly headBytes: number;
  readonly headSha256: string;
  readonly offset: number;
  /** The names in a CSV header. */
  readonly columns?: readonly string[];
}

/**
 * The files that paths and patterns name, sorted, each once however often and by whatever name it is
 * found. `refuse` is told of each that is missing, or no file.
 */
export async function findFiles(
  files: Files,
  paths: readonly string[],
  refuse: (refusal: PipelineError) => void,
): Promise<string[]> {
  const named: string[] = [];
  for (const path of paths) {
    if (!isPattern(path) || (await files.facts(path)) !== undefined) {
      named.push(path);
      continue;
    }
    const matches = await files.match(path);
    if (matches.length === 0) {
      const remedy = 'check the pattern, and where the run was started';
      refuse(refused(path, 'matches no file', remedy));
    }
    named.push(...matches);
  }
  const found = new Map<string, string>();
  for (const path of named.sort()) {
    const facts = await files.facts(path);
    if (facts?.kind !== 'file') {
      refuse(noFile(path, facts));
      continue;
    }
    const identity = `${facts.device} ${facts.inode}`;
    if (!found.has(identity)) found.set(identity, path);
  }
  return [...found.values()];
}

function isPattern(path: string): boolean {
  return /[*?[{]/.test(path);
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
  handle: FileHandle,
  headBytes: number = headBytesMax,
): Promise<FilePosition & { readonly sizeBytes: number }> {
  const { device, inode, sizeBytes } = await handle.facts();
  const head = new Uint8Array(Math.min(headBytes, headBytesMax, sizeBytes));
  const read = await readFully(handle, head, 0);
  const headSha256 = createSha256().update(head.subarray(0, read)).digest('hex');
  return { path, device, inode, headBytes: read, headSha256, offset: 0, sizeBytes };
}

/** Why an open file is not the one of a saved position; undefined where it is. */
export async function changeSince(
  saved: FilePosition,
  handle: FileHandle,
): Promise<string | undefined> {
  const now = await identify(saved.path, handle, saved.headBytes);
  if (now.device !== saved.device || now.inode !== saved.inode) return 'another file has its name';
  if (now.sizeBytes < saved.offset) return 'it is shorter than what was read of it';
  if (now.headSha256 !== saved.headSha256) return 'its beginning has changed';
  return undefined;
}

/** The saved positions in what a run was resumed with. */
export function parsePositions(from: JsonValue, id: string): readonly FilePosition[] {
  const files = (from as { files?: unknown } | null)?.files;
  if (Array.isArray(files) && files.every(isFilePosition)) return files;
  throw new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: id,
    fact: 'the saved position is not one of a file source',
    remedy: 'start without it',
  });
}

function isFilePosition(value: unknown): value is FilePosition {
  const { path, device, inode, headBytes, headSha256, offset } = (value ??
    {}) as Partial<FilePosition>;
  return (
    typeof path === 'string' &&
    typeof headSha256 === 'string' &&
    [device, inode].every((number) => typeof number === 'number') &&
    [headBytes, offset].every((number) => Number.isSafeInteger(number) && number! >= 0)
  );
}

function refused(path: string, fact: string, remedy: string): PipelineError {
  return new PipelineError({ code: 'ERR_CONNECTOR_FILE', place: path, fact, remedy });
}
