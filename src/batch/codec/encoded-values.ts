import type { Dictionary } from '../dictionary.ts';

/**
 * The values of one category field as they stand in the output, those of the dictionary that was
 * taken last. Encoded once for each dictionary: batches of several may come in turn.
 */
export class EncodedValues {
  /** Changes with every value, and with every dictionary. */
  version = 0;
  readonly #encode: (text: string) => Uint8Array;
  readonly #known = new WeakMap<Dictionary, EncodedTexts>();
  #dictionary: Dictionary | null = null;
  texts: EncodedTexts = new EncodedTexts();

  constructor(encode: (text: string) => Uint8Array) {
    this.#encode = encode;
  }

  /** Encodes what is new in a dictionary. */
  take(dictionary: Dictionary): void {
    if (dictionary !== this.#dictionary) {
      this.#dictionary = dictionary;
      this.texts = this.#known.get(dictionary) ?? new EncodedTexts();
      this.#known.set(dictionary, this.texts);
      this.version++;
    }
    const { texts } = this;
    for (; texts.size < dictionary.size; this.version++) {
      texts.add(this.#encode(dictionary.values[texts.size]!));
    }
  }
}

/** The values of one dictionary by their codes. */
class EncodedTexts {
  words: Int32Array = new Int32Array(256);
  /** The value of a code begins at word `starts[code]`; behind it, up to the next, is whatever. */
  starts: Int32Array = new Int32Array(64);
  /** In bytes. */
  lengths: Int32Array = new Int32Array(64);
  lengthMax = 0;
  size = 0;
  wordsUsed = 0;
  #bytes: Uint8Array = new Uint8Array(this.words.buffer);

  bytesOf(code: number): Uint8Array {
    const start = this.starts[code]! * 4;
    return this.#bytes.subarray(start, start + this.lengths[code]!);
  }

  add(encoded: Uint8Array): void {
    const start = this.wordsUsed;
    this.wordsUsed += (encoded.length + 3) >>> 2;
    if (this.wordsUsed > this.words.length) {
      this.words = grown(this.words, this.wordsUsed);
      this.#bytes = new Uint8Array(this.words.buffer);
    }
    if (this.size === this.starts.length) {
      this.starts = grown(this.starts, this.size + 1);
      this.lengths = grown(this.lengths, this.size + 1);
    }
    this.#bytes.set(encoded, start * 4);
    this.starts[this.size] = start;
    this.lengths[this.size++] = encoded.length;
    this.lengthMax = Math.max(this.lengthMax, encoded.length);
  }
}

function grown(values: Int32Array, length: number): Int32Array {
  const more = new Int32Array(Math.max(length, 2 * values.length));
  more.set(values);
  return more;
}
