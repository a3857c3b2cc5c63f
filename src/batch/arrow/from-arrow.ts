import { PipelineError } from '../../errors.ts';
import { Batch } from '../batch.ts';
import { type Bitmap, clearBit, createBitmap, getBit } from '../bitmap.ts';
import { takeValues } from '../buffers.ts';
import { BytesColumn, CategoryColumn, type Column, FixedColumn } from '../column.ts';
import { Dictionary } from '../dictionary.ts';
import { ofNanoseconds } from '../nanoseconds.ts';
import { Origin } from '../origin.ts';
import { type Field, type Fields, type Kind, Schema } from '../schema.ts';
import {
  type ArrowData,
  type ArrowField,
  type ArrowRecordBatch,
  type ArrowTable,
  arrowTypes,
  jsonExtension,
} from './structure.ts';

/**
 * The batches of an Arrow table, one for each of its record batches. Columns see Arrow's buffers
 * where the layouts agree, which must not be written to afterwards. The schema is made of Arrow's
 * unless given; then text may become category or json. Throws `ERR_BATCH_SCHEMA` for types that no
 * kind holds and for nulls where none may be, `ERR_BATCH_VALUE` for values that do not fit.
 */
export function fromArrow<F extends Fields = Fields>(
  data: ArrowTable | ArrowRecordBatch,
  schema?: Schema<F>,
): Batch<F>[] {
  const given = 'batches' in data ? data.batches : [data];
  const made = (schema ?? new Schema(data.schema.fields.map(fieldOf))) as Schema<F>;
  const dictionaries: Dictionaries = new Map();
  let rows = 0;
  return given.map((recordBatch) => {
    const columns = made.fields.map((field) => columnOf(recordBatch, field, dictionaries));
    const { length } = recordBatch.data;
    const origin = new Origin('arrow', '', rows);
    rows += length;
    return new Batch(made, columns, length, origin);
  });
}

/**
 * Our dictionary of each of Arrow's, by what that begins with, and where its codes are in ours. Batches
 * that share them share those, also while they grow.
 */
export type Dictionaries = Map<object, KnownDictionary>;

interface KnownDictionary {
  readonly dictionary: Dictionary;
  /** By Arrow's code; −1 for null. */
  readonly codes: number[];
  /** Whether the codes are the same. */
  isSame: boolean;
}

/** The column of a field. Throws `ERR_BATCH_SCHEMA` and `ERR_BATCH_VALUE` as `fromArrow` does. */
export function columnOf(
  recordBatch: ArrowRecordBatch,
  field: Field,
  dictionaries: Dictionaries,
): Column {
  const at = recordBatch.schema.fields.findIndex(({ name }) => name === field.name);
  const from = recordBatch.schema.fields[at];
  if (from === undefined) throw misfit(field, 'is not in the Arrow data');
  return toColumn(recordBatch.data.children[at]!, field, fieldOf(from).kind, dictionaries);
}

/** The field that Arrow's is. Throws `ERR_BATCH_SCHEMA` where no kind holds its values. */
export function fieldOf({ name, type, nullable, metadata }: ArrowField): Field {
  const isJson = metadata.get(jsonExtension.name) === jsonExtension.value;
  const kind = toKind(name, type);
  return { name, kind: isJson && kind === 'text' ? 'json' : kind, nullable };
}

function toKind(name: string, type: ArrowField['type']): Kind {
  switch (type.typeId) {
    case arrowTypes.int:
      if (type.bitWidth === 64) return 'int64';
      return type.bitWidth === 32 && type.isSigned === false ? 'int64' : 'int32';
    case arrowTypes.float:
      // Half floats (precision 0) have no typed array to read.
      if (type.precision !== 0) return 'float64';
      break;
    case arrowTypes.bool:
      return 'bool';
    case arrowTypes.date:
    case arrowTypes.timestamp:
      return 'timestamp';
    case arrowTypes.utf8:
    case arrowTypes.largeUtf8:
      return 'text';
    case arrowTypes.binary:
    case arrowTypes.largeBinary:
      return 'bytes';
    case arrowTypes.dictionary:
      return 'category';
  }
  throw new PipelineError({
    code: 'ERR_BATCH_SCHEMA',
    place: name,
    fact: `no kind holds the Arrow type ${type.toString()}`,
    remedy: 'cast the column in Arrow, or leave it out',
  });
}

function toColumn(data: ArrowData, field: Field, kind: Kind, dictionaries: Dictionaries): Column {
  const validity = toValidity(data);
  if (validity !== null && !field.nullable) throw misfit(field, 'has nulls and is not nullable');
  if (field.kind === 'category' && kind === 'category')
    return toCategory(data, validity, dictionaries);
  if (
    kind === 'text' &&
    (field.kind === 'text' || field.kind === 'json' || field.kind === 'category')
  ) {
    return fromText(data, validity, field);
  }
  if (field.kind === 'json' && kind === 'json') return fromText(data, validity, field);
  if (field.kind !== kind) throw misfit(field, `is ${field.kind}, but the Arrow data are ${kind}`);
  switch (field.kind) {
    case 'bytes': {
      const column = new BytesColumn(
        'bytes',
        toOffsets(data, field),
        data.values as Uint8Array,
        validity,
      );
      return shared(column);
    }
    case 'bool':
      return new FixedColumn('bool', toBytes(data), validity);
    case 'timestamp':
      return new FixedColumn('timestamp', toMilliseconds(data), validity);
    default:
      return toNumbers(data, field, validity);
  }
}

/** Marks a column whose buffers are Arrow's too: they are never written to nor used again. */
function shared<C extends Column>(column: C): C {
  column.retain();
  return column;
}

function toValidity({ nullCount, nullBitmap, offset, length }: ArrowData): Bitmap | null {
  if (nullCount === 0 || nullBitmap === undefined || nullBitmap === null) return null;
  if (offset % 8 === 0) return nullBitmap.subarray(offset >>> 3);
  const validity = createBitmap(length, true);
  for (let row = 0; row < length; row++)
    if (!getBit(nullBitmap, offset + row)) clearBit(validity, row);
  return validity;
}

function toNumbers(data: ArrowData, field: Field, validity: Bitmap | null): Column {
  const { values, length } = data;
  if (field.kind === 'float64') {
    if (values instanceof Float64Array) return shared(new FixedColumn('float64', values, validity));
    return new FixedColumn('float64', Float64Array.from(values as Float32Array), validity);
  }
  if (field.kind === 'int32') {
    if (values instanceof Int32Array) return shared(new FixedColumn('int32', values, validity));
    return new FixedColumn('int32', Int32Array.from(values as Int16Array), validity);
  }
  if (values instanceof BigInt64Array) return shared(new FixedColumn('int64', values, validity));
  const wide = takeValues(BigInt64Array, length);
  for (let row = 0; row < length; row++) {
    wide[row] = BigInt((values as Uint32Array | BigUint64Array)[row]!);
    if (wide[row]! >= 0n || (validity !== null && !getBit(validity, row))) continue;
    throw new PipelineError({
      code: 'ERR_BATCH_VALUE',
      place: field.name,
      fact: `row ${row} has an integer of 64 bits without sign that int64 does not hold`,
    });
  }
  return new FixedColumn('int64', wide, validity);
}

function toBytes({ values, offset, length }: ArrowData): Uint8Array {
  const bytes = takeValues(Uint8Array, length);
  for (let row = 0; row < length; row++)
    bytes[row] = getBit(values as Bitmap, offset + row) ? 1 : 0;
  return bytes;
}

const dayMs = 86_400_000;
/** The unit of a timestamp. */
const nanoseconds = 3;

/** Units: days and milliseconds for dates; seconds and thousandths of the one before for others. */
function toMilliseconds({ type, values, length }: ArrowData): Float64Array {
  const isDate = type.typeId === arrowTypes.date;
  const times = takeValues(Float64Array, length);
  if (!isDate && type.unit === nanoseconds) {
    const counts = values as BigInt64Array;
    for (let row = 0; row < length; row++) times[row] = ofNanoseconds(counts[row]!);
    return times;
  }
  const perUnit = isDate ? [dayMs, 1] : [1000, 1, 1 / 1000];
  const unit = perUnit[type.unit ?? 1]!;
  for (let row = 0; row < length; row++) {
    const count = Number((values as Int32Array | BigInt64Array)[row]!);
    // A division by 1,000 rounds once, a multiplication by its inverse twice.
    times[row] = unit < 1 ? count / Math.round(1 / unit) : count * unit;
  }
  return times;
}

function fromText(data: ArrowData, validity: Bitmap | null, field: Field): Column {
  const offsets = toOffsets(data, field);
  const bytes = data.values as Uint8Array;
  if (field.kind === 'category') {
    const dictionary = new Dictionary();
    const codes = takeValues(Int32Array, data.length);
    for (let row = 0; row < data.length; row++) {
      const isNull = validity !== null && !getBit(validity, row);
      codes[row] = isNull ? 0 : dictionary.codeOfBytes(bytes, offsets[row]!, offsets[row + 1]!);
    }
    return new CategoryColumn(codes, dictionary, validity);
  }
  const column = shared(new BytesColumn(field.kind as 'text' | 'json', offsets, bytes, validity));
  if (field.kind === 'json') assertJson(column, data.length, field);
  return column;
}

function assertJson(column: BytesColumn, rows: number, field: Field): void {
  for (let row = 0; row < rows; row++) {
    try {
      column.value(row);
    } catch (cause) {
      throw new PipelineError({
        code: 'ERR_BATCH_VALUE',
        place: field.name,
        fact: `row ${row} is not JSON`,
        remedy: 'read the field as text',
        cause,
      });
    }
  }
}

function toOffsets({ valueOffsets, length }: ArrowData, field: Field): Int32Array {
  if (valueOffsets instanceof Int32Array) return valueOffsets;
  const large = valueOffsets as BigInt64Array;
  if ((large[length] ?? 0n) > 0x7fff_ffffn) throw misfit(field, 'has more than 2 GiB in one batch');
  return Int32Array.from(large.subarray(0, length + 1), Number);
}

function toCategory(data: ArrowData, validity: Bitmap | null, dictionaries: Dictionaries): Column {
  const { dictionary, codes, isSame } = toDictionary(data, dictionaries);
  const { values } = data;
  if (isSame && values instanceof Int32Array)
    return shared(new CategoryColumn(values, dictionary, validity));
  const mapped = takeValues(Int32Array, data.length);
  const nulls = validity?.slice() ?? createBitmap(data.length, true);
  let nullCount = 0;
  for (let row = 0; row < data.length; row++) {
    const index = Number((values as Int8Array | BigInt64Array)[row]!);
    const code = getBit(nulls, row) ? (isSame ? index : codes[index]!) : 0;
    mapped[row] = Math.max(0, code);
    if (code >= 0) continue;
    clearBit(nulls, row);
    nullCount++;
  }
  return new CategoryColumn(mapped, dictionary, nullCount > 0 ? nulls : validity);
}

function toDictionary(data: ArrowData, dictionaries: Dictionaries): KnownDictionary {
  const values = data.dictionary!;
  const key = values.data[0] ?? values;
  let known = dictionaries.get(key);
  if (known === undefined) {
    known = { dictionary: new Dictionary(), codes: [], isSame: true };
    dictionaries.set(key, known);
  }
  const { dictionary, codes } = known;
  for (let index = codes.length; index < values.length; index++) {
    const value = values.get(index);
    if (value !== null && typeof value !== 'string') {
      throw new PipelineError({
        code: 'ERR_BATCH_SCHEMA',
        place: 'arrow',
        fact: `no kind holds the Arrow type ${data.type.toString()}: a category is text`,
        remedy: 'cast the column in Arrow, or leave it out',
      });
    }
    const code = value === null ? -1 : dictionary.code(value);
    known.isSame &&= code === index;
    codes.push(code);
  }
  return known;
}

function misfit(field: Field, fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_BATCH_SCHEMA',
    place: field.name,
    fact: `field \`${field.name}\` ${fact}`,
    remedy: 'give the schema that the Arrow data have',
  });
}
