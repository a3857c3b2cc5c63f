/** What a measure needs to know of the run it belongs to. */
export interface Setting {
  /** Small sizes, to see that it works; the figures mean nothing. */
  readonly quick: boolean;
  /** A directory for data, gone after the run. */
  readonly directory: string;
}

/** Costs of one thing each time it was measured: lower is better. */
export interface Samples {
  readonly ours: readonly number[];
  readonly peer: readonly number[];
}

/** One comparison. It runs in a process of its own. */
export interface Measure {
  readonly id: string;
  /** What is compared with what, in one line. */
  readonly title: string;
  /** What the peer is, how it was set up, and where it does more than we do; or `the limit`. */
  readonly peer: string;
  /** The unit of `ours` and `peer`. */
  readonly unit:
    'ns/record' | 'B/record' | 'ns/call' | 'B/call' | 'µs' | 'ms' | 's' | 'KiB' | 'MiB';
  /** `faster`: peer ÷ ours is at least this. `within`: ours ÷ peer is at most this. */
  readonly target: { readonly faster: number } | { readonly within: number };
  readonly run: (setting: Setting) => Promise<Samples>;
}

export interface Result {
  readonly id: string;
  /** Medians, in the unit of the measure. */
  readonly ours: number;
  readonly peer: number;
  readonly ratio: number;
  readonly target: number;
  readonly holds: boolean;
}

/** Judges the medians of a measure's samples by its target. */
export function judge({ id, target }: Pick<Measure, 'id' | 'target'>, samples: Samples): Result {
  const [ours, peer] = [median(samples.ours), median(samples.peer)];
  const costs = { ours: rounded(ours), peer: rounded(peer) };
  if ('faster' in target) {
    const ratio = rounded(peer / ours);
    return { id, ...costs, ratio, target: target.faster, holds: ratio >= target.faster };
  }
  const ratio = rounded(ours / peer);
  return { id, ...costs, ratio, target: target.within, holds: ratio <= target.within };
}

export function median(values: readonly number[]): number {
  if (values.length === 0 || values.some((value) => !Number.isFinite(value))) {
    throw new Error(`no median of [${values.join(', ')}]`);
  }
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** To four figures: more of them would be noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
