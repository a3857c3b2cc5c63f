import { Buffer } from 'node:buffer';

import type { DecodeOptions, Decoder, UndecodedRecord } from '../../../src/batch/codec.ts';
import type { Batch, Fields, Schema } from '../../../src/batch/index.ts';
import { CsvDecoder } from '../../../src/batch/codec/csv-decoder.ts';
import type { CodecPath } from '../../../src/batch/codec/kernels.ts';
import { NdjsonDecoder } from '../../../src/batch/codec/ndjson-decoder.ts';

export interface Decoded {
  readonly rows: Record<string, unknown>[];
  readonly positions: number[];
  readonly failed: UndecodedRecord[];
  readonly counts: Record<string, number>;
  readonly batches: number[];
  /** Where the decoder says to resume, at the end. */
  readonly position: number;
  readonly columns: readonly string[] | null;
}

export interface Decoding extends Omit<DecodeOptions, 'report'> {
  readonly chunkBytes?: number;
  readonly path?: CodecPath;
}

/** Decodes all of `input`, in chunks of one size, by one of the paths. */
export function decode<F extends Fields>(
  format: 'ndjson' | 'csv',
  schema: Schema<F>,
  input: string | Uint8Array,
  { chunkBytes = 1_000_000, path = 'kernels', ...options }: Decoding = {},
): Decoded {
  const failed: UndecodedRecord[] = [];
  const counts: Record<string, number> = {};
  const report = {
    failed: (record: UndecodedRecord) => void failed.push(record),
    counted: (what: string, count: number) => void (counts[what] = (counts[what] ?? 0) + count),
  };
  const Class = format === 'csv' ? CsvDecoder : NdjsonDecoder;
  const decoder: Decoder<F> = new Class(schema, { ...options, report }, path);
  const rows: Record<string, unknown>[] = [];
  const positions: number[] = [];
  const batches: number[] = [];
  const drain = (): void => {
    for (let batch: Batch<F> | null; (batch = decoder.next()) !== null; batch.release()) {
      batches.push(batch.length);
      rows.push(...(batch.toRows() as Record<string, unknown>[]));
      for (let row = 0; row < batch.length; row++) positions.push(batch.origin.position(row));
    }
  };
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    // A copy, as if the caller used its buffer again.
    const chunk = new Uint8Array(bytes.subarray(at, at + chunkBytes));
    decoder.push(chunk);
    drain();
    chunk.fill(0x7a);
  }
  decoder.end();
  drain();
  const { position, columns } = decoder;
  return { rows, positions, failed, counts, batches, position, columns };
}

/** The reasons of the records that failed. */
export function reasons({ failed }: Decoded): string[] {
  return failed.map((record) => record.reason);
}
