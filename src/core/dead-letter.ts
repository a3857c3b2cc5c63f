import { Buffer } from 'node:buffer';

import { createSha256 } from '../batch/hash.ts';
import { schema, type Schema } from '../batch/index.ts';

/** The fields of a dead letter, whatever sink takes it. */
export type DeadLetterFields = {
  readonly time: 'timestamp';
  readonly pipeline: 'category';
  readonly source: 'category';
  readonly partition: 'category';
  /** A byte offset in a file, a sequence number elsewhere. */
  readonly position: 'float64';
  readonly component: 'category';
  readonly reason: 'category';
  readonly message: 'text';
  readonly record: 'text';
  readonly recordEncoding: 'category';
  /** The length of the whole record, also where `record` is only its beginning. */
  readonly recordBytes: 'float64';
  readonly recordSha256: 'text?';
  readonly recordId: 'text?';
};

/** The schema of the batches that the engine writes to the dead-letter sink. */
export const deadLetterSchema: Schema<DeadLetterFields> = schema({
  time: 'timestamp',
  pipeline: 'category',
  source: 'category',
  partition: 'category',
  position: 'float64',
  component: 'category',
  reason: 'category',
  message: 'text',
  record: 'text',
  recordEncoding: 'category',
  recordBytes: 'float64',
  recordSha256: 'text?',
  recordId: 'text?',
});

/** How much of a record a dead letter keeps. */
export const deadLetterRecordBytesMax = 65_536;

/** The part of a dead letter that is the record. */
export interface RecordExcerpt {
  readonly record: string;
  /** `base64` where the record is not UTF-8, so that nothing of it is lost. */
  readonly recordEncoding: 'utf8' | 'base64';
  readonly recordBytes: number;
  /** In hex; null where `record` is all of it. */
  readonly recordSha256: string | null;
}

/**
 * A record as a dead letter keeps it: whole, or its first 64 KiB with its length and SHA-256.
 * `whole` says these where the caller has only the beginning.
 */
export function excerptRecord(
  record: Uint8Array,
  whole: { readonly recordBytes?: number; readonly recordSha256?: string } = {},
): RecordExcerpt {
  const { recordBytes = record.length } = whole;
  const bytes = record.subarray(0, deadLetterRecordBytesMax);
  const isWhole = bytes.length === recordBytes;
  const text = textOf(bytes, isWhole);
  return {
    record: text ?? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64'),
    recordEncoding: text === undefined ? 'base64' : 'utf8',
    recordBytes,
    recordSha256: isWhole ? null : (whole.recordSha256 ?? sha256Of(record, recordBytes)),
  };
}

function sha256Of(record: Uint8Array, recordBytes: number): string | null {
  return record.length < recordBytes ? null : createSha256().update(record).digest('hex');
}

/** Undefined where it is not UTF-8. The last character of a beginning may be cut: it is left out. */
function textOf(bytes: Uint8Array, isWhole: boolean): string | undefined {
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return decoder.decode(bytes, { stream: !isWhole });
  } catch {
    return undefined;
  }
}
