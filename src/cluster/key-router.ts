import { getBit } from '../batch/bitmap.ts';
import {
  type Batch,
  type BytesColumn,
  type CategoryColumn,
  type Column,
  type Dictionary,
  Selection,
  takeValues,
} from '../batch/index.ts';

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;
const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);
const long = new BigInt64Array(number.buffer);

/** Sends each row to one of some lanes by the values of fields: equal values go to one lane. */
export class KeyRouter {
  readonly #by: readonly string[];
  readonly #lanes: number;
  /** Hashes of the values of dictionaries, by their ids. */
  readonly #known = new Map<number, KnownValues>();
  #hashes: Uint32Array = new Uint32Array(0);

  constructor(by: readonly string[], lanes: number) {
    this.#by = by;
    this.#lanes = lanes;
  }

  /** The rows of a batch for each lane; undefined where there are none. */
  route(batch: Batch): (Batch | undefined)[] {
    const { rows, length } = batch;
    const lists = Array.from({ length: this.#lanes }, () => takeValues(Uint32Array, length));
    const counts = new Uint32Array(this.#lanes);
    const [only, ...more] = this.#by.map((name) => batch.column(name));
    if (only?.kind === 'category' && more.length === 0) {
      this.#spreadCategory(only, rows, length, lists, counts);
    } else this.#spread(batch, lists, counts);
    return lists.map((list, lane) => {
      const selection = new Selection(list, counts[lane]!);
      if (counts[lane]! > 0) return batch.select(selection);
      selection.release();
      return undefined;
    });
  }

  /** The same of one field of few values, each of which is looked at once. */
  #spreadCategory(
    { dictionary, codes, validity }: CategoryColumn,
    rows: Uint32Array,
    length: number,
    lists: readonly Uint32Array[],
    counts: Uint32Array,
  ): void {
    const { lanes } = this.#valuesOf(dictionary);
    const nothing = laneOf(step(offsetBasis, 0), this.#lanes);
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const isNull = validity !== null && !getBit(validity, row);
      const lane = isNull ? nothing : lanes[codes[row]!]!;
      lists[lane]![counts[lane]!++] = row;
    }
  }

  #spread(batch: Batch, lists: readonly Uint32Array[], counts: Uint32Array): void {
    const { rows, length } = batch;
    if (this.#hashes.length < length) this.#hashes = new Uint32Array(Math.max(4096, length));
    const hashes = this.#hashes;
    hashes.fill(offsetBasis, 0, length);
    for (const name of this.#by) this.#mix(batch.column(name), rows, length);
    for (let at = 0; at < length; at++) {
      const lane = laneOf(hashes[at]!, this.#lanes);
      lists[lane]![counts[lane]!++] = rows[at]!;
    }
  }

  #mix(column: Column, rows: Uint32Array, length: number): void {
    const hashes = this.#hashes;
    if (column.kind === 'category') {
      this.#mixCategory(column, rows, length);
      return;
    }
    const hashAt = hashOfCells(column);
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      hashes[at] = step(hashes[at]!, column.isNull(row) ? 0 : hashAt(row));
    }
  }

  #mixCategory(column: CategoryColumn, rows: Uint32Array, length: number): void {
    const hashes = this.#hashes;
    const known = this.#valuesOf(column.dictionary).hashes;
    const { codes, validity } = column;
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const isNull = validity !== null && column.isNull(row);
      hashes[at] = step(hashes[at]!, isNull ? 0 : known[codes[row]!]!);
    }
  }

  #valuesOf({ id, values, size }: Dictionary): KnownValues {
    let known = this.#known.get(id) ?? { hashes: new Uint32Array(0), lanes: new Uint32Array(0) };
    const from = known.hashes.length;
    if (from < size) {
      const [hashes, lanes] = [new Uint32Array(size), new Uint32Array(size)];
      hashes.set(known.hashes);
      lanes.set(known.lanes);
      for (let code = from; code < size; code++) {
        hashes[code] = hashOfText(values[code]!);
        lanes[code] = laneOf(step(offsetBasis, hashes[code]!), this.#lanes);
      }
      known = { hashes, lanes };
      // A full dictionary is followed by another, and does not come back.
      if (this.#known.size > 64) this.#known.clear();
      this.#known.set(id, known);
    }
    return known;
  }
}

/** By code, what the value hashes to, and where it goes where it is the only one. */
interface KnownValues {
  readonly hashes: Uint32Array;
  readonly lanes: Uint32Array;
}

function hashOfCells(column: Exclude<Column, CategoryColumn>): (row: number) => number {
  switch (column.kind) {
    case 'text':
    case 'bytes':
    case 'json':
      return (row) => hashOfBytes(column, row);
    default: {
      const { values } = column;
      return (row) => hashOfNumber(values[row]!);
    }
  }
}

/** As keys of state are: 0 and −0 are one, and so is every NaN. */
function hashOfNumber(value: number | bigint): number {
  if (typeof value === 'bigint') long[0] = value;
  else number[0] = Number.isNaN(value) ? Number.NaN : value + 0;
  return step(step(offsetBasis, words[0]!), words[1]!);
}

function hashOfBytes({ data, offsets }: BytesColumn, row: number): number {
  let hash = offsetBasis;
  for (let at = offsets[row]!; at < offsets[row + 1]!; at++) hash = step(hash, data[at]!);
  return hash;
}

function hashOfText(text: string): number {
  let hash = offsetBasis;
  for (let at = 0; at < text.length; at++) hash = step(hash, text.charCodeAt(at));
  return hash;
}

/** One step of FNV-1a, over words. */
function step(hash: number, word: number): number {
  return Math.imul(hash ^ word, prime) >>> 0;
}

/** The last bits of a product hang on few of its factors' bits. */
function laneOf(hash: number, lanes: number): number {
  return ((hash ^ (hash >>> 16)) >>> 0) % lanes;
}
