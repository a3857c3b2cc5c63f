import type { BreakerState, Policy } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { BreakerIds } from '../observe/breaker-ids.ts';
import type { BreakerReport, PolicyReport } from '../observe/snapshot.ts';
import type { CircuitBreaker, Fallback, Retry } from '../resilience/index.ts';
import { strategyOfQuality } from '../resilience/degradation/quality.ts';
import { policiesOf } from '../resilience/policy.ts';
import { CensusTaker } from './census.ts';
import { breakersOf, fallbackOf, retriesOf } from './policy-parts.ts';

/** What a component counts of its own calls. */
export interface CallCounts extends Pick<PolicyReport, 'calls' | 'attempts' | 'substituted'> {
  /** Of the substitutes, by strategy. */
  readonly substitutedBy: ReadonlyMap<string, number>;
}

/** The least well first. */
const breakerStates: readonly BreakerState[] = ['open', 'half-open', 'closed'];

/** None, as figures have them. */
export const noBreakers: PolicyReport['breakers'] = new CensusTaker<BreakerState, BreakerReport>(
  breakerStates,
).taken();

/**
 * The policies of a component: that of its calls, and those that it has inside. What they are made of
 * is found once; there may be tens of thousands.
 */
export class PolicyFigures {
  readonly #breakers: ReadonlyMap<CircuitBreaker, string>;
  readonly #retries: readonly Retry['stats'][];
  /** Those inside, whose calls nobody else counts. */
  readonly #called: readonly Retry['stats'][];

  constructor(own: Policy | undefined, inside: readonly Policy[]) {
    const policies = own === undefined ? inside : [own, ...inside];
    const ids = new BreakerIds();
    const breakers = policies.flatMap(breakersOf);
    this.#breakers = new Map(breakers.map((breaker) => [breaker, ids.of(breaker)]));
    this.#retries = retriesOf(policies);
    this.#called = retriesOf(inside);
  }

  report(counts: CallCounts): PolicyReport {
    const report = { ...counts, retries: 0, suppressed: 0 };
    for (const stats of this.#called) {
      const { calls, attempts } = stats.summary();
      report.calls += calls;
      report.attempts += attempts;
    }
    for (const stats of this.#retries) {
      const { retries, suppressed } = stats.summary();
      report.retries += retries;
      report.suppressed += suppressed;
    }
    const substitutedBy = Object.fromEntries(counts.substitutedBy);
    return { ...report, substitutedBy, breakers: this.#census() };
  }

  #census(): PolicyReport['breakers'] {
    const census = new CensusTaker<BreakerState, BreakerReport>(breakerStates);
    for (const [breaker, id] of this.#breakers) {
      const { state } = breaker;
      census.add(state, () => {
        const { name, metrics } = breaker;
        const { openCount: opens, openMs, fastFail: refused } = metrics;
        return { id, name, state, opens, openMs, refused };
      });
    }
    return census.taken();
  }
}

/** The strategy that gave a substitute; of a chain the one that it carries the mark of. */
export function strategyOf(policy: Policy, substitute: unknown): string {
  const name = fallbackOf(policy)?.strategy.name ?? 'policy';
  const { quality } = (substitute ?? {}) as { readonly quality?: string };
  const names: Readonly<Record<string, string>> = strategyOfQuality;
  const meant = names[quality ?? ''];
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
