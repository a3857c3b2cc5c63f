import type { BreakerState } from '../core/index.ts';
import { type HealthSettings, healthDefaults } from './health-settings.ts';
import { queueLimits } from './queue-limits.ts';
import type { FailureReport, QueueStats, RunStatus } from './snapshot.ts';

/** What a run, or a batch, is judged by: of `RunStats` as much as counts. */
export interface HealthStats {
  readonly status: RunStatus;
  readonly components: readonly HealthComponent[];
  /** Why it goes on but not as it should, by component. */
  readonly degraded: Readonly<Record<string, string>>;
  /** What it failed with. */
  readonly failure?: FailureReport | null;
}

/** Of a `ComponentReport` as much as counts. */
export interface HealthComponent {
  readonly id: string;
  readonly policy?: {
    readonly substituted: number;
    readonly breakers: {
      readonly total: number;
      readonly byState: { readonly open: number; readonly closed: number };
      readonly worst: readonly {
        readonly id: string;
        readonly state: BreakerState;
        readonly opens: number;
        readonly refused: number;
      }[];
    };
  };
  readonly sensors?: { readonly total: number; readonly byState: { readonly live: number } };
}

/** How a run, or a batch, was. */
export interface EarlierStats {
  /** Milliseconds ago. */
  readonly agoMs: number;
  /** Wall time in milliseconds. */
  readonly at: number;
  readonly stats: HealthStats;
}

/** All that health is decided by. */
export interface HealthFacts {
  readonly stats: HealthStats;
  /** As it was before, see `RecentStats`: an opening or a substitution since then degrades. */
  readonly before?: HealthStats | undefined;
  /** As it was since then, oldest first: by this is known what is over. */
  readonly since?: readonly EarlierStats[] | undefined;
  /** Milliseconds since the pipeline's loop last turned; 0 unless given. */
  readonly loopStallMs?: number | undefined;
  /** For how many milliseconds each queue that is watched has been too full (`QueuePressure`). */
  readonly queueFullMs?: Readonly<Record<string, number>> | undefined;
}

/** The words of health. */
export type HealthWord = 'alive' | 'ready' | 'overloaded' | 'degraded';

/** Why a run is not alive, not ready, overloaded or degraded. */
export interface HealthReason {
  readonly of: HealthWord;
  /** The component, where it is one. */
  readonly component?: string;
  readonly text: string;
  /** Since when this is over, wall time in milliseconds; a run is degraded for what was lately, too. */
  readonly overSince?: number;
}

/** Whether the loop turns, input can be taken, and the work is done in time and as it should be. */
export interface Health {
  readonly alive: boolean;
  readonly ready: boolean;
  readonly overloaded: boolean;
  readonly degraded: boolean;
  /** Whether it is degraded only for what is over. */
  readonly recovering: boolean;
  readonly reasons: readonly HealthReason[];
}

/**
 * Judges a run by its figures: reads no clock and keeps nothing. A dependency that is down degrades;
 * it never makes a run not ready, nor not alive.
 */
export function health(facts: HealthFacts, settings: HealthSettings = {}): Health {
  const { stats } = facts;
  const reasons = [
    ...stallReasons(facts.loopStallMs ?? 0, settings),
    ...readyReasons(stats),
    ...queueReasons(facts, settings),
    ...degradedReasons(facts),
  ];
  const has = (word: HealthWord): boolean => reasons.some(({ of }) => of === word);
  return {
    alive: !has('alive'),
    ready: !has('ready'),
    overloaded: has('overloaded'),
    degraded: has('degraded'),
    recovering:
      reasons.length > 0 &&
      reasons.every(({ of, overSince }) => of === 'degraded' && overSince !== undefined),
    reasons,
  };
}

function stallReasons(stallMs: number, settings: HealthSettings): HealthReason[] {
  const { stallMsMax = healthDefaults.stallMsMax, stallMsMin = healthDefaults.stallMsMin } =
    settings;
  const text = `the loop has stood still for ${seconds(stallMs)}`;
  const words: [HealthWord, number][] = [
    ['alive', stallMsMax],
    ['ready', stallMsMax],
    ['overloaded', stallMsMin],
  ];
  return words.filter(([, fromMs]) => stallMs >= fromMs).map(([of]) => ({ of, text }));
}

function readyReasons({ status, failure = null }: HealthStats): HealthReason[] {
  if (status === 'running') return [];
  if (failure === null) return [{ of: 'ready', text: `the run is ${status}` }];
  const { component, text } = failure;
  const where = component === null ? {} : { component };
  return [{ of: 'ready', ...where, text: `the run is ${status}: ${text}` }];
}

function queueReasons(facts: HealthFacts, settings: HealthSettings): HealthReason[] {
  const { queueFullMsMax = healthDefaults.queueFullMsMax } = settings;
  return Object.entries(facts.queueFullMs ?? {})
    .filter(([, fullMs]) => fullMs >= queueFullMsMax)
    .map(([component, fullMs]) => ({
      of: 'overloaded',
      component,
      text: `its queue has been too full for ${seconds(fullMs)}`,
    }));
}

function degradedReasons({ stats, before, since = [] }: HealthFacts): HealthReason[] {
  const told = Object.entries(stats.degraded).map(([component, text]) => ({ component, text }));
  const earlier = componentsOf(before);
  const found = stats.components.flatMap((component) => {
    const reasons = policyReasons(component, earlier.get(component.id));
    if (reasons.length === 0) return [];
    const isTold = Object.hasOwn(stats.degraded, component.id);
    const overSince = isTold || !isWell(component) ? undefined : overSinceOf(component, since);
    const over = overSince === undefined ? {} : { overSince };
    return reasons.map((text) => ({ component: component.id, text, ...over }));
  });
  return [...told, ...found].map((reason) => ({ of: 'degraded', ...reason }));
}

function componentsOf(stats: HealthStats | undefined): ReadonlyMap<string, HealthComponent> {
  return new Map(stats?.components.map((component) => [component.id, component]));
}

/** Whether nothing of it is wrong at this moment. */
function isWell({ policy, sensors }: HealthComponent): boolean {
  const { total, byState } = policy!.breakers;
  return total === byState.closed && sensors?.total === sensors?.byState.live;
}

/** What has been well for less may swing. */
const quietMs = 5000;

/** Since when nothing was wrong with a component, where that is long enough. */
function overSinceOf(
  component: HealthComponent,
  since: readonly EarlierStats[],
): number | undefined {
  const isQuietSince = ({ stats }: EarlierStats): boolean => {
    const then = componentsOf(stats).get(component.id);
    return then !== undefined && isWell(then) && policyReasons(component, then).length === 0;
  };
  const first = since[since.findLastIndex((mark) => !isQuietSince(mark)) + 1];
  return first !== undefined && first.agoMs >= quietMs ? first.at : undefined;
}

/** How many breakers of a component are named; the rest are counted. */
const breakersNamedMax = 10;

/** Breakers that are open, or were since the last look, and what a fallback has given since. */
function policyReasons({ policy }: HealthComponent, before: HealthComponent | undefined): string[] {
  if (policy === undefined) return [];
  const earlier = before?.policy;
  const { byState, worst } = policy.breakers;
  const reasons = breakerReasons(worst, earlier?.breakers.worst ?? []);
  // Of very many open ones not all are among the worst.
  const all = reasons.length + byState.open - worst.filter(isOpen).length;
  const left = all - breakersNamedMax;
  if (left > 0) {
    const are = left === 1 ? 'that is not closed, or was not' : 'that are not closed, or were not';
    reasons.splice(breakersNamedMax, Infinity, `and ${left} more ${are}`);
  }
  const substituted = earlier === undefined ? 0 : policy.substituted - earlier.substituted;
  if (substituted > 0) {
    reasons.push(`a fallback gave ${substituted} ${substituted === 1 ? 'result' : 'results'}`);
  }
  return reasons;
}

type HealthBreakers = NonNullable<HealthComponent['policy']>['breakers']['worst'];

/** Those that are open come first. */
function breakerReasons(breakers: HealthBreakers, before: HealthBreakers): string[] {
  const earlier = new Map(before.map((one) => [one.id, one]));
  const open = breakers.filter(isOpen).map(({ id }) => `the breaker \`${id}\` is open`);
  const others = breakers.flatMap((breaker) => {
    const { id, opens, refused } = breaker;
    const last = earlier.get(id);
    if (last === undefined || isOpen(breaker)) return [];
    if (opens > last.opens) return [`the breaker \`${id}\` was open`];
    return refused > last.refused ? [`the breaker \`${id}\` refused calls`] : [];
  });
  return [...open, ...others];
}

/** Whether a breaker lets nothing through. One that tries whether all is well again does. */
export function isOpen({ state }: { readonly state: BreakerState }): boolean {
  return state === 'open';
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

type Queue = Pick<QueueStats, 'depth' | 'fill' | 'isPaced'>;

/** Knows for how long each queue has been too full; look at it once a second, or more often. */
export class QueuePressure {
  readonly #depthMax: number | undefined;
  #since = new Map<string, number>();

  constructor({ queueDepthMax }: Pick<HealthSettings, 'queueDepthMax'> = {}) {
    this.#depthMax = queueDepthMax;
  }

  /**
   * Milliseconds by component. `queues`: what waits before each, as `run.stats().queues`; those that
   * nothing comes to at a pace of its own may be full.
   */
  look(queues: Readonly<Record<string, Queue>>, nowMs: number): Readonly<Record<string, number>> {
    const full = Object.entries(queues).filter(([, queue]) => this.#isTooFull(queue));
    this.#since = new Map(full.map(([id]) => [id, this.#since.get(id) ?? nowMs]));
    return Object.fromEntries([...this.#since].map(([id, sinceMs]) => [id, nowMs - sinceMs]));
  }

  #isTooFull({ depth, fill, isPaced }: Queue): boolean {
    if (!isPaced) return false;
    return this.#depthMax === undefined ? fill >= queueLimits.high : depth >= this.#depthMax;
  }
}

/** Whoever asks this often misses nothing that degraded the run meanwhile. */
export const recentMs = 30_000;
const markEveryMs = 1000;

interface Mark {
  readonly monotonicMs: number;
  readonly at: number;
  readonly stats: HealthStats;
}

/** Knows how a run was in the last 30 seconds; look at it once a second, or more often. */
export class RecentStats {
  #marks: readonly Mark[] = [];

  /**
   * What `stats` are judged by: how the run was 30 seconds ago, or when this saw it first, and how
   * it was since then, a second apart. `at`: wall time.
   */
  look(
    stats: HealthStats,
    monotonicMs: number,
    at: number,
  ): Required<Pick<HealthFacts, 'before' | 'since'>> {
    if (monotonicMs - (this.#marks.at(-1)?.monotonicMs ?? -Infinity) >= markEveryMs) {
      const next = { monotonicMs, at, stats: policiesOf(stats) };
      const isOld = (mark: Mark): boolean => mark.monotonicMs <= monotonicMs - recentMs;
      this.#marks = [...this.#marks.slice(Math.max(0, this.#marks.findLastIndex(isOld))), next];
    }
    return {
      before: this.#marks[0]!.stats,
      since: this.#marks.map((mark) => ({ ...mark, agoMs: monotonicMs - mark.monotonicMs })),
    };
  }
}

/** As much of them as earlier figures are asked for. */
function policiesOf({ status, components }: HealthStats): HealthStats {
  const withPolicies = components.flatMap(({ id, policy, sensors }) =>
    policy === undefined ? [] : [{ id, policy, ...(sensors && { sensors }) }],
  );
  return { status, components: withPolicies, degraded: {} };
}
