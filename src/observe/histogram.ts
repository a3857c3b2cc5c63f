const bucketsPerOctave = 32;
const octaves = 32;
const bucketCount = octaves * bucketsPerOctave;

// What stands before the buckets in the cells of a histogram.
const countAt = 0;
const sumAt = 1;
const maxAt = 2;
const zerosAt = 3;
const firstAt = 4;
const headerLength = 5;
const cellCount = headerLength + bucketCount;

/** How many numbers a histogram is. */
export const histogramCells: number = cellCount;

/** The exponent that a double has stored for 1. */
const exponentOfOne = 1023;
/** Buckets are counted from the smallest exponent there is: 1 is the upper end of this one. */
const bucketOfOne = exponentOfOne * bucketsPerOctave - 1;
/** At first the buckets go from 2^-20 s, about a microsecond, to 2^12 s, more than an hour. */
const firstBucket = bucketOfOne + 1 - 20 * bucketsPerOctave;

// A value's exponent gives the octave, and the first six bits of its mantissa the bucket but for one
// bound that may lie among the values with these bits: it is compared exactly.
const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);
number[0] = 1;
const highAt = words[1] === 0 ? 0 : 1;
const lowAt = 1 - highAt;
const boundsBelow = new Int32Array(64);
const boundHigh = new Int32Array(bucketsPerOctave + 1);
const boundLow = new Float64Array(bucketsPerOctave + 1);
for (let bound = 0; bound < bucketsPerOctave; bound++) {
  number[0] = 2 ** (bound / bucketsPerOctave);
  boundHigh[bound] = words[highAt]! & 0xfffff;
  boundLow[bound] = words[lowAt]!;
  for (let bits = 0; bits < 64; bits++) if (number[0] < 1 + bits / 64) boundsBelow[bits]!++;
}
boundHigh[bucketsPerOctave] = 0x100000;

/** The upper bounds, in seconds, of the buckets that text formats show: powers of four. */
export const classicBounds: readonly number[] = Array.from(
  { length: 14 },
  (_, at) => 4 ** (at - 9),
);

/** An exponential histogram as OTLP has it: `counts[i]` are values up to 2^((offset + i + 1) / 32). */
export interface ExponentialBuckets {
  readonly scale: 5;
  readonly zeroCount: number;
  readonly offset: number;
  readonly counts: readonly number[];
}

/** What two histograms have together. */
export function sumOfBuckets(
  one: ExponentialBuckets,
  other: ExponentialBuckets,
): ExponentialBuckets {
  const zeroCount = one.zeroCount + other.zeroCount;
  if (one.counts.length === 0) return { ...other, zeroCount };
  if (other.counts.length === 0) return { ...one, zeroCount };
  const offset = Math.min(one.offset, other.offset);
  const end = Math.max(one.offset + one.counts.length, other.offset + other.counts.length);
  const counts = Array.from(
    { length: end - offset },
    (_, at) =>
      (one.counts[offset + at - one.offset] ?? 0) + (other.counts[offset + at - other.offset] ?? 0),
  );
  return { scale: 5, zeroCount, offset, counts };
}

/** How a histogram was at some time: 4 KiB, as much as it takes to know what came since. */
export class HistogramMark {
  readonly counts: Uint32Array = new Uint32Array(bucketCount);
  first: number = firstBucket;
  count = 0;
  sum = 0;
  max = 0;
  zeros = 0;

  /** Moves with the octaves of its histogram: what they leave behind counts as zero there too. */
  moveTo(first: number): void {
    const { counts } = this;
    const by = first - this.first;
    this.first = first;
    if (by < 0) {
      counts.copyWithin(-by, 0);
      counts.fill(0, 0, -by);
      return;
    }
    const lost = Math.min(by, bucketCount);
    for (let at = 0; at < lost; at++) this.zeros += counts[at]!;
    counts.copyWithin(0, lost);
    counts.fill(0, bucketCount - lost);
  }
}

/**
 * An exponential histogram, base 2 and scale 5: each bucket is 2^(1/32) wide, so a quantile is
 * within 1.1 % of the exact one. Of a fixed size: 32 octaves, that move to where the values are; what
 * is 2^32 times less than the largest counts as zero, and so does what is no positive number.
 */
export class Histogram {
  readonly #cells: Float64Array = new Float64Array(cellCount);

  constructor() {
    this.#cells[firstAt] = firstBucket;
  }

  record(value: number, weight = 1): void {
    const cells = this.#cells;
    number[0] = value;
    const high = words[highAt]!;
    let bound = boundsBelow[(high >>> 14) & 63]!;
    const fraction = high & 0xfffff;
    const least = boundHigh[bound]!;
    if (fraction > least || (fraction === least && words[lowAt]! > boundLow[bound]!)) bound++;
    const bucket = (high >>> 20) * bucketsPerOctave + bound - 1;
    const at = bucket - cells[firstAt]!;
    if (at >= 0 && at < bucketCount) {
      cells[headerLength + at]! += weight;
      cells[sumAt]! += value * weight;
      if (value > cells[maxAt]!) cells[maxAt] = value;
    } else if (!(value > 0 && value < Infinity)) {
      cells[zerosAt]! += weight;
    } else {
      this.#add(bucket, weight);
      cells[sumAt]! += value * weight;
      if (value > cells[maxAt]!) cells[maxAt] = value;
    }
    cells[countAt]! += weight;
  }

  /** Adds what another has recorded. */
  merge(other: Histogram): void {
    const [cells, more] = [this.#cells, other.#cells];
    for (let at = 0; at < bucketCount; at++) {
      const weight = more[headerLength + at]!;
      if (weight !== 0) this.#add(more[firstAt]! + at, weight);
    }
    for (const at of [countAt, sumAt, zerosAt]) cells[at]! += more[at]!;
    if (more[maxAt]! > cells[maxAt]!) cells[maxAt] = more[maxAt]!;
  }

  /**
   * Puts into another what was recorded since a mark, and moves the mark here. Its greatest value is
   * known to the width of a bucket where it is not the greatest of all.
   */
  since(mark: HistogramMark, into: Histogram): void {
    const [cells, made] = [this.#cells, into.#cells];
    const { counts } = mark;
    const greatest = cells[maxAt]!;
    if (mark.first !== cells[firstAt]) mark.moveTo(cells[firstAt]!);
    let last = -1;
    made.fill(0);
    for (let at = 0; at < bucketCount; at++) {
      const now = cells[headerLength + at]!;
      if (now === 0) continue;
      // The mark counts modulo 2^32.
      const more = (now - counts[at]!) >>> 0;
      if (more === 0) continue;
      made[headerLength + at] = more;
      counts[at] = now;
      last = at;
    }
    const most = last < 0 ? 0 : Math.min(greatest, middleOf(mark.first + last));
    made[firstAt] = mark.first;
    made[maxAt] = greatest > mark.max ? greatest : most;
    made[countAt] = cells[countAt]! - mark.count;
    made[sumAt] = cells[sumAt]! - mark.sum;
    made[zerosAt] = cells[zerosAt]! - mark.zeros;
    mark.max = greatest;
    mark.count = cells[countAt]!;
    mark.sum = cells[sumAt]!;
    mark.zeros = cells[zerosAt]!;
  }

  /** Puts all of it into `histogramCells` numbers. */
  save(into: Float64Array): void {
    into.set(this.#cells);
  }

  /** Becomes what was saved. */
  load(from: Float64Array): void {
    this.#cells.set(from);
  }

  /** Forgets everything. */
  clear(): void {
    this.#cells.fill(0);
    this.#cells[firstAt] = firstBucket;
  }

  get count(): number {
    return this.#cells[countAt]!;
  }

  get sum(): number {
    return this.#cells[sumAt]!;
  }

  get max(): number {
    return this.#cells[maxAt]!;
  }

  /** The value below which the fraction `q` of the recorded ones lies; null while there are none. */
  quantile(q: number): number | null {
    return this.quantiles([q])[0]!;
  }

  /** The same for several fractions, which ascend, in one pass. */
  quantiles(qs: readonly number[]): (number | null)[] {
    const cells = this.#cells;
    if (cells[countAt] === 0) return qs.map(() => null);
    const found: number[] = [];
    let seen = cells[zerosAt]!;
    let at = headerLength - 1;
    // No closure: what one changes is slow to count in.
    for (const q of qs) {
      // At least one value, however small its weight.
      const rank = Math.max(q * cells[countAt]!, Number.MIN_VALUE);
      while (seen < rank && ++at < cellCount) seen += cells[at]!;
      if (at < headerLength) found.push(0);
      else if (at >= cellCount) found.push(cells[maxAt]!);
      else found.push(Math.min(cells[maxAt]!, middleOf(cells[firstAt]! + at - headerLength)));
    }
    return found;
  }

  /** How many were at most each of these bounds, which ascend; exact where they are powers of 2. */
  countsUpTo(bounds: readonly number[]): number[] {
    const cells = this.#cells;
    let seen = cells[zerosAt]!;
    let at = 0;
    return bounds.map((bound) => {
      const beyond = Math.floor(bucketOfOne + 1 + Math.log2(bound) * bucketsPerOctave);
      const end = Math.min(bucketCount, beyond - cells[firstAt]!);
      for (; at < end; at++) seen += cells[headerLength + at]!;
      return seen;
    });
  }

  /** All of it but sum and count, as OTLP wants it. */
  exponentialBuckets(): ExponentialBuckets {
    const cells = this.#cells;
    const buckets = cells.subarray(headerLength);
    const first = Math.max(
      0,
      buckets.findIndex((count) => count > 0),
    );
    const counts = [...buckets.subarray(first, buckets.findLastIndex((count) => count > 0) + 1)];
    const offset = cells[firstAt]! + first - bucketOfOne - 1;
    return { scale: 5, zeroCount: cells[zerosAt]!, offset, counts };
  }

  /** Adds to a bucket that the octaves may have to move for. */
  #add(bucket: number, weight: number): void {
    const cells = this.#cells;
    const at = bucket - cells[firstAt]!;
    if (at >= bucketCount) this.#moveUp(at - bucketCount + 1);
    else if (at < 0 && !this.#movesDown(-at)) {
      cells[zerosAt]! += weight;
      return;
    }
    cells[headerLength + bucket - cells[firstAt]!]! += weight;
  }

  #moveUp(by: number): void {
    const cells = this.#cells;
    const buckets = cells.subarray(headerLength);
    const lost = Math.min(by, bucketCount);
    for (let at = 0; at < lost; at++) cells[zerosAt]! += buckets[at]!;
    buckets.copyWithin(0, lost);
    buckets.fill(0, bucketCount - lost);
    cells[firstAt]! += by;
  }

  /** By a whole octave, or more, so that it is seldom done; not where that would lose the largest. */
  #movesDown(least: number): boolean {
    const cells = this.#cells;
    const buckets = cells.subarray(headerLength);
    const last = buckets.findLastIndex((count) => count > 0);
    const free = last < 0 ? Infinity : bucketCount - 1 - last;
    if (free < least) return false;
    const by = Math.min(free, Math.ceil(least / bucketsPerOctave) * bucketsPerOctave);
    buckets.copyWithin(by, 0);
    buckets.fill(0, 0, by);
    cells[firstAt]! -= by;
    return true;
  }
}

function middleOf(bucket: number): number {
  return 2 ** ((bucket - bucketOfOne - 0.5) / bucketsPerOctave);
}
