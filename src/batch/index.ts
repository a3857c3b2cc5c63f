// What components are made of. Codecs, Arrow and the way to a worker have entries of their own.
export { Batch, BatchBuilder } from './batch.ts';
export { type Bitmap, clearBit, createBitmap, getBit, setBit } from './bitmap.ts';
export { giveValues, takeValues, type Values } from './buffers.ts';
export {
  BytesColumn,
  type BytesKind,
  CategoryColumn,
  type CellValue,
  type Column,
  FixedColumn,
  type FixedKind,
} from './column.ts';
export { MisfitError, type MisfitReason } from './column-writer.ts';
export { Dictionary } from './dictionary.ts';
export { EncodedBatch } from './encoded-batch.ts';
export { Origin } from './origin.ts';
export { toObject } from './row.ts';
export {
  type Field,
  type FieldOf,
  type Fields,
  type FieldsOf,
  type FieldSpec,
  type FieldSpecs,
  type FieldType,
  type JsonValue,
  type Kind,
  kinds,
  type NumericField,
  type RecordOf,
  Schema,
  schema,
  type ValueOf,
  type WithFields,
} from './schema.ts';
export { Selection } from './selection.ts';
