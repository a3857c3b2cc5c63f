import { Buffer } from 'node:buffer';

import type { SchemaElement, SchemaTree } from 'hyparquet';

import type { Kind } from '../../../batch/index.ts';
import { ofNanoseconds } from '../../../batch/nanoseconds.ts';

/** How the values of one column of a Parquet file become values of a kind. */
export interface Leaf {
  readonly name: string;
  readonly kind: Kind;
  readonly nullable: boolean;
  /** True where it has columns or lists within, which are put together to JSON. */
  readonly isNested: boolean;
  /** A stored value as a column of that kind holds it; undefined where it is that already. */
  readonly convert: ((value: never) => unknown) | undefined;
}

/** The column of a part of the file's schema; a text says why there is none. */
export function leafOf({ element, children }: SchemaTree): Leaf | string {
  const { name, repetition_type: repetition } = element;
  const nullable = repetition !== 'REQUIRED';
  if (children.length > 0 || repetition === 'REPEATED') {
    return { name, kind: 'json', nullable, isNested: true, convert: jsonBytes };
  }
  const found = storedKind(element);
  if (found === undefined) return `no kind holds ${typeName(element)}`;
  return { name, nullable, isNested: false, ...found };
}

type Found = Pick<Leaf, 'kind' | 'convert'>;

function storedKind(element: SchemaElement): Found | undefined {
  const { type, converted_type: converted, logical_type: logical } = element;
  const is = (name: NonNullable<SchemaElement['converted_type']>): boolean => converted === name;
  if (is('DECIMAL') || logical?.type === 'DECIMAL') return decimal(element);
  switch (type) {
    case 'BOOLEAN':
      return { kind: 'bool', convert: Number };
    case 'FLOAT':
    case 'DOUBLE':
      return { kind: 'float64', convert: undefined };
    case 'INT32':
      if (is('DATE') || logical?.type === 'DATE') return { kind: 'timestamp', convert: ofDays };
      if (isUnsigned(element, 32)) return { kind: 'int64', convert: ofUint32 };
      return { kind: 'int32', convert: undefined };
    case 'INT64':
      return int64(element);
    case 'INT96':
      return { kind: 'timestamp', convert: ofNanoseconds };
    case 'FIXED_LEN_BYTE_ARRAY':
      if (is('INTERVAL') || logical?.type === 'INTERVAL') return undefined;
      if (logical?.type === 'UUID') return { kind: 'text', convert: uuidBytes };
      if (logical?.type === 'FLOAT16') return { kind: 'float64', convert: ofFloat16 };
      return { kind: 'bytes', convert: undefined };
    case 'BYTE_ARRAY':
      return byteArray(element);
    default:
      return undefined;
  }
}

function int64(element: SchemaElement): Found {
  const { converted_type: converted, logical_type: logical } = element;
  const unit = logical?.type === 'TIMESTAMP' ? logical.unit : undefined;
  if (unit === 'NANOS') return { kind: 'timestamp', convert: ofNanoseconds };
  if (unit === 'MICROS' || converted === 'TIMESTAMP_MICROS') {
    return { kind: 'timestamp', convert: ofMicroseconds };
  }
  if (unit === 'MILLIS' || converted === 'TIMESTAMP_MILLIS') {
    return { kind: 'timestamp', convert: Number };
  }
  if (isUnsigned(element, 64)) return { kind: 'int64', convert: ofUint64 };
  return { kind: 'int64', convert: undefined };
}

function byteArray({ converted_type, logical_type }: SchemaElement): Found | undefined {
  const type = logical_type?.type;
  if (converted_type === 'BSON' || type === 'BSON') return undefined;
  if (converted_type === 'JSON' || type === 'JSON') return { kind: 'json', convert: undefined };
  const isText = converted_type === 'UTF8' || converted_type === 'ENUM';
  if (isText || type === 'STRING' || type === 'ENUM') return { kind: 'text', convert: undefined };
  return { kind: 'bytes', convert: undefined };
}

function isUnsigned({ converted_type, logical_type }: SchemaElement, bits: 32 | 64): boolean {
  if (converted_type === `UINT_${bits}`) return true;
  return (
    logical_type?.type === 'INTEGER' && logical_type.bitWidth === bits && !logical_type.isSigned
  );
}

function decimal({ scale: given, logical_type: logical }: SchemaElement): Found {
  const scale = 10 ** (given ?? (logical?.type === 'DECIMAL' ? logical.scale : 0));
  const convert = (value: number | bigint | Uint8Array): number =>
    Number(value instanceof Uint8Array ? ofBigEndian(value) : value) / scale;
  return { kind: 'float64', convert };
}

/** The type of a column as its file says it, for people. */
function typeName({ type, converted_type, logical_type }: SchemaElement): string {
  return `the Parquet type ${logical_type?.type ?? converted_type ?? type ?? 'of a group'}`;
}

function ofBigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, value);
}

const dayMs = 86_400_000;

function ofDays(days: number): number {
  return days * dayMs;
}

function ofMicroseconds(microseconds: bigint): number {
  // A division rounds once, a multiplication by the inverse twice.
  return Number(microseconds) / 1000;
}

function ofUint32(value: number): bigint {
  return BigInt(value >>> 0);
}

/** Beyond the range of int64 it stays beyond, and is refused. */
function ofUint64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function ofFloat16(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat16(0, true);
}

const utf8 = new TextEncoder();

function uuidBytes(bytes: Uint8Array): Uint8Array {
  const hex = Buffer.from(bytes).toString('hex');
  const ends = [8, 12, 16, 20, 32];
  return utf8.encode(ends.map((end, at) => hex.slice(ends[at - 1] ?? 0, end)).join('-'));
}

// The types of TypeScript do not know it yet.
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/** What is within a column, as JSON: times as RFC 3339, bytes as base64, all digits of integers. */
function jsonBytes(value: unknown): Uint8Array {
  return utf8.encode(JSON.stringify(value, jsonOf));
}

function jsonOf(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return rawJson(String(value));
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
