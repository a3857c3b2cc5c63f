import type { Schema } from '../schema.ts';
import type { TextEncoding } from './contract.ts';
import { decodeText } from './utf8.ts';

const shapeBytesMax = 65_536;

/**
 * How the lines of a stream look around their values: the bytes before each value, punctuation, key
 * and spaces, and those behind the last. A line that has the same bytes there has the same keys.
 */
export interface Shape {
  /** What precedes value i is `around[starts[i] … starts[i + 1])`; the last is behind the values. */
  readonly around: Uint8Array;
  readonly starts: Int32Array;
  /** For each value, the index of its field in the schema, or −1. */
  readonly fields: Int32Array;
  /** The fields of the schema that such lines do not have; all are nullable. */
  readonly missing: readonly number[];
  readonly extraFields: number;
}

/** The shape of a line that is known to be a valid record; null where a key comes twice. */
export function shapeOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  schema: Schema,
  encoding: TextEncoding,
): Shape | null {
  const around: number[] = [];
  const starts = [0];
  const fields: number[] = [];
  const names = new Set<string>();
  let from = start;
  let at = skipSpace(bytes, skipSpace(bytes, start) + 1);
  while (bytes[at] !== 125) {
    const keyEnd = valueEnd(bytes, at);
    const name = JSON.parse(decodeText(bytes, at, keyEnd, encoding, 0)) as string;
    if (names.has(name)) return null;
    names.add(name);
    const value = skipSpace(bytes, skipSpace(bytes, keyEnd) + 1);
    if (around.length + value - from > shapeBytesMax) return null;
    for (; from < value; from++) around.push(bytes[from]!);
    starts.push(around.length);
    fields.push(schema.indexOf(name));
    from = valueEnd(bytes, value);
    at = skipSpace(bytes, from);
    if (bytes[at] === 44) at = skipSpace(bytes, at + 1);
  }
  for (; from < end; from++) around.push(bytes[from]!);
  starts.push(around.length);
  return {
    around: Uint8Array.from(around),
    starts: Int32Array.from(starts),
    fields: Int32Array.from(fields),
    missing: [...schema.fields.keys()].filter((field) => !fields.includes(field)),
    extraFields: fields.filter((field) => field < 0).length,
  };
}

function skipSpace(bytes: Uint8Array, at: number): number {
  while (bytes[at] === 32 || bytes[at] === 9 || bytes[at] === 13) at++;
  return at;
}

/** Behind the value that begins at `at`, of any kind. */
function valueEnd(bytes: Uint8Array, at: number): number {
  let depth = 0;
  for (;;) {
    const byte = bytes[at]!;
    if (byte === 34) {
      for (at++; bytes[at] !== 34; at++) if (bytes[at] === 92) at++;
    } else if (byte === 123 || byte === 91) {
      depth++;
    } else if (byte === 125 || byte === 93) {
      depth--;
    }
    at++;
    if (depth > 0) continue;
    if (byte === 34 || byte === 125 || byte === 93) return at;
    const next = bytes[at]!;
    if (next === 44 || next === 125 || next === 93 || next <= 32) return at;
  }
}
