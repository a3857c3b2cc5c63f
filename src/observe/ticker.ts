import type { Clock, Timer } from '../core/index.ts';
import { Listeners } from '../core/listeners.ts';
import type { Emit } from './emitter.ts';
import { figuresFailed } from './events.ts';
import type { RunStats } from './snapshot.ts';

/** Is given the figures of a run, once a second. */
export type StatsFollower = (stats: RunStats) => void;

const everyMs = 1000;

/** Takes the figures of a run once a second, while somebody follows them, and gives all the same. */
export class Ticker {
  readonly #clock: Clock;
  readonly #take: () => RunStats;
  readonly #emit: Emit;
  readonly #timer: Timer;
  readonly #followers = new Listeners<RunStats>();
  /** Whether they could not be taken the last time. */
  #isFailing = false;

  constructor(clock: Clock, take: () => RunStats, emit: Emit) {
    this.#clock = clock;
    this.#take = take;
    this.#emit = emit;
    this.#timer = clock.timer(() => this.#goOff(), { keepsAlive: false });
  }

  /** Gives the figures from now on. Gives what ends that. */
  follow(follower: StatsFollower): () => void {
    if (this.#followers.size === 0) this.#set();
    const end = this.#followers.add(follower);
    return () => {
      end();
      if (this.#followers.size === 0) this.#timer.stop();
    };
  }

  /** Gives the figures of this moment. */
  tick(): void {
    if (this.#followers.size === 0) return;
    try {
      const stats = this.#take();
      this.#isFailing = false;
      this.#followers.tell(stats);
    } catch (error) {
      // Thrown from a timer, it would end the process.
      if (!this.#isFailing) this.#emit(figuresFailed, { error });
      this.#isFailing = true;
    }
  }

  #goOff(): void {
    this.tick();
    if (this.#followers.size > 0) this.#set();
  }

  #set(): void {
    this.#timer.set(this.#clock.monotonic() + everyMs);
  }
}
