import { reasonOf } from '../../errors.ts';

export interface CallParts<T> {
  readonly attempt: (signal: AbortSignal) => Promise<T>;
  readonly counts: { attempts: number };
  /** Says what it is made for, where that is known. */
  readonly name: (() => string) | undefined;
  /** Told of each attempt that failed; how many did so far. */
  readonly failed: (reason: string, failures: number) => void;
  /** Told of what each attempt failed with, or was given up for. */
  readonly erred: (error: unknown) => void;
}

/** One call, however often it is attempted. */
export class Call<T> {
  hasSucceeded = false;
  lastReason: string | undefined;
  /** When its first try failed, in monotonic milliseconds. */
  failedSinceMs: number | undefined;
  #failures = 0;
  #tries = 0;
  /** How many calls had succeeded when it last failed; until then, when it began. */
  #successes: number;
  readonly #parts: CallParts<T>;

  constructor(parts: CallParts<T>, successes: number) {
    this.#parts = parts;
    this.#successes = successes;
  }

  readonly attempt = async (signal: AbortSignal): Promise<T> => {
    const { attempt, counts, failed, erred } = this.#parts;
    counts.attempts++;
    try {
      const value = await attempt(signal);
      this.hasSucceeded = true;
      return value;
    } catch (error) {
      erred(signal.aborted ? signal.reason : error);
      if (!signal.aborted) {
        this.lastReason = this.reasonOf(error);
        failed(this.lastReason, ++this.#failures);
      }
      throw error;
    }
  };

  /** What an error says, and of what. */
  reasonOf(error: unknown): string {
    const { name } = this.#parts;
    return name === undefined ? reasonOf(error) : `${reasonOf(error)} (${name()})`;
  }

  /** Whether it has failed, and another has succeeded since. */
  hasFailedAlone(successes: number): boolean {
    return this.failedSinceMs !== undefined && successes > this.#successes;
  }

  /**
   * How many tries of its own have failed, with this one. What fails when its breaker opens may fail
   * for all: that is its own only where another has succeeded since it last failed.
   */
  tried(isOpen: boolean, successes: number, nowMs: number): number {
    this.failedSinceMs ??= nowMs;
    if (!isOpen || successes > this.#successes) this.#tries++;
    this.#successes = successes;
    return this.#tries;
  }
}
