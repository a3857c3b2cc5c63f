import type { Clock, Policy } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import type { PolicyReport } from '../observe/snapshot.ts';
import type { CircuitBreaker, Fallback, Retry, RetrySummary } from '../resilience/index.ts';
import { policiesOf } from '../resilience/wrap.ts';

/** What a component counts of its own calls. */
export type CallCounts = Pick<PolicyReport, 'calls' | 'attempts' | 'substituted'>;

export function breakersOf(policy: Policy): CircuitBreaker[] {
  return policiesOf(policy).filter(isBreaker);
}

/** How many breakers of one component are told of. */
const breakersMax = 1000;

/** What a component's policy did, and the policies that it has inside. */
export function reportPolicies(
  counted: PolicyReport | undefined,
  inside: readonly Policy[],
): PolicyReport | undefined {
  if (inside.length === 0) return counted;
  const counts = { calls: 0, attempts: 0, substituted: 0 };
  for (const { calls, attempts } of retriesOf(inside)) {
    counts.calls += calls;
    counts.attempts += attempts;
  }
  const own = reportPolicy(inside, counts);
  if (counted === undefined) return own;
  return {
    calls: counted.calls + own.calls,
    attempts: counted.attempts + own.attempts,
    substituted: counted.substituted,
    retries: counted.retries + own.retries,
    suppressed: counted.suppressed + own.suppressed,
    breakers: [...counted.breakers, ...own.breakers],
  };
}

export function reportPolicy(policies: readonly Policy[], counts: CallCounts): PolicyReport {
  const retries = retriesOf(policies);
  const sum = (of: 'retries' | 'suppressed'): number =>
    retries.reduce((total, summary) => total + summary[of], 0);
  const breakers = policies.flatMap(breakersOf);
  const isClosed = ({ state }: CircuitBreaker): boolean => state === 'closed';
  // Where there are too many to tell of, those that are well are left out.
  if (breakers.length > breakersMax) {
    breakers.sort((one, other) => Number(isClosed(one)) - Number(isClosed(other)));
  }
  return {
    ...counts,
    retries: sum('retries'),
    suppressed: sum('suppressed'),
    breakers: breakers.slice(0, breakersMax).map(({ name, state, metrics }) => ({
      name,
      state,
      opens: metrics.openCount,
      openMs: metrics.openMs,
      refused: metrics.fastFail,
    })),
  };
}

function retriesOf(policies: readonly Policy[]): RetrySummary[] {
  const retries = policies.flatMap((policy) => policiesOf(policy)).filter(isRetry);
  // Several may count in one.
  return [...new Set(retries.map(({ stats }) => stats))].map((stats) => stats.summary());
}

/** The policies in one whose times pass by another clock than this, with the name of each. */
export function otherClocksIn(policy: Policy, clock: Clock): string[] {
  return policiesOf(policy).flatMap((one) => {
    const { name = 'policy', strategy, clock: own = strategy?.clock } = one as Timed;
    return own === undefined || own === clock ? [] : [name];
  });
}

interface Timed {
  readonly name?: string;
  readonly clock?: Clock;
  readonly strategy?: { readonly clock?: Clock };
}

/** The fallback of a policy, wherever it stands in it. */
export function fallbackOf(policy: Policy): Fallback | undefined {
  return policiesOf(policy).find(isFallback);
}

const strategyOfQuality: Readonly<Record<string, string>> = {
  stale: 'last-known-good',
  interpolated: 'interpolated',
  constant: 'constant',
};

/** The strategy that gave a substitute; of a chain the one that it carries the mark of. */
export function strategyOf(policy: Policy, substitute: unknown): string {
  const name = fallbackOf(policy)?.strategy.name ?? 'policy';
  const { quality } = (substitute ?? {}) as { readonly quality?: string };
  const meant = strategyOfQuality[quality ?? ''];
  return meant !== undefined && name.split(', ').includes(meant) ? meant : name;
}

/** Runs a call under a policy. `args`: of what is called, for the key of an outermost fallback. */
export type Runner = <T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  args: readonly unknown[],
) => Promise<T>;

export function runnerOf(policy: Policy): Runner {
  const { executeWith } = policy as Partial<Fallback>;
  if (executeWith === undefined) return (attempt, signal) => policy.execute(attempt, signal);
  return (attempt, signal, args) => (policy as Fallback).executeWith(args, attempt, signal);
}

// By what they have and not by class: whoever describes a pipeline loads no policy.

function isBreaker(policy: Policy): policy is CircuitBreaker {
  const { reportStatus, retryAfterMs } = policy as Partial<CircuitBreaker>;
  return typeof reportStatus === 'function' && typeof retryAfterMs === 'number';
}

function isRetry(policy: Policy): policy is Retry {
  return typeof (policy as Partial<Retry>).stats?.summary === 'function';
}

function isFallback(policy: Policy): policy is Fallback {
  return typeof (policy as Partial<Fallback>).strategy?.handleFailure === 'function';
}

/** A policy that lets pass what was not done: rows would count as stored, a source as open. */
export function passedUndone(place: string, what: string, policy: Policy): PipelineError {
  return new PipelineError({
    code: 'ERR_CONNECTOR_PROTOCOL',
    place,
    fact: `its policy \`${namesIn(policy)}\` let ${what} pass that no attempt has done`,
    remedy:
      'let it reject where no attempt succeeds; nothing can stand in for what is done outside',
  });
}

/** The names of what a policy is made of, the outermost first. */
function namesIn(policy: Policy): string {
  const names = policiesOf(policy).map((one) => (one as { readonly name?: string }).name);
  return names.map((name) => name ?? 'policy').join(', ');
}
