import { Buffer } from 'node:buffer';

import type { BytesColumn, CategoryColumn, Dictionary } from '../../batch/index.ts';
import * as kernels from './kernels.ts';
import * as logic from './logic.ts';
import { truth } from './scope.ts';
import {
  type BoolNode,
  type Frame,
  type NumberNode,
  numbers,
  type TextNode,
  truths,
} from './node.ts';

type TextTest = (a: string, b: string) => boolean;

export function textConstant(value: string): TextNode {
  const strings: string[] = [];
  return {
    type: 'text',
    nullable: false,
    constant: value,
    strings,
    validity: null,
    run({ rowsStored }) {
      while (strings.length < rowsStored) strings.push(value);
    },
  };
}

export function textField(column: number, nullable: boolean): TextNode {
  const node = text(nullable, ({ batch, rows, count }, { strings }) => {
    const { data, offsets, validity } = batch.columns[column] as BytesColumn;
    node.validity = validity;
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      strings[row] = data.toString('utf8', offsets[row], offsets[row + 1]);
    }
  });
  return Object.assign(node, { textColumn: column });
}

/** The text of a category column, or what `map` makes of it: once for each code. */
export function categoryField(
  column: number,
  nullable: boolean,
  map?: (value: string) => string,
): TextNode {
  const mapped =
    map === undefined ? undefined : tableByCode<string[]>((_length, older) => older ?? [], map);
  const node = text(nullable, ({ batch, rows, count }, { strings }) => {
    const { codes, dictionary, validity } = batch.columns[column] as CategoryColumn;
    node.validity = validity;
    const values = mapped === undefined ? dictionary.values : mapped(dictionary);
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      // The code of a null row means nothing.
      strings[row] = values[codes[row]!] ?? '';
    }
  });
  return Object.assign(node, { byCode: { column, map } });
}

/** The text that `map` makes of each text. */
export function mapText(of: TextNode, map: (value: string) => string): TextNode {
  if (of.constant !== undefined) return textConstant(map(of.constant));
  if (of.byCode !== undefined) {
    const { column, map: first } = of.byCode;
    const both = first === undefined ? map : (value: string): string => map(first(value));
    return categoryField(column, of.nullable, both);
  }
  const node = text(of.nullable, (frame, { strings }) => {
    of.run(frame);
    node.validity = of.validity;
    for (let at = 0; at < frame.count; at++) {
      const row = frame.rows[at]!;
      strings[row] = map(of.strings[row]!);
    }
  });
  return node;
}

/** A text node with strings of its own; `fill` writes every row that counts, and the validity. */
export function text(nullable: boolean, fill: (frame: Frame, node: TextNode) => void): TextNode {
  const node: TextNode = {
    type: 'text',
    nullable,
    strings: [],
    validity: null,
    run(frame) {
      while (node.strings.length < frame.rowsStored) node.strings.push('');
      fill(frame, node);
    },
  };
  return node;
}

/** The length of each text in UTF-16 code units. */
export function lengthOfText(of: TextNode): NumberNode {
  if (of.byCode === undefined) {
    return numbers(of.nullable, (frame, node) => {
      of.run(frame);
      node.validity = of.validity;
      for (let at = 0; at < frame.count; at++) {
        const row = frame.rows[at]!;
        node.values[row] = of.strings[row]!.length;
      }
    });
  }
  const { column, map } = of.byCode;
  const lengths = tableByCode(
    floatTable,
    (value) => (map === undefined ? value : map(value)).length,
  );
  return numbers(of.nullable, (frame, node) => {
    const { codes, dictionary, validity } = frame.batch.columns[column] as CategoryColumn;
    node.validity = validity;
    kernels.lookUp(frame, codes, lengths(dictionary), node.values);
  });
}

/** Whether two texts are equal. */
export function equalTexts(a: TextNode, b: TextNode): BoolNode {
  const [of, constant] = a.constant === undefined ? [a, b.constant] : [b, a.constant];
  if (constant !== undefined && of.byCode !== undefined && of.byCode.map === undefined) {
    return equalsCategory(of.byCode.column, of.nullable, constant);
  }
  if (constant?.isWellFormed() && of.textColumn !== undefined) {
    return equalsText(of.textColumn, of.nullable, constant);
  }
  return testTexts(a, b, (left, right) => left === right);
}

/** The truth of a test of two texts. */
export function testTexts(a: TextNode, b: TextNode, test: TextTest): BoolNode {
  const [left, right] = [a.constant, b.constant];
  if (a.byCode !== undefined && right !== undefined) {
    return testCategory(a, a.byCode, (value) => test(value, right));
  }
  if (b.byCode !== undefined && left !== undefined) {
    return testCategory(b, b.byCode, (value) => test(left, value));
  }
  return truths(a.nullable || b.nullable, (frame, out) => {
    a.run(frame);
    b.run(frame);
    kernels.compareStrings(frame, test, a.strings, b.strings, out);
    logic.forgetNulls(frame, a.validity, out);
    logic.forgetNulls(frame, b.validity, out);
  });
}

function equalsCategory(column: number, nullable: boolean, constant: string): BoolNode {
  return truths(nullable, (frame, out) => {
    const { codes, dictionary, validity } = frame.batch.columns[column] as CategoryColumn;
    kernels.equalCodes(frame, codes, dictionary.find(constant), out);
    logic.forgetNulls(frame, validity, out);
  });
}

function equalsText(column: number, nullable: boolean, constant: string): BoolNode {
  const wanted = Buffer.from(constant);
  return truths(nullable, (frame, out) => {
    const { offsets, data, validity } = frame.batch.columns[column] as BytesColumn;
    kernels.equalBytes(frame, offsets, data, wanted, out);
    logic.forgetNulls(frame, validity, out);
  });
}

function testCategory(
  { nullable }: TextNode,
  { column, map }: NonNullable<TextNode['byCode']>,
  test: (value: string) => boolean,
): BoolNode {
  const table = tableByCode(truthTable, (value) =>
    test(map === undefined ? value : map(value)) ? truth.yes : truth.no,
  );
  return truths(nullable, (frame, out) => {
    const { codes, dictionary, validity } = frame.batch.columns[column] as CategoryColumn;
    kernels.lookUp(frame, codes, table(dictionary), out);
    logic.forgetNulls(frame, validity, out);
  });
}

interface Table<V> {
  [code: number]: V;
  readonly length: number;
}

/**
 * What `compute` gives for each value of a dictionary, computed once. `make` makes a table of at
 * least some length and takes over what an older one held.
 */
function tableByCode<T extends Table<string | number>>(
  make: (length: number, older: T | undefined) => T,
  compute: (value: string) => T[number],
): (dictionary: Dictionary) => T {
  const tables = new WeakMap<Dictionary, { table: T; filled: number }>();
  return (dictionary) => {
    const { size, values } = dictionary;
    let known = tables.get(dictionary);
    if (known === undefined)
      tables.set(dictionary, (known = { table: make(size, undefined), filled: 0 }));
    if (known.filled === size) return known.table;
    known.table = make(size, known.table);
    for (; known.filled < size; known.filled++) {
      known.table[known.filled] = compute(values[known.filled]!);
    }
    return known.table;
  };
}

const truthTable = (length: number, older: Uint8Array | undefined): Uint8Array =>
  enlarged(Uint8Array, length, older);
const floatTable = (length: number, older: Float64Array | undefined): Float64Array =>
  enlarged(Float64Array, length, older);

function enlarged<T extends Uint8Array | Float64Array>(
  type: new (length: number) => T,
  length: number,
  older: T | undefined,
): T {
  if (older !== undefined && older.length >= length) return older;
  const larger = new type(Math.max(64, 2 * length));
  if (older !== undefined) larger.set(older);
  return larger;
}
