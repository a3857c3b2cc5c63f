import { Histogram, histogramCells } from './histogram.ts';
import type { Meter } from './meter.ts';

const lockBytes = 8;
const headerLength = 1;
const busyAt = 0;
/** A writer is done long before. */
const triesMax = 10_000;

/** How many bytes of shared memory a meter takes. */
export const sharedMeterBytes: number = lockBytes + 8 * (headerLength + histogramCells);

/**
 * The times of a meter in shared memory, behind a sequence lock: one thread writes them, others read
 * them without a message, also while that one stands still.
 */
export class SharedMeter {
  readonly #lock: Int32Array;
  readonly #cells: Float64Array;
  readonly #next: Float64Array = new Float64Array(headerLength + histogramCells);
  readonly #newest: Float64Array = new Float64Array(headerLength + histogramCells);

  constructor(memory: SharedArrayBuffer, index: number) {
    const at = index * sharedMeterBytes;
    this.#lock = new Int32Array(memory, at, 1);
    this.#cells = new Float64Array(memory, at + lockBytes, headerLength + histogramCells);
    new Histogram().save(this.#newest.subarray(headerLength));
    this.#next.set(this.#newest);
  }

  /** Puts in the times of a meter as they are now. */
  write({ busyMs, work }: Pick<Meter, 'busyMs' | 'work'>): void {
    Atomics.add(this.#lock, 0, 1);
    this.#cells[busyAt] = busyMs;
    work.save(this.#cells.subarray(headerLength));
    Atomics.add(this.#lock, 0, 1);
  }

  /** Milliseconds at work, and into `work` the seconds per batch, as they were at one moment. */
  read(work: Histogram): number {
    for (let tries = 0; tries < triesMax; tries++) {
      const before = Atomics.load(this.#lock, 0);
      if (before % 2 !== 0) continue;
      // Nothing was written yet.
      if (before > 0) this.#next.set(this.#cells);
      if (Atomics.load(this.#lock, 0) !== before) continue;
      this.#newest.set(this.#next);
      break;
    }
    // Of a writer that ended in the middle, what was read last is the newest that is whole.
    work.load(this.#newest.subarray(headerLength));
    return this.#newest[busyAt]!;
  }
}
