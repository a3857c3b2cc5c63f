import type { JsonValue } from '../../batch/index.ts';
import { addMoment, deviationOf, joinMoments, momentsWidth } from '../../core/rolling.ts';
import { Quantiles } from './quantiles.ts';

/**
 * One thing that is kept of the numbers of a cell, in the cell's record from `offset` on. Kernels take
 * the cell of each row; NaN is no number.
 */
export interface Accumulator {
  /** Elements of the record. */
  readonly width: number;
  /** Makes a cell that is all 0 one without numbers. */
  begin?(values: Float64Array, start: number, cell: number): void;
  add(input: AddInput): void;
  /** Takes the numbers of one cell into another. */
  join(values: Float64Array, into: number, from: number, cells: CellPair): void;
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

// Of `Totals`: how many, their sum, what rounding took from it, the least and the greatest.
const totalCount = 0;
const sum = 1;
const rest = 2;
const least = 3;
const greatest = 4;

/**
 * How many numbers there are, their sum with what rounding took from it beside it (Neumaier, 1974),
 * the least and the greatest: one loop over the rows for all of them.
 */
export class Totals implements Accumulator {
  readonly width = 5;
  readonly #offset: number;

  constructor(offset: number) {
    this.#offset = offset;
  }

  begin(values: Float64Array, start: number): void {
    values[start + this.#offset + least] = Infinity;
    values[start + this.#offset + greatest] = -Infinity;
  }

  add({ values, width, numbers, cells, from, to }: AddInput): void {
    const offset = this.#offset;
    for (let at = from; at < to; at++) {
      const number = numbers[at]!;
      if (number !== number) continue;
      const place = Math.imul(cells[at]!, width) + offset;
      values[place + totalCount]!++;
      addTo(values, place, number);
      if (number < values[place + least]!) values[place + least] = number;
      if (number > values[place + greatest]!) values[place + greatest] = number;
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

  count(values: Float64Array, start: number): number {
    return values[start + this.#offset + totalCount]!;
  }

  sum(values: Float64Array, start: number): number {
    const place = start + this.#offset;
    // Beyond the greatest number nothing is left to mend.
    const isFinite = values[place + sum]! - values[place + sum]! === 0;
    return isFinite ? values[place + sum]! + values[place + rest]! : values[place + sum]!;
  }

  /** 0 where it is −0, here and below: nobody means that. */
  least(values: Float64Array, start: number): number {
    return values[start + this.#offset + least]! + 0;
  }

  greatest(values: Float64Array, start: number): number {
    return values[start + this.#offset + greatest]! + 0;
  }
}

function addTo(values: Float64Array, place: number, number: number): void {
  const before = values[place + sum]!;
  const after = before + number;
  values[place + sum] = after;
  values[place + rest]! +=
    Math.abs(before) >= Math.abs(number) ? before - after + number : number - after + before;
}

/** The standard deviation over n. */
export class Moments implements Accumulator {
  readonly width: number = momentsWidth;
  readonly #offset: number;

  constructor(offset: number) {
    this.#offset = offset;
  }

  add({ values, width, numbers, cells, from, to }: AddInput): void {
    const offset = this.#offset;
    for (let at = from; at < to; at++) {
      const number = numbers[at]!;
      if (number === number) addMoment(values, Math.imul(cells[at]!, width) + offset, number);
    }
  }

  join(values: Float64Array, into: number, from: number): void {
    joinMoments(values, into + this.#offset, from + this.#offset);
  }

  deviation(values: Float64Array, start: number): number {
    return deviationOf(values, start + this.#offset);
  }
}

/** What percentiles are made of: beside the record. */
export class Percentiles implements Accumulator {
  readonly width = 0;
  readonly #ofCell: (Quantiles | undefined)[] = [];

  begin(_values: Float64Array, _start: number, cell: number): void {
    this.#ofCell[cell] = undefined;
  }

  add({ numbers, cells, from, to }: AddInput): void {
    for (let at = from; at < to; at++) {
      const number = numbers[at]!;
      // What goes to the first cell goes nowhere.
      if (number === number && cells[at] !== 0) this.#at(cells[at]!).add(number);
    }
  }

  join(_values: Float64Array, _into: number, _from: number, { into, from }: CellPair): void {
    const more = this.#ofCell[from];
    if (more !== undefined) this.#at(into).join(more.parts);
  }

  of(cell: number, percent: number): number {
    return this.#ofCell[cell]?.percentile(percent) ?? NaN;
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
