import { useEffect } from 'preact/hooks';
import { type Signal, useSignal } from '@preact/signals';

import type { BreakersDocument, BreakerTransition } from '../../src/server/api-types.ts';
import { useDocument } from './documents.ts';
import { connection, onBreaker, previous } from './live.ts';

const keptMax = 1000;

/** The newest changes of breakers, the oldest first. */
export function useTransitions(): readonly BreakerTransition[] {
  const told = useDocument<BreakersDocument>('breakers');
  const since: Signal<readonly BreakerTransition[]> = useSignal<readonly BreakerTransition[]>([]);
  const { isLive } = connection.value;
  useEffect(() => {
    // What was before is in what is asked for now.
    if (isLive) since.value = [];
  }, [isLive, previous.value]);
  useEffect(
    () => onBreaker((change) => (since.value = [...since.peek(), change].slice(-keptMax))),
    [],
  );
  const before = told.value.value?.transitions ?? [];
  const last = before.at(-1)?.seq ?? 0;
  return [...before, ...since.value.filter(({ seq }) => seq > last)].slice(-keptMax);
}
