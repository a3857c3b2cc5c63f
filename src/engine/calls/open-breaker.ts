import type { Clock, Policy } from '../../core/index.ts';
import type { CircuitBreaker } from '../../resilience/index.ts';
import { isCircuitOpenError } from '../../resilience/errors.ts';
import { breakersOf } from '../policy-parts.ts';

export interface OpenBreaker {
  readonly name: string;
  readonly retryAfterMs: number;
  /** Undefined for one that only its refusal tells of. */
  readonly breaker: CircuitBreaker | undefined;
}

/** The breaker that refused a call, or that its failure has opened. */
export function openBreaker(policy: Policy, refusal: unknown): OpenBreaker | undefined {
  const breakers = breakersOf(policy);
  if (isCircuitOpenError(refusal)) {
    const { breaker: name, retryAfterMs } = refusal;
    return { name, retryAfterMs, breaker: breakers.find((one) => one.name === name) };
  }
  const breaker = breakers.find(({ retryAfterMs }) => retryAfterMs > 0);
  return breaker && { name: breaker.name, retryAfterMs: breaker.retryAfterMs, breaker };
}

/** What it is, and until when. */
export function untilText(
  breaker: CircuitBreaker | undefined,
  leftMs: number,
  clock: Clock,
): string {
  if (leftMs === Infinity) return 'open, held by hand';
  const time = timeText(clock.now() + leftMs);
  const isProbed = breaker?.state === 'half-open';
  return isProbed ? `half-open, its probe has until ${time}` : `open, tried again at ${time}`;
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
