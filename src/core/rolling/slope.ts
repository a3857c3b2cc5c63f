import type { KeyedState, SlotTable } from '../keyed.ts';

// A record: of this block the first time and number, the means of the distances from them, the
// squared deviations of times and the products of both deviations; the time and number that the
// ends were measured from; then four runs of cells: times (behind: mean time of the end), numbers
// (behind: mean number), squared deviations of times, products.
const anchorTime = 0;
const anchorNumber = 1;
const meanTime = 2;
const meanNumber = 3;
const squares = 4;
const products = 5;
const endsTime = 6;
const endsNumber = 7;
const cells = 8;
const next = 0;
const isFull = 1;

/**
 * The slope of the least-squares line through the last `window` numbers over their times; 0 while
 * all times are equal. Blocks as in `RollingMean`; co-moments are updated as in `RollingMoments`.
 */
export class RollingSlope {
  readonly #window: number;
  readonly #table: SlotTable;

  constructor(state: KeyedState, window: number) {
    this.#window = window;
    this.#table = state.table(`slope/${window}`, cells + 4 * window, 2);
  }

  /**
   * Takes in `numbers[0 … count)` at `times[0 … count)` (either NaN: nothing) and writes each slope so
   * far to `slopes[rows[at]]`.
   */
  run(
    numbers: Float64Array,
    times: Float64Array,
    slots: Int32Array | null,
    rows: Uint32Array,
    count: number,
    slopes: Float64Array,
  ): void {
    const window = this.#window;
    const table = this.#table;
    const { values, counters, width } = table;
    for (let at = 0; at < count; at++) {
      const slot = slots === null ? 0 : table.open(slots[at]!);
      const start = Math.imul(slot, width);
      const number = numbers[at]!;
      const time = times[at]!;
      let here = counters[2 * slot + next]!;
      if (number === number && time === time) {
        values[start + cells + here] = time;
        values[start + cells + window + here] = number;
        addToBlock(values, start, here++, time, number);
        if (here === window) {
          slopesOfEnds(values, start, window);
          counters[2 * slot + isFull] = 1;
          here = 0;
        }
        counters[2 * slot + next] = here;
      }
      slopes[rows[at]!] = slopeOf(values, start, here, window, counters[2 * slot + isFull] === 1);
    }
  }
}

function addToBlock(
  values: Float64Array,
  start: number,
  here: number,
  time: number,
  number: number,
): void {
  if (here === 0) {
    values[start + anchorTime] = time;
    values[start + anchorNumber] = number;
    values.fill(0, start + meanTime, start + products + 1);
  }
  const timeBefore = time - values[start + anchorTime]! - values[start + meanTime]!;
  const numberBefore = number - values[start + anchorNumber]! - values[start + meanNumber]!;
  values[start + meanTime]! += timeBefore / (here + 1);
  values[start + meanNumber]! += numberBefore / (here + 1);
  const timeAfter = time - values[start + anchorTime]! - values[start + meanTime]!;
  values[start + squares]! += timeBefore * timeAfter;
  values[start + products]! += timeAfter * numberBefore;
}

function slopeOf(
  values: Float64Array,
  start: number,
  here: number,
  window: number,
  full: boolean,
): number {
  let spread = here === 0 ? 0 : values[start + squares]!;
  let product = here === 0 ? 0 : values[start + products]!;
  if (full) {
    const cell = start + cells + here;
    spread += values[cell + 2 * window]!;
    product += values[cell + 3 * window]!;
    if (here > 0) {
      const timeApart =
        values[start + anchorTime]! -
        values[start + endsTime]! +
        (values[start + meanTime]! - values[cell]!);
      const numberApart =
        values[start + anchorNumber]! -
        values[start + endsNumber]! +
        (values[start + meanNumber]! - values[cell + window]!);
      const weight = (here * (window - here)) / window;
      spread += timeApart * timeApart * weight;
      product += timeApart * numberApart * weight;
    }
  } else if (here === 0) {
    return NaN;
  }
  return spread === 0 ? 0 : product / spread;
}

/** For each cell, the means and co-moments of the times and numbers from it to the end. */
function slopesOfEnds(values: Float64Array, start: number, window: number): void {
  const first = start + cells;
  const baseTime = values[first + window - 1]!;
  const baseNumber = values[first + 2 * window - 1]!;
  let timeMean = 0;
  let numberMean = 0;
  let spread = 0;
  let product = 0;
  for (let cell = window - 1; cell >= 0; cell--) {
    const time = values[first + cell]! - baseTime;
    const number = values[first + window + cell]! - baseNumber;
    const timeBefore = time - timeMean;
    const numberBefore = number - numberMean;
    timeMean += timeBefore / (window - cell);
    numberMean += numberBefore / (window - cell);
    spread += timeBefore * (time - timeMean);
    product += (time - timeMean) * numberBefore;
    values[first + cell] = timeMean;
    values[first + window + cell] = numberMean;
    values[first + 2 * window + cell] = spread;
    values[first + 3 * window + cell] = product;
  }
  values[start + endsTime] = baseTime;
  values[start + endsNumber] = baseNumber;
}
