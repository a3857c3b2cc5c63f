import { type KernelExports, type Kernels, loadKernels } from './kernels.ts';

const prime1 = 0x9e3779b185ebca87n;
const prime2 = 0xc2b2ae3d27d4eb4fn;
const prime3 = 0x165667b19e3779f9n;
const prime4 = 0x85ebca77c2b2ae63n;
const prime5 = 0x27d4eb2f165667c5n;
const blockBytes = 16_384;
const stripeWords = 4;
const stripeBytes = 32;

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotate = (value: bigint, bits: bigint): bigint =>
  wrap(value << bits) | (value >> (64n - bits));
const round = (sum: bigint, word: bigint): bigint =>
  wrap(rotate(wrap(sum + wrap(word * prime2)), 31n) * prime1);
const merge = (hash: bigint, sum: bigint): bigint =>
  wrap(wrap((hash ^ round(0n, sum)) * prime1) + prime4);

/** Takes so many stripes of four words into the sums. */
type AddStripes = (sums: BigUint64Array, words: BigUint64Array, count: number) => void;

/**
 * XXH64 of what was added, with the seed 0: what a frame of zstd has as checksum, which Node does not
 * give. Nearly all of its time goes into stripes, for which there is a kernel.
 */
export class Xxh64 {
  readonly #block = new Uint8Array(blockBytes);
  readonly #words = new BigUint64Array(this.#block.buffer);
  readonly #sums = BigUint64Array.of(wrap(prime1 + prime2), prime2, 0n, wrap(-prime1));
  readonly #addStripes: AddStripes;
  /** How many bytes of the block wait, and how many were added in all. */
  #waiting = 0;
  #size = 0;

  constructor(kernels: Kernels | null = loadKernels()) {
    this.#addStripes = kernels === null ? addStripes : byKernel(kernels.exports);
  }

  update(bytes: Uint8Array): void {
    this.#size += bytes.length;
    for (let at = 0; at < bytes.length;) {
      const count = Math.min(blockBytes - this.#waiting, bytes.length - at);
      this.#block.set(bytes.subarray(at, at + count), this.#waiting);
      this.#waiting += count;
      at += count;
      if (this.#waiting === blockBytes) {
        this.#addStripes(this.#sums, this.#words, blockBytes / stripeBytes);
        this.#waiting = 0;
      }
    }
  }

  /** The lower 32 bits for all bytes so far; more may be added behind. */
  digest32(): number {
    const sums = this.#sums.slice();
    const stripes = Math.floor(this.#waiting / stripeBytes);
    this.#addStripes(sums, this.#words, stripes);
    let hash = wrap(this.#begin(sums) + BigInt(this.#size));
    let at = stripes * stripeBytes;
    for (; at + 8 <= this.#waiting; at += 8) {
      hash ^= round(0n, this.#words[at >>> 3]!);
      hash = wrap(rotate(hash, 27n) * prime1 + prime4);
    }
    if (at + 4 <= this.#waiting) {
      const half = new DataView(this.#block.buffer).getUint32(at, true);
      hash ^= wrap(BigInt(half) * prime1);
      hash = wrap(rotate(hash, 23n) * prime2 + prime3);
      at += 4;
    }
    for (; at < this.#waiting; at++) {
      hash ^= wrap(BigInt(this.#block[at]!) * prime5);
      hash = wrap(rotate(hash, 11n) * prime1);
    }
    hash = wrap((hash ^ (hash >> 33n)) * prime2);
    hash = wrap((hash ^ (hash >> 29n)) * prime3);
    return Number((hash ^ (hash >> 32n)) & 0xffff_ffffn);
  }

  #begin(sums: BigUint64Array): bigint {
    if (this.#size < stripeBytes) return prime5;
    const turns = [1n, 7n, 12n, 18n];
    const hash = turns.reduce((sum, bits, at) => sum + rotate(sums[at]!, bits), 0n);
    return sums.reduce(merge, wrap(hash));
  }
}

function byKernel({ memory, HASH_SUMS, HASHED, ...kernels }: KernelExports): AddStripes {
  const sumsThere = new BigUint64Array(memory.buffer, HASH_SUMS.value, stripeWords);
  const wordsThere = new BigUint64Array(memory.buffer, HASHED.value, blockBytes / 8);
  return (sums, words, count) => {
    sumsThere.set(sums);
    wordsThere.set(words.subarray(0, stripeWords * count));
    kernels.addStripes(count);
    sums.set(sumsThere);
  };
}

function addStripes(sums: BigUint64Array, words: BigUint64Array, count: number): void {
  for (let at = 0; at < stripeWords * count; at++) {
    const lane = at % stripeWords;
    sums[lane] = round(sums[lane]!, words[at]!);
  }
}
