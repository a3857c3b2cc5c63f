import type { Clock, Timer } from '../core/index.ts';
import { Listeners } from '../core/listeners.ts';
import type { RunStats } from './snapshot.ts';

/** Is given the figures of a run, once a second. */
export type StatsFollower = (stats: RunStats) => void;

const everyMs = 1000;

/** Takes the figures of a run once a second, while somebody follows them, and gives all the same. */
export class Ticker {
  readonly #clock: Clock;
  readonly #take: () => RunStats;
  readonly #timer: Timer;
  readonly #followers = new Listeners<RunStats>();

  constructor(clock: Clock, take: () => RunStats) {
    this.#clock = clock;
    this.#take = take;
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
    if (this.#followers.size > 0) this.#followers.tell(this.#take());
  }

  #goOff(): void {
    this.tick();
    if (this.#followers.size > 0) this.#set();
  }

  #set(): void {
    this.#timer.set(this.#clock.monotonic() + everyMs);
  }
}
