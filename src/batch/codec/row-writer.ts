import type { Column } from '../column.ts';
import { generate } from '../generate.ts';
import type { Field, Kind } from '../schema.ts';
import type { EncodedValues } from './encoded-values.ts';
import { writeFloat, writeInt64, writeInteger, writeRounded } from './write-number.ts';

/** What stands around the cells of a format. */
export interface RowFrame {
  /** Before each cell: punctuation and, in JSON, the key. One per field. */
  readonly before: readonly Uint8Array[];
  readonly after: Uint8Array;
  /** In the place of a null. */
  readonly nothing: Uint8Array;
}

/**
 * Writes rows from `at` on and gives the offset behind them. There must be room for all of them, and
 * for a word more. `view` is of the bytes of `out`, `encoded` has the values of each category field.
 */
export type RowWriter = (
  out: Uint8Array,
  view: DataView,
  at: number,
  columns: readonly Column[],
  encoded: readonly EncodedValues[],
  rows: Uint32Array,
  count: number,
  refused: { nonFinite: number },
) => number;

const kinds: readonly Kind[] = ['float64', 'timestamp', 'int32', 'int64', 'bool', 'category'];
const writersMax = 64;
const writers = new Map<string, RowWriter>();
/** What generated writers call, by the name that they call it. */
const callable = { writeFloat, writeInt64, writeInteger, writeRounded };

/**
 * A writer generated for fields of a bounded width: punctuation and keys are constants, stored four
 * bytes at a time. Only numbers get into the code; the runtime must allow code generation. Null
 * where a field has text of any length, or times are written as text.
 */
export function createRowWriter(
  fields: readonly Field[],
  frame: RowFrame,
  timestamps: 'ms' | 'iso',
  decimals: readonly number[],
): RowWriter | null {
  const fits = ({ kind }: Field): boolean =>
    kinds.includes(kind) && (kind !== 'timestamp' || timestamps === 'ms');
  if (!fields.every(fits)) return null;
  const body = writerBody(fields, frame, decimals);
  let writer = writers.get(body);
  if (writer === undefined) {
    writer = generate(Object.keys(callable), body)(...Object.values(callable)) as RowWriter;
    // The writer of a schema is kept, warm, for the next file that has it.
    if (writers.size >= writersMax) writers.delete(writers.keys().next().value!);
    writers.set(body, writer);
  }
  return writer;
}

function writerBody(
  fields: readonly Field[],
  { before, after, nothing }: RowFrame,
  decimals: readonly number[],
): string {
  const cells = fields.map(({ kind, nullable }, field) => {
    const write = writeCell(kind, field, nothing, decimals[field]!);
    const cell = nullable
      ? `if (v${field} !== null && ((v${field}[row >>> 3] >>> (row & 7)) & 1) === 0) {
          ${writeConstant(nothing)}
        } else { ${write} }`
      : write;
    return `${writeConstant(before[field]!)} ${cell}`;
  });
  return `return function writeRows(out, view, at, columns, encoded, rows, count, refused) {
    ${fields.map(({ kind }, field) => columnOf(kind, field)).join('\n')}
    for (let index = 0; index < count; index++) {
      const row = rows[index];
      ${cells.join('\n')}
      ${writeConstant(after)}
    }
    return at;
  };`;
}

function columnOf(kind: Kind, field: number): string {
  const values = kind === 'category' ? 'codes' : 'values';
  const texts =
    kind === 'category'
      ? `const w${field} = encoded[${field}].texts.words, s${field} = encoded[${field}].texts.starts,
          l${field} = encoded[${field}].texts.lengths;`
      : '';
  return `const c${field} = columns[${field}].${values}, v${field} = columns[${field}].validity; ${texts}`;
}

function writeCell(kind: Kind, field: number, nothing: Uint8Array, decimals: number): string {
  const value = `c${field}[row]`;
  switch (kind) {
    case 'category':
      return `const code${field} = ${value}; const length${field} = l${field}[code${field}];
        for (let from = s${field}[code${field}], put = at; put < at + length${field}; put += 4) {
          view.setInt32(put, w${field}[from++], ${isLittleEndian});
        }
        at += length${field};`;
    case 'bool':
      return `if (${value} === 1) { ${writeConstant(ascii('true'))} }
        else { ${writeConstant(ascii('false'))} }`;
    case 'int32':
      return `at = writeInteger(out, at, ${value});`;
    case 'int64':
      return `at = writeInt64(out, at, ${value});`;
    default:
      return `const value${field} = ${value};
        if (value${field} - value${field} === 0) at = ${
          decimals < 0
            ? `writeFloat(out, at, value${field})`
            : `writeRounded(out, at, value${field}, ${decimals})`
        };
        else { refused.nonFinite++; ${writeConstant(nothing)} }`;
  }
}

function writeConstant(bytes: Uint8Array): string {
  const stores: string[] = [];
  const { length } = bytes;
  if (length < 4) {
    for (let at = 0; at < length; at++) stores.push(`out[at + ${at}] = ${bytes[at]};`);
  } else {
    const words = new DataView(bytes.buffer, bytes.byteOffset, length);
    for (let at = 0; at < length; at += 4) {
      // The last word overlaps the one before where the length is no multiple of four.
      const word = Math.min(at, length - 4);
      stores.push(`view.setInt32(at + ${word}, ${words.getInt32(word, true)}, true);`);
    }
  }
  return length === 0 ? '' : `${stores.join(' ')} at += ${length};`;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** How the words of encoded values have their bytes. */
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
