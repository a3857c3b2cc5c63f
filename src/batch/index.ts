export { Batch, BatchBuilder } from './batch.ts';
export { type Bitmap, bitmapBytes, clearBit, createBitmap, getBit, setBit } from './bitmap.ts';
export {
  type ColumnWriter,
  createColumnWriter,
  describeValue,
  fixedValue,
  MisfitError,
  type MisfitReason,
} from './column-writer.ts';
export { giveValues, takeValues, type Values } from './buffers.ts';
export { createDecoder, createEncoder } from './codec.ts';
export {
  type DecodeFormat,
  decodeFormats,
  type DecodeOptions,
  type Decoder,
  type DecodeReason,
  type DecodeReport,
  type EncodeFormat,
  encodeFormats,
  type EncodeOptions,
  type Encoder,
  type NumberPolicy,
  numberPolicies,
  type TextEncoding,
  textEncodings,
  type UndecodedRecord,
} from './codec/contract.ts';
export {
  BytesColumn,
  type BytesKind,
  CategoryColumn,
  type CellValue,
  type Column,
  FixedColumn,
  type FixedKind,
  valuesTypeOf,
} from './column.ts';
export { RecordScanner } from './codec/csv-record.ts';
export { formatTimestamp, parseTimestamp } from './codec/timestamp.ts';
export { Dictionary, dictionaryLimits } from './dictionary.ts';
export { nearest } from './nearest.ts';
export { inferSchema, type InferOptions } from './infer.ts';
export { createSha256 } from './hash.ts';
export { Origin } from './origin.ts';
export {
  bindRow,
  createCallbackRow,
  createRow,
  createRowLoops,
  moveRow,
  readRow,
  type Row,
  type RowFailed,
  type RowLoops,
  toObject,
  unbindRow,
} from './row.ts';
export {
  type Field,
  type FieldOf,
  type Fields,
  type FieldType,
  type JsonValue,
  type Kind,
  kinds,
  type NumericField,
  parseFieldType,
  type RecordOf,
  Schema,
  schema,
  type ValueOf,
  type WithFields,
} from './schema.ts';
export { allRows, Selection } from './selection.ts';
export { type BatchMessage, BatchReceiver, BatchSender } from './transfer.ts';
