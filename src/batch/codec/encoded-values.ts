import type { Dictionary } from '../dictionary.ts';

/**
 * The values of one category field as they stand in the output, encoded once for each dictionary.
 * The value of a code begins at word `starts[code]` and takes `lengths[code]` bytes; behind it, up
 * to the next word, stands whatever.
 */
export class EncodedValues {
  words: Int32Array = new Int32Array(256);
  starts: Int32Array = new Int32Array(64);
  lengths: Int32Array = new Int32Array(64);
  /** Of the longest value, in bytes. */
  lengthMax = 0;
  readonly #encode: (text: string) => Uint8Array;
  #bytes: Uint8Array = new Uint8Array(this.words.buffer);
  #dictionary: Dictionary | null = null;
  #size = 0;
  #wordsUsed = 0;

  constructor(encode: (text: string) => Uint8Array) {
    this.#encode = encode;
  }

  /** Encodes what is new in a dictionary. */
  take(dictionary: Dictionary): void {
    if (dictionary !== this.#dictionary) {
      this.#dictionary = dictionary;
      this.#size = 0;
      this.#wordsUsed = 0;
      this.lengthMax = 0;
    }
    for (; this.#size < dictionary.size; this.#size++) this.#add(dictionary.values[this.#size]!);
  }

  /** The bytes of one value. */
  bytesOf(code: number): Uint8Array {
    const start = this.starts[code]! * 4;
    return this.#bytes.subarray(start, start + this.lengths[code]!);
  }

  #add(text: string): void {
    const encoded = this.#encode(text);
    const start = this.#wordsUsed;
    this.#wordsUsed += (encoded.length + 3) >>> 2;
    if (this.#wordsUsed > this.words.length) {
      this.words = grown(this.words, this.#wordsUsed);
      this.#bytes = new Uint8Array(this.words.buffer);
    }
    if (this.#size === this.starts.length) {
      this.starts = grown(this.starts, this.#size + 1);
      this.lengths = grown(this.lengths, this.#size + 1);
    }
    this.#bytes.set(encoded, start * 4);
    this.starts[this.#size] = start;
    this.lengths[this.#size] = encoded.length;
    this.lengthMax = Math.max(this.lengthMax, encoded.length);
  }
}

function grown(values: Int32Array, length: number): Int32Array {
  const more = new Int32Array(Math.max(length, 2 * values.length));
  more.set(values);
  return more;
}
