import type { JsonValue } from '../../batch/index.ts';
import { addMoment, deviationOf, joinMoments, momentsWidth } from '../../core/rolling.ts';
import { Quantiles } from './quantiles.ts';

/**
 * One thing that is kept of the numbers of a cell, in the cell's record from `offset` on. Kernels take
 * the cell of each row, or of each result; what is not finite is no number.
 */
export interface Accumulator {
  /** Elements of the record. */
  readonly width: number;
  /** Makes a record that is all 0 that of no numbers. */
  begin?(record: Float64Array): void;
  add?(input: AddInput): void;
  /** Takes the numbers of one cell into another. */
  join(values: Float64Array, into: number, from: number, cells: CellPair): void;
  /** Lets go of the state beside the record. */
  clear?(cell: number): void;
  /** State beside the record. */
  save?(cell: number): JsonValue;
  /** False where it does not fit. */
  load?(cell: number, saved: JsonValue): boolean;
}

interface CellPair {
  readonly into: number;
  readonly from: number;
}

/** Rows `from … to`, with the number of each and the cell that it goes to. */
export interface AddInput {
  readonly values: Float64Array;
  /** Of a record. */
  readonly width: number;
  readonly numbers: Float64Array;
  readonly cells: Int32Array;
  readonly from: number;
  readonly to: number;
}

/** The first `length` of some cells, of which a result each goes `into` an array from `first` on. */
export interface ResultsInput {
  readonly values: Float64Array;
  /** Of a record. */
  readonly width: number;
  readonly cells: Int32Array;
  readonly length: number;
  readonly into: Float64Array;
  readonly first: number;
}

/** Gives what is at one place of the records: 0 where it is −0, which nobody means. */
export function elements(
  { values, width, cells, length, into, first }: ResultsInput,
  place: number,
): void {
  for (let at = 0; at < length; at++) {
    into[first + at] = values[Math.imul(cells[at]!, width) + place]! + 0;
  }
}

// Of `Totals`: how many, their sum, what rounding took from it, the least and the greatest.
const totalCount = 0;
const sum = 1;
const rest = 2;
const least = 3;
const greatest = 4;

/**
 * How many numbers there are, their sum with what rounding took from it beside it (Neumaier, 1974),
 * the least and the greatest, and moments where they are asked for: one loop over the rows for all.
 */
export class Totals implements Accumulator {
  readonly width = 5;
  readonly #offset: number;
  /** Where the moments of the same numbers are in a record; 0 where nobody asks for them. */
  #momentsAt = 0;

  constructor(offset: number) {
    this.#offset = offset;
  }

  get countAt(): number {
    return this.#offset + totalCount;
  }

  get leastAt(): number {
    return this.#offset + least;
  }

  get greatestAt(): number {
    return this.#offset + greatest;
  }

  /** Lets every number be added to those as well. */
  addToo({ offset }: Moments): void {
    this.#momentsAt = offset;
  }

  begin(record: Float64Array): void {
    record[this.leastAt] = Infinity;
    record[this.greatestAt] = -Infinity;
  }

  add({ values, width, numbers, cells, from, to }: AddInput): void {
    const offset = this.#offset;
    const momentsAt = this.#momentsAt;
    for (let at = from; at < to; at++) {
      const number = numbers[at]!;
      if (number - number !== 0) continue;
      const start = Math.imul(cells[at]!, width);
      const place = start + offset;
      const count = values[place + totalCount]! + 1;
      values[place + totalCount] = count;
      addTo(values, place, number);
      if (number < values[place + least]!) values[place + least] = number;
      if (number > values[place + greatest]!) values[place + greatest] = number;
      if (momentsAt > 0) addMoment(values, start + momentsAt, number, count);
    }
  }

  join(values: Float64Array, into: number, from: number): void {
    const to = into + this.#offset;
    const of = from + this.#offset;
    values[to + totalCount]! += values[of + totalCount]!;
    addTo(values, to, values[of + sum]!);
    values[to + rest]! += values[of + rest]!;
    values[to + least] = Math.min(values[to + least]!, values[of + least]!);
    values[to + greatest] = Math.max(values[to + greatest]!, values[of + greatest]!);
  }

  sums({ values, width, cells, length, into, first }: ResultsInput): void {
    const offset = this.#offset;
    for (let at = 0; at < length; at++) {
      into[first + at] = sumAt(values, Math.imul(cells[at]!, width) + offset);
    }
  }

  means({ values, width, cells, length, into, first }: ResultsInput): void {
    const offset = this.#offset;
    for (let at = 0; at < length; at++) {
      const place = Math.imul(cells[at]!, width) + offset;
      into[first + at] = sumAt(values, place) / values[place + totalCount]!;
    }
  }
}

function addTo(values: Float64Array, place: number, number: number): void {
  const before = values[place + sum]!;
  const after = before + number;
  values[place + sum] = after;
  values[place + rest]! +=
    Math.abs(before) >= Math.abs(number) ? before - after + number : number - after + before;
}

function sumAt(values: Float64Array, place: number): number {
  const total = values[place + sum]!;
  // Beyond the greatest number nothing is left to mend.
  return total - total === 0 ? total + values[place + rest]! : total;
}

/** What the standard deviation over n is made of; `Totals` adds to it. */
export class Moments implements Accumulator {
  readonly width: number = momentsWidth;
  readonly offset: number;

  constructor(offset: number) {
    this.offset = offset;
  }

  join(values: Float64Array, into: number, from: number): void {
    joinMoments(values, into + this.offset, from + this.offset);
  }

  deviations({ values, width, cells, length, into, first }: ResultsInput): void {
    const { offset } = this;
    for (let at = 0; at < length; at++) {
      into[first + at] = deviationOf(values, Math.imul(cells[at]!, width) + offset);
    }
  }
}

/** What percentiles are made of: beside the record. */
export class Percentiles implements Accumulator {
  readonly width = 0;
  readonly #ofCell: (Quantiles | undefined)[] = [];

  add({ numbers, cells, from, to }: AddInput): void {
    for (let at = from; at < to; at++) {
      const number = numbers[at]!;
      // What goes to the first cell goes nowhere.
      if (number - number === 0 && cells[at] !== 0) this.#at(cells[at]!).add(number);
    }
  }

  join(_values: Float64Array, _into: number, _from: number, { into, from }: CellPair): void {
    const more = this.#ofCell[from];
    if (more !== undefined) this.#at(into).join(more.parts);
  }

  percentiles({ cells, length, into, first }: ResultsInput, percent: number): void {
    for (let at = 0; at < length; at++) {
      into[first + at] = this.#ofCell[cells[at]!]?.percentile(percent) ?? NaN;
    }
  }

  clear(cell: number): void {
    this.#ofCell[cell] = undefined;
  }

  save(cell: number): JsonValue {
    return this.#ofCell[cell]?.snapshot() ?? null;
  }

  load(cell: number, saved: JsonValue): boolean {
    this.#ofCell[cell] = saved === null ? undefined : Quantiles.restored(saved);
    return saved === null || this.#ofCell[cell] !== undefined;
  }

  #at(cell: number): Quantiles {
    return (this.#ofCell[cell] ??= new Quantiles());
  }
}
