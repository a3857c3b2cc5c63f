import { Buffer, isUtf8 } from 'node:buffer';

import { formatTimestamp, parseTimestamp } from '../../batch/codec/timestamp.ts';
import type { JsonValue, Kind } from '../../batch/index.ts';

/** Why a value cannot be cast: its new kind cannot hold it, or its text is none of that kind. */
export type CastFailure = 'cast.range' | 'cast.syntax';

/** Not null, and not undefined: a value that no kind holds. */
const beyond: unique symbol = Symbol('millrace.cast.beyond');

/**
 * What a value is in the new kind. Undefined where its text is none of that kind; a value that the
 * kind does not hold is refused when it is put into the column.
 */
export type CastValue = (value: never) => unknown;

/**
 * How values of one kind become those of another; undefined where they cannot:
 * - numbers to numbers where the value stays exactly the same; bool counts as 0 and 1;
 * - anything but json and bytes to text, as JSON writes it, timestamps as RFC 3339 in UTC;
 * - text to numbers by JSON's grammar, to int32 and int64 by digits alone, to a timestamp by
 *   RFC 3339, to bool by `true` and `false`, to json by JSON, to bytes as UTF-8;
 * - json and bytes to text: the JSON text, the UTF-8 text.
 */
export function castOf(from: Kind, to: Kind): CastValue | undefined {
  if (from === to) return (value) => value;
  const [source, target] = [from === 'category' ? 'text' : from, to === 'category' ? 'text' : to];
  if (source === target) return (value) => value;
  return casts[source]?.[target];
}

const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const integerPattern = /^-?(?:0|[1-9]\d*)$/;
// A longer run of digits is beyond int64.
const digitsMax = 20;

const same = (value: number): number => value;
const booleanOf = (value: number | bigint): unknown =>
  value == 0 || value == 1 ? Boolean(value) : beyond;

const toNumber = (value: bigint): unknown =>
  BigInt(Number(value)) === value ? Number(value) : beyond;

const numberText = (value: number): unknown => (Number.isFinite(value) ? String(value) : beyond);

function parseFloat64(text: string): unknown {
  if (!numberPattern.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : beyond;
}

function parseInteger(text: string): unknown {
  if (!integerPattern.test(text)) return undefined;
  return text.length > digitsMax ? beyond : BigInt(text);
}

function parseInt32(text: string): unknown {
  const value = parseInteger(text);
  return typeof value === 'bigint' ? Number(value) : value;
}

function parseRfc3339(text: string): unknown {
  const value = parseTimestamp(text);
  return Number.isNaN(value) ? undefined : value;
}

function parseJson(text: string): unknown {
  try {
    return (JSON.parse(text) as JsonValue) ?? beyond;
  } catch {
    return undefined;
  }
}

type Casts = { readonly [K in Kind]?: CastValue };

const fromNumber: Casts = {
  float64: same,
  int32: same,
  int64: same,
  timestamp: same,
  bool: booleanOf,
  text: numberText,
};

const casts: { readonly [K in Kind]?: Casts } = {
  float64: fromNumber,
  int32: fromNumber,
  timestamp: { ...fromNumber, text: (value: number) => formatTimestamp(value) ?? beyond },
  int64: { float64: toNumber, int32: toNumber, timestamp: toNumber, bool: booleanOf, text: String },
  bool: { float64: Number, int32: Number, int64: Number, text: String },
  text: {
    float64: parseFloat64,
    int32: parseInt32,
    int64: parseInteger,
    timestamp: parseRfc3339,
    bool: (text: string) => (text === 'true' ? true : text === 'false' ? false : undefined),
    bytes: (text: string) => Buffer.from(text),
    json: parseJson,
  },
  json: { text: (value: JsonValue) => JSON.stringify(value) },
  bytes: {
    text: (bytes: Uint8Array) => (isUtf8(bytes) ? Buffer.from(bytes).toString() : undefined),
  },
};
