import type {
  DecodeFormat,
  DecodeOptions,
  Decoder,
  EncodeFormat,
  EncodeOptions,
  Encoder,
} from './codec/contract.ts';
import { CsvDecoder } from './codec/csv-decoder.ts';
import { CsvEncoder } from './codec/csv-encoder.ts';
import { JsonEncoder } from './codec/json-encoder.ts';
import { NdjsonDecoder } from './codec/ndjson-decoder.ts';
import type { Fields, Schema } from './schema.ts';

export type {
  DecodeFormat,
  DecodeOptions,
  Decoder,
  DecodeReason,
  DecodeReport,
  EncodeFormat,
  EncodeOptions,
  Encoder,
  NumberPolicy,
  TextEncoding,
  UndecodedRecord,
} from './codec/contract.ts';
export {
  Chunk,
  ChunkBuffers,
  ChunkCutter,
  ChunkDecoder,
  type ChunkFields,
  chunkSchema,
} from './codec/chunks.ts';
export { inferSchema, type InferOptions } from './infer.ts';

/** A decoder of one stream of bytes. Throws `ERR_CODEC_FORMAT` where an option makes no sense. */
export function createDecoder<F extends Fields>(
  format: DecodeFormat,
  schema: Schema<F>,
  options: DecodeOptions,
): Decoder<F> {
  return format === 'csv' ? new CsvDecoder(schema, options) : new NdjsonDecoder(schema, options);
}

/** An encoder of batches of one schema. Throws `ERR_CODEC_FORMAT` where an option makes no sense. */
export function createEncoder(
  format: EncodeFormat,
  schema: Schema,
  options: EncodeOptions = {},
): Encoder {
  if (format === 'csv') return new CsvEncoder(schema, options);
  return new JsonEncoder(schema, options, format === 'json');
}
