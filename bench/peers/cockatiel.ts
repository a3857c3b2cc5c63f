import { circuitBreaker, ConsecutiveBreaker, handleAll, retry, wrap } from 'cockatiel';

import type { Call } from '../policies.ts';

/** cockatiel's breaker, opening after as many failures as ours. */
export function cockatielBreaker(call: Call): Call {
  const policy = breaker();
  return () => policy.execute(call);
}

/** Its retry around its breaker. */
export function cockatielRetryAndBreaker(call: Call): Call {
  const policy = wrap(retry(handleAll, { maxAttempts: 3 }), breaker());
  return () => policy.execute(call);
}

function breaker(): ReturnType<typeof circuitBreaker> {
  return circuitBreaker(handleAll, { halfOpenAfter: 30_000, breaker: new ConsecutiveBreaker(5) });
}
