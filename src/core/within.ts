import type { Clock } from './clock.ts';

/** How long something may take. */
export interface TimeLimit {
  readonly clock: Clock;
  readonly limitMs: number;
  /** Ends the limit: from then on it may take as long as it takes. */
  readonly signal?: AbortSignal | undefined;
}

/** What a promise gives, or what `late` does where that takes too long. */
export async function within<T, L>(
  { clock, limitMs, signal }: TimeLimit,
  promise: Promise<T>,
  late: () => L | Promise<L>,
): Promise<T | L> {
  const over = new AbortController();
  const ends = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  const limit = clock
    .sleep(limitMs, { signal: ends })
    .then(late, () => new Promise<never>(() => {}));
  try {
    return await Promise.race([promise, limit]);
  } finally {
    // Without a reason an exception with its stack is made each time.
    over.abort('over');
  }
}
