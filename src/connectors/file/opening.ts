import type { Logger, SourceContext } from '../../core/index.ts';
import type { RefusedRecords } from '../../core/refused-records.ts';
import type { Schema } from '../../batch/index.ts';
import type { FileContents } from './contents.ts';
import type { FileFormat, FileToRead } from './file-format.ts';
import type { Compression } from './format.ts';
import { openContents } from './open-contents.ts';
import type { Start } from './start.ts';
import { changeSince, type FilePosition, identify } from './partitions.ts';

/** Which files are read, and how each. */
export interface FileReading {
  readonly paths: readonly string[];
  /** Rejects where the name of a file does not tell its format. */
  readonly formatFor: (path: string) => Promise<FileFormat>;
  readonly compressionOf: (path: string) => Compression;
  /** Found in the files unless given. */
  readonly schema: Schema | undefined;
  /** How often to look for more, where the files are followed. */
  readonly pollMs: number | undefined;
  /** Where to begin in files that are there at the first run. */
  readonly start: Start;
}

/** A file that was opened, and how. */
export interface Opened {
  readonly file: FileToRead;
  readonly format: FileFormat;
  /** Why it is not the file of the saved position, where it is not. */
  readonly change: string | undefined;
}

/**
 * Opens a file where an earlier run left off, or at its beginning where it is another by now. `name`:
 * what tells its format and compression, where it was renamed.
 */
export async function openFile(
  reading: FileReading,
  { path, name = path }: { readonly path: string; readonly name?: string },
  saved: FilePosition | undefined,
  context: SourceContext,
  refused: RefusedRecords,
  start: Start = 'beginning',
): Promise<Opened> {
  const { files, clock } = context;
  const format = await reading.formatFor(name);
  const handle = await openContents(files, path, reading.compressionOf(name), clock);
  return closedUnless(handle, async () => {
    const identity = await identify(path, handle);
    const change = saved && (await changeSince(saved, handle, format.unit));
    let from = change === undefined ? saved : undefined;
    if (saved === undefined && start !== 'beginning') {
      const begun = await format.startIn(path, handle, start, context.output);
      from = { ...identity, ...begun };
    }
    return { file: { path, handle, identity, from, context, refused }, format, change };
  });
}

/** Does something with an open file, which is closed where that fails. */
export async function closedUnless<T>(handle: FileContents, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Says that a file is read from its beginning, and why. */
export function tellReplaced(log: Logger, path: string, reason: string, offset: number): void {
  log.warning('file.replaced', { path, reason, offset });
}
