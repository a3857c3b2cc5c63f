import type { Clock } from '../core/index.ts';
import { within } from '../core/within.ts';
import { PipelineError } from '../errors.ts';

export interface Limit {
  /** The id of the component that is waited for. */
  readonly id: string;
  /** What it is to do: `close`. */
  readonly what: string;
  readonly limitMs: number;
  readonly remedy?: string;
  readonly clock: Clock;
  /** Ends the limit, and leaves the call to whoever aborts. */
  readonly signal?: AbortSignal;
}

/** Waits for a component. Throws `ERR_TIMEOUT` with its id where that takes too long. */
export async function withinLimit<T>(
  call: () => Promise<T>,
  { id, what, limitMs, remedy, clock, signal }: Limit,
): Promise<T> {
  return within({ clock, limitMs, signal }, call(), () => {
    const fact = `did not ${what} within ${limitMs} ms`;
    const error = { code: 'ERR_TIMEOUT', place: id, fact } as const;
    throw new PipelineError(remedy === undefined ? error : { ...error, remedy });
  });
}

/** What a promise gives; rejects with the signal's reason where that aborts before. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(signal.reason as Error);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
