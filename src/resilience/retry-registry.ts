import { checkNames, checkNumber } from './options.ts';
import { RetryStats } from './retry-stats.ts';

/** How many names a registry keeps. */
export interface RetryRegistryOptions {
  /** Names kept; 1,000 unless given. */
  readonly namesMax?: number | undefined;
}

/**
 * Statistics by name. With one name more than it may have, the one least recently asked for leaves
 * it: what counts into that goes on unseen.
 */
export class RetryRegistry {
  readonly #namesMax: number;
  // In the order in which they were last asked for.
  readonly #byName = new Map<string, RetryStats>();
  #evicted = 0;

  constructor(options: RetryRegistryOptions = {}) {
    checkNames('retry-registry', options, ['namesMax']);
    checkNumber('retry-registry', 'namesMax', options.namesMax, 'positive integer');
    this.#namesMax = options.namesMax ?? 1000;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Names that left for want of room. */
  get evicted(): number {
    return this.#evicted;
  }

  /** The statistics of that name: those that are there, or new ones. */
  get(name: string): RetryStats {
    const stats = this.#byName.get(name) ?? new RetryStats(name);
    this.#byName.delete(name);
    this.#byName.set(name, stats);
    if (this.#byName.size > this.#namesMax) {
      const [oldest] = this.#byName.keys();
      this.#byName.delete(oldest!);
      this.#evicted++;
    }
    return stats;
  }

  /** Whether there were statistics of that name; there are none any more. */
  delete(name: string): boolean {
    return this.#byName.delete(name);
  }

  /** In the order of their names. */
  *[Symbol.iterator](): Generator<RetryStats, void> {
    const names = [...this.#byName.keys()].sort();
    for (const name of names) yield this.#byName.get(name)!;
  }
}

/** The registry of the whole process, for whoever needs no other. */
export const retryRegistry: RetryRegistry = new RetryRegistry();
