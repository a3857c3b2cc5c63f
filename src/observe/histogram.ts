const bucketsPerOctave = 32;
const octaveMin = -20;
const octaveMax = 12;
const bucketCount = (octaveMax - octaveMin) * bucketsPerOctave + 1;

/**
 * An exponential histogram, base 2 and scale 5: each bucket is 2^(1/32) wide, so a quantile is
 * within 1.1 % of the exact one. Fixed size; maps to OTLP's without loss. Values in
 * seconds from 1 µs to an hour; what is smaller counts as zero, what is larger in the last bucket.
 */
export class Histogram {
  readonly #buckets: Float64Array = new Float64Array(bucketCount);
  #count = 0;
  #sum = 0;
  #max = 0;

  record(value: number, weight = 1): void {
    this.#count += weight;
    this.#sum += value * weight;
    if (value > this.#max) this.#max = value;
    this.#buckets[bucketOf(value)]! += weight;
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  get max(): number {
    return this.#max;
  }

  /** The value below which the fraction `q` of the recorded ones lies; null while there are none. */
  quantile(q: number): number | null {
    if (this.#count === 0) return null;
    const rank = q * this.#count;
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#buckets[bucket]!;
      if (seen >= rank && seen > 0) return Math.min(this.#max, middleOf(bucket));
    }
    return this.#max;
  }
}

function bucketOf(value: number): number {
  if (!(value > 0)) return 0;
  const bucket = Math.floor((Math.log2(value) - octaveMin) * bucketsPerOctave) + 1;
  return Math.min(bucketCount - 1, Math.max(0, bucket));
}

function middleOf(bucket: number): number {
  return bucket === 0 ? 0 : 2 ** (octaveMin + (bucket - 0.5) / bucketsPerOctave);
}
