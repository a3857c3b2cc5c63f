import type { Batch, JsonValue } from '../../batch/index.ts';
import { SlotTable } from '../../core/keyed.ts';
import { NumberReader } from '../../core/rolling.ts';
import {
  type Accumulator,
  elements,
  Moments,
  Percentiles,
  type ResultsInput,
  Totals,
} from './accumulators.ts';
import type { ParsedComputation } from './computation.ts';

/** Computes a result of each of some cells. */
type Result = (input: ResultsInput) => void;

/** What was asked for of a cell. */
interface Asked {
  readonly result: Result;
  /** Of a field, how many numbers it is computed from; undefined of what is a count itself. */
  readonly totals: Totals | undefined;
}

/** Elements of every record: the rows of the cell, and for sessions the times of first and last. */
export const rowsAt = 0;
export const firstAt = 1;
export const lastAt = 2;
const ownWidth = 3;

interface OfField {
  readonly reader: NumberReader;
  readonly totals: Totals;
  readonly accumulators: Accumulator[];
}

/**
 * What is known of the rows of a key in a stretch of time, a record each, in one pool: cells that
 * were given back are used again, once all results are computed. Cell 0 takes what belongs to none.
 */
export class Cells {
  readonly width: number;
  readonly #asked: readonly Asked[];
  readonly #table: SlotTable;
  /** The record of a cell without rows. */
  readonly #empty: Float64Array;
  readonly #name: string;
  readonly #countsRows: boolean;
  readonly #fields = new Map<string, OfField>();
  readonly #accumulators: Accumulator[] = [];
  /** Those that have state beside the record. */
  readonly #besides: readonly Accumulator[];
  /** Lists of cells, each with the next one in its counter: what can be taken, and what was given back since. */
  #free = 0;
  #given = 0;
  #used = 1;
  #numbers: Float64Array[] = [];

  constructor(computations: readonly ParsedComputation[]) {
    let width = ownWidth;
    const names: string[] = [];
    // One of each kind for a field, whatever is computed of it.
    const made = new Map<string, Accumulator>();
    const keep = <A extends Accumulator>(name: string, make: (offset: number) => A): A => {
      const before = made.get(name) as A | undefined;
      if (before !== undefined) return before;
      const accumulator = make(width);
      made.set(name, accumulator);
      names.push(name);
      width += accumulator.width;
      this.#accumulators.push(accumulator);
      return accumulator;
    };
    const ofField = (field: string): OfField => {
      const known = this.#fields.get(field);
      if (known !== undefined) return known;
      const totals = keep(`totals ${field}`, (offset) => new Totals(offset));
      const kept = { reader: new NumberReader(field), totals, accumulators: [totals] };
      this.#fields.set(field, kept);
      return kept;
    };
    this.#asked = computations.map((computation) => {
      const { field, of } = computation;
      if (field === '') {
        return { result: (input) => elements(input, rowsAt), totals: undefined };
      }
      const { totals, accumulators } = ofField(field);
      const result = resultOf(computation, totals, (kind, make) => {
        const accumulator = keep(`${kind} ${field}`, make);
        if (!accumulators.includes(accumulator)) accumulators.push(accumulator);
        return accumulator;
      });
      return { result, totals: of === 'count' ? undefined : totals };
    });
    this.#countsRows = computations.some(({ field }) => field === '');
    this.width = width;
    this.#name = `window/${names.join()}`;
    this.#table = this.#createTable();
    this.#besides = this.#accumulators.filter(({ save }) => save !== undefined);
    this.#empty = new Float64Array(width);
    for (const accumulator of this.#accumulators) accumulator.begin?.(this.#empty);
  }

  get values(): Float64Array {
    return this.#table.values;
  }

  /** A cell without rows. */
  take(): number {
    const cell = this.#free || this.#used++;
    this.#table.reserve(this.#used);
    this.#free = this.#table.counters[cell]!;
    const { values } = this.#table;
    const empty = this.#empty;
    const start = cell * this.width;
    // A call of `set` costs more than a record.
    for (let at = 0; at < empty.length; at++) values[start + at] = empty[at]!;
    return cell;
  }

  /** Nothing is added to that cell any more. Its results can be asked for until `reclaim`. */
  give(cell: number): void {
    this.#table.counters[cell] = this.#given;
    this.#given = cell;
  }

  /** The results of all cells that were given back are computed. */
  reclaim(): void {
    const { counters } = this.#table;
    for (const accumulator of this.#besides) {
      for (let cell = this.#given; cell !== 0; cell = counters[cell]!) accumulator.clear!(cell);
    }
    for (let cell = this.#given; cell !== 0; cell = this.#given) {
      this.#given = counters[cell]!;
      counters[cell] = this.#free;
      this.#free = cell;
    }
  }

  /**
   * Computes one of the results of the first `length` of some cells `into` an array, from `first` on: NaN
   * where there is nothing to compute it from, or it went beyond the greatest number. Gives how many did.
   */
  compute(
    index: number,
    cells: Int32Array,
    length: number,
    into: Float64Array,
    first: number,
  ): number {
    const { result, totals } = this.#asked[index]!;
    const { values } = this.#table;
    const { width } = this;
    result({ values, width, cells, length, into, first });
    if (totals === undefined) return 0;
    const { countAt } = totals;
    let overflows = 0;
    for (let at = 0; at < length; at++) {
      const isNone = values[Math.imul(cells[at]!, width) + countAt] === 0;
      const number = into[first + at]!;
      if (!isNone && number - number === 0) continue;
      into[first + at] = NaN;
      if (!isNone) overflows++;
    }
    return overflows;
  }

  /** Reads what is computed of from a batch whose rows are added next. */
  read(batch: Batch): void {
    this.#numbers = Array.from(this.#fields.values(), ({ reader }) => reader.look(batch));
  }

  /** Adds rows `from … to` of the batch that was read to the cells that are given for each. */
  add(cells: Int32Array, from: number, to: number): void {
    const { values } = this.#table;
    const { width } = this;
    if (this.#countsRows) {
      for (let at = from; at < to; at++) values[Math.imul(cells[at]!, width) + rowsAt]!++;
    }
    let index = 0;
    for (const { accumulators } of this.#fields.values()) {
      const numbers = this.#numbers[index++]!;
      const input = { values, width, numbers, cells, from, to };
      for (const accumulator of accumulators) accumulator.add?.(input);
    }
  }

  /** Takes what one cell has into another. */
  join(into: number, from: number): void {
    const { values } = this.#table;
    const [to, of] = [into * this.width, from * this.width];
    values[to + rowsAt]! += values[of + rowsAt]!;
    for (const accumulator of this.#accumulators) {
      accumulator.join(values, to, of, { into, from });
    }
  }

  /** These cells, in that order, with a number to know each by. */
  save(cells: readonly number[], names: readonly number[]): JsonValue {
    const table = this.#createTable();
    table.reserve(cells.length);
    for (const [index, cell] of cells.entries()) {
      const start = cell * this.width;
      table.values.set(this.values.subarray(start, start + this.width), index * this.width);
      table.counters[index] = names[index]!;
    }
    return {
      name: this.#name,
      count: cells.length,
      records: table.encode(cells.length),
      beside: this.#besides.map((accumulator) => cells.map((cell) => accumulator.save!(cell))),
    };
  }

  /**
   * The cells that were saved, and the numbers that they are known by. Undefined where they are of
   * other computations.
   */
  load(saved: JsonValue | undefined): { cells: number[]; names: Int32Array } | undefined {
    const { name, count, records, beside } = (saved ?? {}) as Record<string, JsonValue>;
    const table = this.#createTable();
    const isOurs = name === this.#name && Number.isSafeInteger(count) && Array.isArray(beside);
    if (!isOurs || !table.decode(records, count as number)) return undefined;
    const cells = Array.from({ length: count as number }, () => this.take());
    for (const [index, cell] of cells.entries()) {
      const start = index * this.width;
      this.values.set(table.values.subarray(start, start + this.width), cell * this.width);
    }
    const isLoaded = this.#besides.every((accumulator, at) => {
      const parts = beside[at] as readonly JsonValue[] | undefined;
      return cells.every((cell, index) => accumulator.load!(cell, parts?.[index] ?? null));
    });
    return isLoaded ? { cells, names: table.counters } : undefined;
  }

  #createTable(): SlotTable {
    const table = new SlotTable(this.#name, this.width, 1);
    table.reserve(1);
    return table;
  }
}

function resultOf(
  { of, percent }: ParsedComputation,
  totals: Totals,
  keep: <A extends Accumulator>(kind: string, make: (offset: number) => A) => A,
): Result {
  switch (of) {
    case 'stddev': {
      const moments = keep('moments', (offset) => new Moments(offset));
      totals.addToo(moments);
      return (input) => moments.deviations(input);
    }
    case 'percentile': {
      const percentiles = keep('percentiles', () => new Percentiles());
      return (input) => percentiles.percentiles(input, percent);
    }
    case 'count':
      return (input) => elements(input, totals.countAt);
    case 'min':
      return (input) => elements(input, totals.leastAt);
    case 'max':
      return (input) => elements(input, totals.greatestAt);
    case 'sum':
      return (input) => totals.sums(input);
    case 'mean':
      return (input) => totals.means(input);
  }
}
