import type { SlowBatch } from './snapshot.ts';

/** How many are remembered. */
const batchesMax = 10;

/** They are those of at least so long, and at most twice. */
const overMs = 5 * 60_000;

interface Remembered {
  readonly component: string;
  readonly ms: number;
  readonly rows: number;
  readonly endMs: number;
}

/** The slowest batches of a run of late, whichever component they were slow in. */
export class SlowestBatches {
  /** Of the window that is over, and of this one, the slowest first. */
  #older: readonly Remembered[] = [];
  #newer: readonly Remembered[] = [];
  /** When this window began. */
  #sinceMs = -Infinity;
  /** What takes no longer is not remembered. */
  #floorMs = 0;

  /** `endMs`: when it was done, in monotonic milliseconds. */
  add(component: string, ms: number, rows: number, endMs: number): void {
    if (endMs - this.#sinceMs >= overMs) this.#begin(endMs);
    if (ms <= this.#floorMs) return;
    this.#newer = slowestOf([...this.#newer, { component, ms, rows, endMs }]);
    if (this.#newer.length === batchesMax) this.#floorMs = this.#newer.at(-1)!.ms;
  }

  /** The slowest first. `nowMs`: monotonic; `at`: the wall time at that moment. */
  list({ nowMs, at }: { readonly nowMs: number; readonly at: number }): SlowBatch[] {
    const recent = [...this.#older, ...this.#newer].filter(
      ({ endMs }) => nowMs - endMs < 2 * overMs,
    );
    return slowestOf(recent).map(({ component, ms, rows, endMs }) => ({
      component,
      ms,
      rows,
      at: at - (nowMs - endMs),
    }));
  }

  #begin(nowMs: number): void {
    [this.#older, this.#newer] = [this.#newer, []];
    this.#sinceMs = nowMs;
    this.#floorMs = 0;
  }
}

function slowestOf(batches: readonly Remembered[]): Remembered[] {
  return batches.toSorted((a, b) => b.ms - a.ms).slice(0, batchesMax);
}
