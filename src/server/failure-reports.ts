import type { Clock, Timer } from '../core/index.ts';

const saidMax = 10;
const withinMs = 60_000;

/** `leftOut`: how many there were before it that were not said. */
type Say = (error: unknown, leftOut: number) => void;

/**
 * Says that the server failed, ten times a minute; of the rest the last, at the end of that minute.
 * Who makes it fail may do so as often as they like, and is not to fill the log of the run.
 */
export class FailureReports implements Disposable {
  readonly #clock: Clock;
  readonly #say: Say;
  readonly #timer: Timer;
  #count = 0;
  #last: unknown;

  constructor(clock: Clock, say: Say) {
    this.#clock = clock;
    this.#say = say;
    this.#timer = clock.timer(() => this.#end(), { keepsAlive: false });
  }

  tell(error: unknown): void {
    if (++this.#count === 1) this.#timer.set(this.#clock.monotonic() + withinMs);
    if (this.#count <= saidMax) this.#say(error, 0);
    else this.#last = error;
  }

  /** Says at once what is left to be said. */
  [Symbol.dispose](): void {
    this.#timer.stop();
    this.#end();
  }

  #end(): void {
    const leftOut = this.#count - saidMax - 1;
    const last = this.#last;
    [this.#count, this.#last] = [0, undefined];
    if (leftOut >= 0) this.#say(last, leftOut);
  }
}
