import type { Clock, Policy } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import type { PolicyReport } from '../observe/index.ts';
import type { CircuitBreaker, Fallback, Retry } from '../resilience/index.ts';
import { policiesOf } from '../resilience/wrap.ts';

/** What a component counts of its own calls. */
export type CallCounts = Pick<PolicyReport, 'calls' | 'attempts' | 'substituted'>;

export function breakersOf(policy: Policy): CircuitBreaker[] {
  return policiesOf(policy).filter(isBreaker);
}

export function reportPolicy(policy: Policy, counts: CallCounts): PolicyReport {
  const retries = policiesOf(policy)
    .filter(isRetry)
    .map(({ stats }) => stats.summary());
  const sum = (of: 'retries' | 'suppressed'): number =>
    retries.reduce((total, summary) => total + summary[of], 0);
  return {
    ...counts,
    retries: sum('retries'),
    suppressed: sum('suppressed'),
    breakers: breakersOf(policy).map(({ name, state, metrics }) => ({
      name,
      state,
      opens: metrics.openCount,
      openMs: metrics.openMs,
      refused: metrics.fastFail,
    })),
  };
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
