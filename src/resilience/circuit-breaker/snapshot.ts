import type { BreakerState } from '../../core/index.ts';
import { PipelineError } from '../../errors.ts';

/**
 * The counts of a breaker. Every call that is over is one of `success`, `failure`, `fastFail` and
 * `ignored`, in whatever state it began.
 */
export interface CircuitBreakerMetrics {
  /** Every entry, the refused ones too. */
  readonly total: number;
  readonly success: number;
  readonly failure: number;
  /** Refused without a call. */
  readonly fastFail: number;
  /** Given up by the caller, or refused by a policy inside: neither success nor failure. */
  readonly ignored: number;
  /** Changes to open, by hand too. */
  readonly openCount: number;
  readonly probeSuccess: number;
  /** Probes that failed, were slow by the rule, or passed their deadline. */
  readonly probeFailure: number;
  /** Null before the first. */
  readonly sinceLastFailureMs: number | null;
  /** Milliseconds in each state so far. */
  readonly closedMs: number;
  readonly openMs: number;
  readonly halfOpenMs: number;
}

/** What a person wants to know of a breaker. Rates are null before the first call. */
export interface CircuitBreakerStatus {
  readonly state: BreakerState;
  /** `success / total` */
  readonly successRate: number | null;
  /** `fastFail / total` */
  readonly fastFailRate: number | null;
  readonly opens: number;
  /** Null before the first failure. */
  readonly secondsSinceLastFailure: number | null;
}

/**
 * All that a breaker knows, as JSON. Times are what is left or has passed: another process, whose
 * monotonic clock starts elsewhere, goes on from there; the time between does not count.
 */
export interface CircuitBreakerSnapshot {
  readonly version: 1;
  readonly state: BreakerState;
  /** Held in this state by hand. */
  readonly isHeld: boolean;
  /** While open: until it is half-open; null where it is held, or is not open. */
  readonly openLeftMs: number | null;
  /** Openings since it was last closed; with a growth each is longer. */
  readonly opensInRow: number;
  /** Closed: failures; half-open: successes of probes; with nothing else between. */
  readonly inRow: number;
  readonly metrics: CircuitBreakerMetrics;
  /** What the opening rule remembers. */
  readonly memory: unknown;
}

const states: readonly unknown[] = ['closed', 'open', 'half-open'];
const countNames = [
  'total',
  'success',
  'failure',
  'fastFail',
  'ignored',
  'openCount',
  'probeSuccess',
  'probeFailure',
] as const;
const timeNames = ['closedMs', 'openMs', 'halfOpenMs'] as const;

/** Throws `ERR_SNAPSHOT_INVALID` where a value is not what `snapshot()` returned. */
export function checkSnapshot(
  breaker: string,
  value: unknown,
): asserts value is CircuitBreakerSnapshot {
  const fail = (what: string): never => {
    throw unfitSnapshot(breaker, `cannot be restored: ${what}`);
  };
  if (!isObject(value)) return fail('this is no snapshot');
  if (value['version'] !== 1) fail(`version ${String(value['version'])} is not 1`);
  const { state, isHeld, openLeftMs, metrics } = value;
  if (!states.includes(state)) fail('`state` is not one of a breaker');
  if (typeof isHeld !== 'boolean') fail('`isHeld` is not true or false');
  if (isHeld === true && state === 'half-open') fail('no breaker is held half-open');
  const hasTime = state === 'open' && isHeld === false;
  if (hasTime ? !isTime(openLeftMs) : openLeftMs !== null) fail('`openLeftMs` does not fit');
  for (const name of ['opensInRow', 'inRow']) {
    if (!isCount(value[name])) fail(`\`${name}\` is no count`);
  }
  if (!isObject(metrics)) return fail('it has no `metrics`');
  for (const name of countNames) if (!isCount(metrics[name])) fail(`\`${name}\` is no count`);
  for (const name of timeNames) if (!isTime(metrics[name])) fail(`\`${name}\` is no time`);
  const { sinceLastFailureMs } = metrics;
  if (sinceLastFailureMs !== null && !isTime(sinceLastFailureMs)) {
    fail('`sinceLastFailureMs` is no time');
  }
}

export function unfitSnapshot(breaker: string, fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: breaker,
    fact,
    remedy: 'give what `snapshot()` of a breaker with the same rule returned, or start without',
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < Infinity;
}
