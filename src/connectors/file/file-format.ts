import type { Batch, Schema } from '../../batch/index.ts';
import type { SourceContext } from '../../core/index.ts';
import type { RefusedRecords } from '../../core/refused-records.ts';
import type { FileContents } from './contents.ts';
import type { FilePosition } from './partitions.ts';
import type { Start, StartPosition } from './start.ts';

/** One open file of a source: its batches, in order. */
export interface FileReader {
  /** Where to resume behind the last batch that was given. */
  readonly position: FilePosition;
  /** About how many bytes of it are left to read. */
  readonly bytesLeft: number;
  /** True once every record of it was given. */
  readonly isFinished: boolean;
  /** The next batch; none at the end, and none where many are refused before a batch is full. */
  read(signal: AbortSignal): Promise<Batch | undefined>;
  close(): Promise<void>;
}

/**
 * One open file that may grow. It gives nothing at its end for now, and from time to time before it:
 * then, where not many records are refused, others may be read before it goes on.
 */
export interface FollowingReader extends FileReader {
  /** How many bytes of the file were read. */
  readonly fileBytes: number;
  /** Whether there was nothing more when it was last read. */
  readonly isAtEnd: boolean;
  /** Reads no more: what was read is given, and then it is finished. */
  end(): void;
}

/** An open file, where its reader begins, and what that reports to. */
export interface FileToRead {
  readonly path: string;
  /** What its records say that they are of; the path unless given. */
  readonly partition?: string;
  readonly handle: FileContents;
  readonly identity: FilePosition & { readonly sizeBytes: number };
  /** Where an earlier run left off in this very file; undefined at its beginning. */
  readonly from: FilePosition | undefined;
  readonly context: SourceContext;
  /** Takes the records that become no row. */
  readonly refused: RefusedRecords;
}

/**
 * How files of one format are read. Formats differ in how they get at their rows, from one end of the
 * file to the other or by a table at its end: each opens a reader over the handle.
 */
export interface FileFormat {
  /** What `FilePosition.offset` counts. */
  readonly unit: 'bytes' | 'rows';
  /** The schema that a file shows; undefined where it holds nothing that would. */
  findSchema(path: string, handle: FileContents): Promise<Schema | undefined>;
  /** Throws where a file does not fit a schema. */
  check(path: string, handle: FileContents, schema: Schema): Promise<void>;
  /** Takes over the handle, unless it throws. */
  open(file: FileToRead): Promise<FileReader>;
  /**
   * Where to begin in a file that no earlier run has read. Throws where that is not between records.
   */
  startIn(path: string, handle: FileContents, start: Start, schema: Schema): Promise<StartPosition>;
  /** As `open` for a file that grows; not there where the format has no such files. */
  follow?(file: FileToRead): Promise<FollowingReader>;
}
