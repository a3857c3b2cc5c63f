import { healthDefaults } from '../observe/health-settings.ts';

/** How often the watchdog looks. */
export const lookEveryMs = 250;

/** Knows for how long a loop has stood still, by a number that changes while it turns. */
export class Watchdog {
  readonly #stallMsMin: number;
  #beats = -1;
  #lookedMs: number | undefined;
  #stalledMs = 0;
  #isTold = false;

  /** `stallMsMin`: from when on a stall is told of. */
  constructor(stallMsMin: number = healthDefaults.stallMsMin) {
    this.#stallMsMin = stallMsMin;
  }

  /** For how many milliseconds it has stood still, as of the last look. */
  get stalledMs(): number {
    return this.#stalledMs;
  }

  /**
   * To be called every 250 ms. Says once that a stall has begun, and once how long it was. A pause of
   * the whole process, this thread with it, is none: time counts only while somebody looks.
   */
  look(beats: number, nowMs: number): { began: number } | { ended: number } | undefined {
    const sinceMs = Math.min(nowMs - (this.#lookedMs ?? nowMs), 2 * lookEveryMs);
    this.#lookedMs = nowMs;
    if (beats !== this.#beats) {
      const ended = this.#stalledMs;
      const wasTold = this.#isTold;
      this.#beats = beats;
      this.#stalledMs = 0;
      this.#isTold = false;
      return wasTold ? { ended } : undefined;
    }
    this.#stalledMs += sinceMs;
    if (this.#isTold || this.#stalledMs < this.#stallMsMin) return undefined;
    this.#isTold = true;
    return { began: this.#stalledMs };
  }
}
