import type { SlowBatch } from './snapshot.ts';

/** How many are remembered. */
const batchesMax = 10;

interface Remembered {
  readonly component: string;
  readonly ms: number;
  readonly rows: number;
  readonly endMs: number;
}

/** The slowest batches of a run, whichever component they were slow in. */
export class SlowestBatches {
  /** The slowest first. */
  #batches: readonly Remembered[] = [];
  /** What takes no longer is not remembered. */
  #floorMs = 0;

  /** `endMs`: when it was done, in monotonic milliseconds. */
  add(component: string, ms: number, rows: number, endMs: number): void {
    if (ms <= this.#floorMs) return;
    const batches = [...this.#batches, { component, ms, rows, endMs }];
    this.#batches = batches.sort((a, b) => b.ms - a.ms).slice(0, batchesMax);
    if (this.#batches.length === batchesMax) this.#floorMs = this.#batches.at(-1)!.ms;
  }

  /** The slowest first. `nowMs`: monotonic; `at`: the wall time at that moment. */
  list({ nowMs, at }: { readonly nowMs: number; readonly at: number }): SlowBatch[] {
    return this.#batches.map(({ component, ms, rows, endMs }) => ({
      component,
      ms,
      rows,
      at: at - (nowMs - endMs),
    }));
  }
}
