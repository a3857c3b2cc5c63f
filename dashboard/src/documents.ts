import { useEffect } from 'preact/hooks';
import { type ReadonlySignal, type Signal, useSignal } from '@preact/signals';

import { ask, Refused } from './api.ts';
import { connection, previous } from './live.ts';

/** A document of the API: what it says, or why it cannot be had. */
export interface Told<T> {
  readonly value?: T | undefined;
  readonly refused?: Refused | undefined;
}

/**
 * A document of the API, asked for when the page opens, again when the server was away or `round` is
 * another, and every `everyMs` where that is given. What it said last stays while it is asked again,
 * of the same run.
 */
export function useDocument<T>(
  path: string | undefined,
  everyMs?: number,
  round?: number,
): ReadonlySignal<Told<T>> {
  const told: Signal<Told<T>> = useSignal<Told<T>>({});
  const { isLive } = connection.value;
  const before = previous.value;
  useEffect(() => {
    if (before !== undefined) told.value = {};
  }, [before]);
  useEffect(() => {
    if (path === undefined || !isLive) return undefined;
    const leaving = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    // One at a time: on a slow network they would pile up.
    const look = async (): Promise<void> => {
      let nextMs = everyMs;
      try {
        told.value = { value: await ask<T>(path, leaving.signal) };
      } catch (error) {
        if (leaving.signal.aborted) return;
        if (!(error instanceof Refused)) throw error;
        told.value = { ...told.peek(), refused: error };
        // What is refused for good is refused for good.
        if (error.status === 0 || error.status >= 500) nextMs ??= againMs;
      }
      if (nextMs !== undefined && !leaving.signal.aborted)
        again = setTimeout(() => void look(), nextMs);
    };
    void look();
    return () => {
      leaving.abort();
      clearTimeout(again);
    };
  }, [path, everyMs, isLive, round, before]);
  return told;
}

const againMs = 5000;
