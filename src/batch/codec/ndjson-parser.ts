import type { Kind, Schema } from '../schema.ts';
import { generate } from '../generate.ts';
import type { TextEncoding } from './contract.ts';
import type { Shape } from './ndjson-shape.ts';
import { readFloat, readInt32, readInt64 } from './read-number.ts';
import type { RowColumns } from './row-columns.ts';
import { readTimestamp } from './timestamp.ts';
import { sequenceEnd } from './utf8.ts';

/**
 * Parses lines of one shape from `at` on, commits them as rows, and gives the offset of the first
 * line that it did not take: as it is where the batch is full, the end is reached or the line has
 * another shape, and as `~at` where the line has an unexpected value. `end` stands behind an LF.
 */
export type LineParser = (
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  base: number,
  rows: RowColumns,
) => number;

const parsersMax = 64;
const parsers = new Map<string, LineParser>();
const scratch = new Float64Array(1);

/** What generated parsers call, by the name that they call it. */
const callable = {
  matches,
  readFloat,
  readInt32,
  readInt64,
  readTimestamp,
  literalEnd,
  nullEnd,
  stringEnd,
  scratch,
};

/**
 * A parser generated for one shape: punctuation and keys are compared as constants, four bytes at a
 * time, and each value goes straight to its column. Only numbers get into the code, no text of the
 * stream; the runtime must allow code generation.
 */
export function createLineParser(
  shape: Shape,
  schema: Schema,
  encoding: TextEncoding,
  recordBytesMax: number,
): LineParser {
  const body = parserBody(shape, schema, recordBytesMax);
  const key = `${encoding} ${shape.around.join()} ${body}`;
  let parser = parsers.get(key);
  if (parser === undefined) {
    const names = [...Object.keys(callable), 'around', 'inString'];
    const values = [...Object.values(callable), shape.around, stringBytes(encoding)];
    parser = generate(names, body)(...values) as LineParser;
    // The parser of a shape is kept, warm, for the next stream that has it.
    if (parsers.size >= parsersMax) parsers.delete(parsers.keys().next().value!);
    parsers.set(key, parser);
  }
  return parser;
}

function parserBody(shape: Shape, schema: Schema, recordBytesMax: number): string {
  const { around, starts, fields, missing } = shape;
  const columns: string[] = [];
  const steps: string[] = [];
  for (let value = 0; value < fields.length; value++) {
    const field = fields[value]!;
    steps.push(compareBytes(around, starts[value]!, starts[value + 1]!));
    if (field < 0) {
      steps.push(skipValue);
      continue;
    }
    const { kind, nullable } = schema.fields[field]!;
    columns.push(columnOf(kind, field));
    const read = `${readValue(kind, field)} if (at < 0) return ~start;`;
    const nullRead = `at = nullEnd(bytes, at); if (at < 0) return ~start; rows.setNull(${field});`;
    steps.push(nullable ? `if (bytes[at] === 110) { ${nullRead} } else { ${read} }` : read);
  }
  steps.push(compareBytes(around, starts[fields.length]!, around.length));
  return `return function parseLines(bytes, view, at, end, base, rows) {
    const size = bytes.length; let stop = 0;
    ${columns.join('\n')}
    while (at < end && !rows.full) {
      const start = at; const row = rows.row;
      ${steps.join('\n')}
      if (bytes[at] === 13) at++;
      if (bytes[at++] !== 10) return start;
      if (at - start > ${recordBytesMax}) return ~start;
      ${missing.map((field) => `rows.setNull(${field});`).join(' ')}
      rows.commit(base + start);
    }
    return at;
  };`;
}

/** Goes behind the bytes `around[from … to)`, which must stand at `at`. */
function compareBytes(around: Uint8Array, from: number, to: number): string {
  const length = to - from;
  const differs: string[] = [];
  if (length < 4) {
    for (let at = 0; at < length; at++) differs.push(`bytes[at + ${at}] !== ${around[from + at]}`);
    return length === 0 ? '' : `if (${differs.join(' || ')}) return start; at += ${length};`;
  }
  const words = new DataView(around.buffer, around.byteOffset);
  for (let at = 0; at < length; at += 4) {
    // The last word overlaps the one before where the length is no multiple of four.
    const word = Math.min(at, length - 4);
    differs.push(`view.getInt32(at + ${word}, true) !== ${words.getInt32(from + word, true)}`);
  }
  return `if (at + ${length} > size) { if (!matches(bytes, at, around, ${from}, ${to})) return start; }
    else if (${differs.join(' || ')}) return start;
    at += ${length};`;
}

const skipValue = `switch (bytes[at]) {
    case 34: at = stringEnd(bytes, at, inString); break;
    case 110: at = nullEnd(bytes, at); break;
    case 116: case 102: at = literalEnd(bytes, at); break;
    default: at = readFloat(bytes, view, at, scratch, 0);
  }
  if (at < 0) return ~start;`;

function columnOf(kind: Kind, field: number): string {
  switch (kind) {
    case 'float64':
    case 'timestamp':
      return `const c${field} = rows.floats[${field}];`;
    case 'int32':
      return `const c${field} = rows.ints[${field}];`;
    case 'int64':
      return `const c${field} = rows.longs[${field}];`;
    case 'bool':
      return `const c${field} = rows.bools[${field}];`;
    default:
      return '';
  }
}

/** Sets `at` behind the value, or to −1. */
function readValue(kind: Kind, field: number): string {
  const text = 'stop = stringEnd(bytes, at, inString);';
  switch (kind) {
    case 'float64':
      return `at = readFloat(bytes, view, at, c${field}, row);`;
    case 'timestamp':
      return `if (bytes[at] === 34) {
        ${text} if (stop < 0) return ~start;
        const ms = readTimestamp(bytes, at + 1, stop - 1);
        if (ms !== ms) return ~start;
        c${field}[row] = ms; at = stop;
      } else at = readFloat(bytes, view, at, c${field}, row);`;
    case 'int32':
      return `at = readInt32(bytes, at, c${field}, row);`;
    case 'int64':
      return `at = readInt64(bytes, at, c${field}, row);`;
    case 'bool':
      return `stop = literalEnd(bytes, at); c${field}[row] = stop - at === 4 ? 1 : 0; at = stop;`;
    case 'category':
      return `${text} if (stop < 0) return ~start;
        rows.setCategory(${field}, bytes, view, at + 1, stop - 1); at = stop;`;
    case 'text':
      return `${text} if (stop < 0) return ~start;
        rows.setData(${field}, bytes, at + 1, stop - 1); at = stop;`;
    default:
      return 'at = -1;';
  }
}

/** For each byte inside a string: 1 stands for itself, 2 begins a sequence, 0 is unexpected. */
function stringBytes(encoding: TextEncoding): Uint8Array {
  const beyondAscii = encoding === 'latin1' ? 0 : 2;
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    if (byte >= 0x80) return beyondAscii;
    return byte >= 0x20 && byte !== 34 && byte !== 92 ? 1 : 0;
  });
}

function matches(
  bytes: Uint8Array,
  at: number,
  around: Uint8Array,
  from: number,
  to: number,
): boolean {
  for (; from < to; from++) if (bytes[at++] !== around[from]) return false;
  return true;
}

/** Behind the string at `at`, or −1 where it has anything but plain valid text. */
function stringEnd(bytes: Uint8Array, at: number, inString: Uint8Array): number {
  if (bytes[at] !== 34) return -1;
  at++;
  for (;;) {
    while (inString[bytes[at]!] === 1) at++;
    if (bytes[at] === 34) return at + 1;
    if (inString[bytes[at]!] !== 2) return -1;
    at = sequenceEnd(bytes, at);
    if (at < 0) return -1;
  }
}

/** Behind `true` or `false` at `at`, or −1. */
function literalEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === 116) {
    return bytes[at + 1] === 114 && bytes[at + 2] === 117 && bytes[at + 3] === 101 ? at + 4 : -1;
  }
  if (bytes[at] !== 102 || bytes[at + 1] !== 97 || bytes[at + 2] !== 108) return -1;
  return bytes[at + 3] === 115 && bytes[at + 4] === 101 ? at + 5 : -1;
}

/** Behind `null` at `at`, or −1. */
function nullEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 110 || bytes[at + 1] !== 117) return -1;
  return bytes[at + 2] === 108 && bytes[at + 3] === 108 ? at + 4 : -1;
}
