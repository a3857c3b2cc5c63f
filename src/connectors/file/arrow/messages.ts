import type { Schema } from 'apache-arrow';

import { readFully } from '../../../core/record-file.ts';
import { type PipelineError, reasonOf } from '../../../errors.ts';
import type { FileContents } from '../contents.ts';
import { unreadable } from '../unreadable.ts';
import type { ArrowPackage } from './peer.ts';

/** One message of a stream. */
export interface ArrowMessage {
  readonly kind: 'schema' | 'dictionary' | 'rows';
  readonly start: number;
  /** Where its body begins, and where that ends. */
  readonly bodyStart: number;
  readonly end: number;
  /** What comes before the body. */
  readonly head: Uint8Array;
  /** Of a schema. */
  readonly schema: Schema | undefined;
  /** Of a record batch. */
  readonly rows: number;
  /** Whether the buffers of a record batch, or a dictionary, are compressed with it. */
  readonly isLz4: boolean;
}

/** How a file begins that has a table of its record batches at its end. */
export const fileBegin: Uint8Array = new TextEncoder().encode('ARROW1\0\0');
/** How that ends. */
export const fileEnd: Uint8Array = fileBegin.subarray(0, 6);
/** What ends a stream: a mark that each message begins with since 2019, and no length. */
export const endOfStream: Uint8Array = new Uint8Array([255, 255, 255, 255, 0, 0, 0, 0]);

const continuation = 0xffff_ffff;
const metadataBytesMax = 67_108_864;

/** Whether a file has a table at its end: what is before that is a stream all the same. */
export async function isFileFormat(handle: FileContents): Promise<boolean> {
  const head = new Uint8Array(fileEnd.length);
  const read = await readFully(handle, head, 0);
  return read === head.length && head.every((byte, at) => byte === fileEnd[at]);
}

/**
 * The message that begins at an offset: `end` where the stream says that there is none, `eof` where
 * the file ends, `cut` where it ends within. Throws `ERR_CODEC_FORMAT` where something else is there.
 */
export async function messageAt(
  arrow: ArrowPackage,
  path: string,
  handle: FileContents,
  start: number,
): Promise<ArrowMessage | 'end' | 'eof' | 'cut'> {
  const prefix = new Uint8Array(8);
  const read = await readFully(handle, prefix, start);
  if (read < 4) return read === 0 ? 'eof' : 'cut';
  const view = new DataView(prefix.buffer);
  // Streams from before 2019 have no mark before the length.
  const isMarked = view.getUint32(0, true) === continuation;
  if (isMarked && read < 8) return 'cut';
  const metadataBytes = view.getInt32(isMarked ? 4 : 0, true);
  if (metadataBytes === 0) return 'end';
  if (metadataBytes < 0 || metadataBytes > metadataBytesMax) throw noMessage(path, start);
  const prefixBytes = isMarked ? 8 : 4;
  const head = new Uint8Array(prefixBytes + metadataBytes);
  if ((await readFully(handle, head, start)) < head.length) return 'cut';
  try {
    return describe(arrow, head, prefixBytes, start);
  } catch (cause) {
    throw noMessage(path, start, cause);
  }
}

function describe(
  arrow: ArrowPackage,
  head: Uint8Array,
  prefixBytes: number,
  start: number,
): ArrowMessage {
  const message = arrow.Message.decode(head.subarray(prefixBytes));
  const { bodyLength } = message;
  if (!(bodyLength >= 0)) throw new Error(`a body of ${bodyLength} bytes`);
  const bodyStart = start + head.length;
  const where = { start, bodyStart, end: bodyStart + bodyLength, head };
  const common = { ...where, schema: undefined, rows: 0, isLz4: false };
  if (message.isSchema()) return { ...common, kind: 'schema', schema: message.header() };
  const isLz4 = (compression: { readonly type: unknown } | null): boolean =>
    compression?.type === arrow.CompressionType.LZ4_FRAME;
  if (message.isDictionaryBatch()) {
    const { compression } = message.header().data;
    return { ...common, kind: 'dictionary', isLz4: isLz4(compression) };
  }
  if (!message.isRecordBatch()) throw new Error('a message of another type');
  const { length: rows, compression, nodes } = message.header();
  const [first] = nodes;
  const isWhole = first === undefined ? bodyLength === 0 : Number(first.length) === Number(rows);
  if (!isWhole)
    throw new Error(`a record batch of ${rows} rows, which are not those of its columns`);
  return { ...common, kind: 'rows', rows, isLz4: isLz4(compression) };
}

/** The error of a file with other bytes where a message is to be. */
export function noMessage(path: string, start: number, cause?: unknown): PipelineError {
  const why = cause === undefined ? '' : `: ${reasonOf(cause)}`;
  return unreadable(path, `has no message of Arrow at byte ${start}${why}`, { cause });
}
