import type { Clock, Policy } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import type { BreakerReport, PolicyReport } from '../observe/snapshot.ts';
import type { CircuitBreaker, Fallback, Retry, RetrySummary } from '../resilience/index.ts';
import { policiesOf } from '../resilience/wrap.ts';

/** What a component counts of its own calls. */
export type CallCounts = Pick<PolicyReport, 'calls' | 'attempts' | 'substituted'>;

export function breakersOf(policy: Policy): CircuitBreaker[] {
  return policiesOf(policy).filter(isBreaker);
}

/** How many breakers of one component are told of. */
const breakersMax = 1000;

/**
 * What the policy of a component's calls did, and the policies that it has inside; undefined where
 * there is none.
 */
export function reportPolicies(
  own: Policy | undefined,
  counts: CallCounts,
  inside: readonly Policy[],
): PolicyReport | undefined {
  if (own === undefined && inside.length === 0) return undefined;
  const policies = own === undefined ? inside : [own, ...inside];
  const retries = retriesOf(policies);
  const sum = (of: 'calls' | 'attempts' | 'retries' | 'suppressed', among = retries): number =>
    among.reduce((total, summary) => total + summary[of], 0);
  const called = retriesOf(inside);
  return {
    calls: counts.calls + sum('calls', called),
    attempts: counts.attempts + sum('attempts', called),
    substituted: counts.substituted,
    retries: sum('retries'),
    suppressed: sum('suppressed'),
    breakers: reportBreakers(policies),
  };
}

/** Where there are too many to tell of, those that are well are left out. */
function reportBreakers(policies: readonly Policy[]): BreakerReport[] {
  const breakers = [...new Set(policies.flatMap(breakersOf))];
  const ids = idsOf(breakers);
  const reports = breakers.map(({ name, state, metrics }, at) => ({
    id: ids[at]!,
    name,
    state,
    opens: metrics.openCount,
    openMs: metrics.openMs,
    refused: metrics.fastFail,
  }));
  if (reports.length <= breakersMax) return reports;
  const isClosed = ({ state }: BreakerReport): boolean => state === 'closed';
  reports.sort((one, other) => Number(isClosed(one)) - Number(isClosed(other)));
  return reports.slice(0, breakersMax);
}

/** The name of each; from the second of a name on with its number, which is free. */
function idsOf(breakers: readonly CircuitBreaker[]): string[] {
  const taken = new Set<string>();
  const seen = new Map<string, number>();
  return breakers.map(({ name }) => {
    let count = seen.get(name) ?? 0;
    let id: string;
    do {
      count++;
      id = count === 1 ? name : `${name}#${count}`;
    } while (taken.has(id));
    seen.set(name, count);
    taken.add(id);
    return id;
  });
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
