import { Buffer } from 'node:buffer';

import type { Data, Utf8, Vector } from 'apache-arrow';

import { type CategoryColumn, Dictionary } from '../../../batch/index.ts';
import type { ArrowPackage } from './peer.ts';

/**
 * The dictionary of one column of a file. It grows with the values that come, by chunks: Arrow writes
 * each once. A full one begins anew where the file allows that.
 */
export class FileDictionary {
  readonly #arrow: ArrowPackage;
  readonly #mayBeginAnew: boolean;
  #dictionary: Dictionary = new Dictionary();
  #chunks: Data<Utf8>[] = [];
  /** Values in chunks. */
  #written = 0;
  /** Where the codes of another dictionary are in this one. */
  #codes = new WeakMap<Dictionary, number[]>();

  constructor(arrow: ArrowPackage, mayBeginAnew: boolean) {
    this.#arrow = arrow;
    this.#mayBeginAnew = mayBeginAnew;
  }

  /** The codes of a column in this dictionary. */
  encode(column: CategoryColumn, rows: number): Int32Array {
    if (this.#mayBeginAnew && this.#dictionary.isFull) {
      this.#dictionary = new Dictionary();
      this.#chunks = [];
      this.#written = 0;
      this.#codes = new WeakMap();
    }
    const { codes, dictionary } = column;
    let known = this.#codes.get(dictionary);
    if (known === undefined) this.#codes.set(dictionary, (known = []));
    const encoded = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      if (column.isNull(row)) continue;
      const code = codes[row]!;
      encoded[row] = known[code] ??= this.#dictionary.code(dictionary.values[code]!);
    }
    return encoded;
  }

  /** Its values so far. */
  values(): Vector<Utf8> {
    const { size, values } = this.#dictionary;
    if (size > this.#written || this.#chunks.length === 0) {
      this.#chunks.push(this.#toChunk(values.slice(this.#written)));
      this.#written = size;
    }
    return new this.#arrow.Vector(this.#chunks);
  }

  #toChunk(texts: readonly string[]): Data<Utf8> {
    const encoded = texts.map((text) => Buffer.from(text));
    const valueOffsets = new Int32Array(encoded.length + 1);
    for (const [at, { length }] of encoded.entries()) {
      valueOffsets[at + 1] = valueOffsets[at]! + length;
    }
    const data = new Uint8Array(Buffer.concat(encoded));
    const { Utf8: Text, makeData } = this.#arrow;
    const length = encoded.length;
    return makeData({ type: new Text(), length, nullCount: 0, valueOffsets, data });
  }
}
