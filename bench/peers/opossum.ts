import CircuitBreaker from 'opossum';

import type { Call } from '../policies.ts';

/** opossum's breaker as it comes; it has no retry. */
export function opossumBreaker(call: Call): Call {
  const breaker = new CircuitBreaker(call);
  return () => breaker.fire();
}
