import type { Batch, JsonValue } from '../../batch/index.ts';
import { SlotTable } from '../../core/keyed.ts';
import { NumberReader } from '../../core/rolling.ts';
import { type Accumulator, Moments, Percentiles, Totals } from './accumulators.ts';
import type { ParsedComputation } from './computation.ts';

/**
 * Gives a result of a cell: NaN where there is nothing to compute from, Infinity where it went beyond
 * the greatest number.
 */
export type Result = (cell: number) => number;

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
 * were given back are used again. Cell 0 takes what belongs to none.
 */
export class Cells {
  readonly results: readonly Result[];
  readonly width: number;
  #table: SlotTable;
  readonly #name: string;
  readonly #countsRows: boolean;
  readonly #fields = new Map<string, OfField>();
  readonly #accumulators: Accumulator[] = [];
  readonly #free: number[] = [];
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
    this.results = computations.map((computation) => {
      const { field } = computation;
      if (field === '') return (cell) => this.values[cell * this.width + rowsAt]!;
      const { totals, accumulators } = ofField(field);
      return this.#resultOf(computation, totals, (kind, make) => {
        const accumulator = keep(`${kind} ${field}`, make);
        if (!accumulators.includes(accumulator)) accumulators.push(accumulator);
        return accumulator;
      });
    });
    this.#countsRows = computations.some(({ field }) => field === '');
    this.width = width;
    this.#name = `window/${names.join()}`;
    this.#table = this.#createTable();
  }

  get values(): Float64Array {
    return this.#table.values;
  }

  /** A cell without rows. */
  take(): number {
    const cell = this.#free.pop() ?? this.#used++;
    this.#table.reserve(this.#used);
    this.#table.open(~cell);
    const { values } = this.#table;
    for (const accumulator of this.#accumulators) {
      accumulator.begin?.(values, cell * this.width, cell);
    }
    return cell;
  }

  give(cell: number): void {
    this.#free.push(cell);
  }

  /** Reads what is computed of from a batch whose rows are added next. */
  read(batch: Batch): void {
    this.#numbers = Array.from(this.#fields.values(), ({ reader }) => reader.read(batch));
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
      for (const accumulator of accumulators) accumulator.add(input);
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
    const beside = this.#accumulators.filter(({ save }) => save !== undefined);
    return {
      name: this.#name,
      count: cells.length,
      records: table.encode(cells.length),
      beside: beside.map((accumulator) => cells.map((cell) => accumulator.save!(cell))),
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
    const loading = this.#accumulators.filter(({ load }) => load !== undefined);
    const isLoaded = loading.every((accumulator, at) => {
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

  #resultOf(
    { of, percent }: ParsedComputation,
    totals: Totals,
    add: <A extends Accumulator>(kind: string, make: (offset: number) => A) => A,
  ): Result {
    const count = (cell: number): number => totals.count(this.values, cell * this.width);
    if (of === 'count') return count;
    const result = this.#valueOf({ of, percent }, totals, add);
    return (cell) => {
      if (count(cell) === 0) return NaN;
      const number = result(cell);
      return number - number === 0 ? number : Infinity;
    };
  }

  #valueOf(
    { of, percent }: Pick<ParsedComputation, 'of' | 'percent'>,
    totals: Totals,
    add: <A extends Accumulator>(kind: string, make: (offset: number) => A) => A,
  ): Result {
    switch (of) {
      case 'stddev': {
        const moments = add('moments', (offset) => new Moments(offset));
        return (cell) => moments.deviation(this.values, cell * this.width);
      }
      case 'percentile': {
        const percentiles = add('percentiles', () => new Percentiles());
        return (cell) => percentiles.of(cell, percent);
      }
      case 'min':
        return (cell) => totals.least(this.values, cell * this.width);
      case 'max':
        return (cell) => totals.greatest(this.values, cell * this.width);
      case 'sum':
        return (cell) => totals.sum(this.values, cell * this.width);
      default:
        return (cell) => {
          const start = cell * this.width;
          return totals.sum(this.values, start) / totals.count(this.values, start);
        };
    }
  }
}
