import { breakerChanged, breakerChangeOf } from '../../observe/events.ts';
import type { Emitter } from '../../observe/index.ts';
import type { CircuitBreaker } from '../../resilience/index.ts';
import type { Plan } from '../planned.ts';
import { breakersOf } from '../policies.ts';

/** Says every change of every breaker of a plan, one that several share once. Gives what ends that. */
export function tellBreakerChanges(
  { sources, stages, sinks, deadLetters }: Plan,
  emitter: Emitter,
): () => void {
  const behind = new Map<CircuitBreaker, string[]>();
  for (const planned of [...sources, ...stages, ...sinks, deadLetters]) {
    if (planned?.node.policy === undefined) continue;
    const { id, policy } = planned.node;
    for (const breaker of breakersOf(policy)) {
      behind.set(breaker, [...(behind.get(breaker) ?? []), id]);
    }
  }
  const ends = [...behind].map(([breaker, components]) =>
    breaker.listen((event) => {
      // Whoever holds one in the state that it has changes nothing.
      if (event.type !== 'breaker.changed' || event.from === event.to) return;
      emitter.emit(breakerChanged, breakerChangeOf(event, components));
    }),
  );
  return () => {
    for (const end of ends) end();
  };
}
