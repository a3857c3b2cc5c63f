import { FigureRows } from '../../observe/figure-rows.ts';
import type { Merge, SeriesOf } from './figures.ts';

/** The figures of the run, or of one component, in rings of some lengths that never grow. */
export class Columns<S extends string, L> {
  readonly #names: readonly S[];
  readonly #series: readonly SeriesOf<L>[];
  readonly #rings: readonly FigureRows[];
  /** Of how many figures each of the present slot is made, by ring. */
  readonly #counts: readonly Float32Array[];

  constructor(series: Readonly<Record<S, SeriesOf<L>>>, lengths: readonly number[]) {
    this.#names = Object.keys(series) as S[];
    this.#series = Object.values(series);
    const width = this.#series.length;
    this.#rings = lengths.map((length) => new FigureRows(length, width));
    this.#counts = lengths.map(() => new Float32Array(width));
  }

  get bytes(): number {
    const ofRings = this.#rings.reduce((sum, { bytes }) => sum + bytes, 0);
    return this.#counts.reduce((sum, { byteLength }) => sum + byteLength, ofRings);
  }

  /** Empties a slot: it is the present one from now on. */
  begin(ring: number, slot: number): void {
    this.#rings[ring]!.empty(slot);
    this.#counts[ring]!.fill(0);
  }

  /** Reads the figures into a slot of the first ring. */
  read(slot: number, look: L): void {
    const [finest] = this.#rings;
    this.#series.forEach(({ read }, at) => finest!.put(slot, at, read(look) ?? NaN));
  }

  /** Adds what a slot of the first ring has to the present one of another. */
  merge(fine: number, ring: number, slot: number): void {
    const [[finest], values, counts] = [this.#rings, this.#rings[ring]!, this.#counts[ring]!];
    for (let at = 0; at < values.width; at++) {
      const value = finest!.at(fine, at);
      if (Number.isNaN(value)) continue;
      const count = ++counts[at]!;
      const { merge } = this.#series[at]!;
      values.put(slot, at, count === 1 ? value : merged(merge, values.at(slot, at), value, count));
    }
  }

  /** The figures of some slots of a ring, by series. */
  lists(ring: number, slots: readonly number[]): Record<S, (number | null)[]> {
    return this.#rings[ring]!.lists(this.#names, slots, shown);
  }

  /** The figures of one slot of the first ring. */
  row(slot: number): Record<S, number | null> {
    const row = {} as Record<S, number | null>;
    this.#names.forEach((name, at) => (row[name] = shown(this.#rings[0]!.at(slot, at))));
    return row;
  }
}

function merged(merge: Merge, before: number, value: number, count: number): number {
  if (merge === 'greatest') return Math.max(before, value);
  return merge === 'sum' ? before + value : before + (value - before) / count;
}

/** As short as it may be: three decimals, or six of what is less than one. */
function shown(value: number): number | null {
  if (Number.isNaN(value)) return null;
  const scale = Math.abs(value) < 1 ? 1e6 : 1e3;
  return Math.round(value * scale) / scale;
}
