import type { Clock, Timer } from '../core/index.ts';
import { Listeners } from '../core/listeners.ts';
import type { RunStats } from './snapshot.ts';

/** Is given the figures of a run, once a second. */
export type StatsFollower = (stats: RunStats) => void;

const everyMs = 1000;

/** What is done beside, while somebody follows. */
export interface TickerHooks {
  begin?(): void;
  /** A second has passed. */
  advance?(): void;
  end?(): void;
  /** Figures could not be taken: told once, until they can. */
  failed?(error: unknown): void;
}

/** Takes the figures of a run once a second, while somebody follows them, and gives all the same. */
export class Ticker {
  readonly #clock: Clock;
  readonly #take: () => RunStats;
  readonly #hooks: TickerHooks;
  readonly #timer: Timer;
  readonly #followers = new Listeners<RunStats>();
  #hasFailed = false;

  constructor(clock: Clock, take: () => RunStats, hooks: TickerHooks = {}) {
    this.#clock = clock;
    this.#take = take;
    this.#hooks = hooks;
    this.#timer = clock.timer(() => this.#goOff(), { keepsAlive: false });
  }

  /** Gives the figures from now on. Gives what ends that. */
  follow(follower: StatsFollower): () => void {
    if (this.#followers.size === 0) this.#begin();
    const end = this.#followers.add(follower);
    return () => {
      end();
      if (this.#followers.size === 0) this.#end();
    };
  }

  /** Gives the figures of this moment. */
  tick(): void {
    if (this.#followers.size > 0) this.#tell(() => this.#take());
  }

  #begin(): void {
    this.#hooks.begin?.();
    this.#set();
  }

  #end(): void {
    this.#timer.stop();
    this.#hooks.end?.();
  }

  #goOff(): void {
    this.#tell(() => {
      this.#hooks.advance?.();
      return this.#take();
    });
    if (this.#followers.size > 0) this.#set();
  }

  /** A figure that fails ends neither the run nor those to come. */
  #tell(take: () => RunStats): void {
    let stats: RunStats;
    try {
      stats = take();
    } catch (error) {
      if (!this.#hasFailed) this.#hooks.failed?.(error);
      this.#hasFailed = true;
      return;
    }
    this.#hasFailed = false;
    this.#followers.tell(stats);
  }

  #set(): void {
    this.#timer.set(this.#clock.monotonic() + everyMs);
  }
}
