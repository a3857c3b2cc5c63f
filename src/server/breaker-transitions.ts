import type { BreakerChange } from '../observe/events.ts';
import type { BreakerTransition } from './api-types.ts';

/** What a change of a breaker was to each of the components that call through it. */
export function transitionsOf(
  at: number,
  { breaker, state, previous, reason, components, ids }: BreakerChange,
): Omit<BreakerTransition, 'seq'>[] {
  const change = { at, state, previous, ...(reason !== null && { reason }) };
  if (components === undefined) return [{ ...change, component: null, breaker }];
  return components.map((component, index) => ({
    ...change,
    component,
    breaker: ids?.[index] ?? breaker,
  }));
}
