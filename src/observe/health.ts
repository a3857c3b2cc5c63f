import type { BreakerState } from '../core/index.ts';
import { queueLimits } from './queue-limits.ts';
import type { QueueStats } from './snapshot.ts';

/** Limits of a healthy run. */
export interface HealthSettings {
  /** A loop that has stood still for so long is not alive; 10,000 unless given. */
  readonly stallMsMax?: number | undefined;
  /** A loop that has stood still for so long is told of, as overloaded; 1,000 unless given. */
  readonly stallMsMin?: number | undefined;
  /** Batches in a queue from which it is too full; half of what it may hold unless given. */
  readonly queueDepthMax?: number | undefined;
  /** How long a queue may be too full; 3,000 unless given. */
  readonly queueFullMsMax?: number | undefined;
}

/** The limits where no others are given; `queueDepthMax` is half of what a queue may hold. */
export const healthDefaults: {
  readonly stallMsMax: number;
  readonly stallMsMin: number;
  readonly queueFullMsMax: number;
} = { stallMsMax: 10_000, stallMsMin: 1000, queueFullMsMax: 3000 };

/** What a run, or a batch, is judged by: of `RunStats` as much as counts. */
export interface HealthStats {
  /** `running`, or why it takes nothing: `starting`, `draining`, how it ended. */
  readonly status: string;
  readonly components: readonly HealthComponent[];
  /** Why it goes on but not as it should, by component. */
  readonly degraded: Readonly<Record<string, string>>;
}

/** Of a `ComponentReport` as much as counts. */
export interface HealthComponent {
  readonly id: string;
  readonly policy?: {
    readonly substituted: number;
    readonly breakers: readonly {
      readonly id: string;
      readonly state: BreakerState;
      readonly opens: number;
      readonly refused: number;
    }[];
  };
}

/** All that health is decided by. */
export interface HealthFacts {
  readonly stats: HealthStats;
  /** As it was before, see `RecentStats`: an opening or a substitution since then degrades. */
  readonly before?: HealthStats | undefined;
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
}

/** Whether the loop turns, input can be taken, and the work is done in time and as it should be. */
export interface Health {
  readonly alive: boolean;
  readonly ready: boolean;
  readonly overloaded: boolean;
  readonly degraded: boolean;
  readonly reasons: readonly HealthReason[];
}

/**
 * Judges a run by its figures: reads no clock and keeps nothing. A dependency that is down degrades;
 * it never makes a run not ready, nor not alive.
 */
export function health(facts: HealthFacts, settings: HealthSettings = {}): Health {
  const { stats, before } = facts;
  const reasons = [
    ...stallReasons(facts.loopStallMs ?? 0, settings),
    ...readyReasons(stats),
    ...queueReasons(facts, settings),
    ...degradedReasons(stats, before),
  ];
  const has = (word: HealthWord): boolean => reasons.some(({ of }) => of === word);
  return {
    alive: !has('alive'),
    ready: !has('ready'),
    overloaded: has('overloaded'),
    degraded: has('degraded'),
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

function readyReasons({ status }: HealthStats): HealthReason[] {
  return status === 'running' ? [] : [{ of: 'ready', text: `the run is ${status}` }];
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

function degradedReasons(stats: HealthStats, before: HealthStats | undefined): HealthReason[] {
  const earlier = new Map(before?.components.map((component) => [component.id, component]));
  return [
    ...Object.entries(stats.degraded).map(([component, text]) => ({ component, text })),
    ...stats.components.flatMap((component) =>
      policyReasons(component, earlier.get(component.id)).map((text) => ({
        component: component.id,
        text,
      })),
    ),
  ].map((reason) => ({ of: 'degraded', ...reason }));
}

/** How many breakers of a component are named; the rest are counted. */
const breakersNamedMax = 10;

/** Breakers that are open, or were since the last look, and what a fallback has given since. */
function policyReasons({ policy }: HealthComponent, before: HealthComponent | undefined): string[] {
  if (policy === undefined) return [];
  const earlier = before?.policy;
  const reasons = breakerReasons(policy.breakers, earlier?.breakers ?? []);
  const left = reasons.length - breakersNamedMax;
  if (left > 0) {
    const are = left === 1 ? 'that is not closed, or was not' : 'that are not closed, or were not';
    reasons.splice(breakersNamedMax, left, `and ${left} more ${are}`);
  }
  const substituted = earlier === undefined ? 0 : policy.substituted - earlier.substituted;
  if (substituted > 0) reasons.push(`a fallback gave ${substituted} results`);
  return reasons;
}

type HealthBreakers = NonNullable<HealthComponent['policy']>['breakers'];

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
const recentMs = 30_000;
const markEveryMs = 1000;

interface Mark {
  readonly atMs: number;
  readonly stats: HealthStats;
}

/** Knows how a run was 30 seconds ago; look at it once a second, or more often. */
export class RecentStats {
  #marks: readonly Mark[] = [];

  /** The figures by which `stats` are judged: those of 30 seconds ago, or the first that it saw. */
  look(stats: HealthStats, nowMs: number): HealthStats {
    if (nowMs - (this.#marks.at(-1)?.atMs ?? -Infinity) >= markEveryMs) {
      const next = { atMs: nowMs, stats: policiesOf(stats) };
      const oldest = this.#marks.findLastIndex(({ atMs }) => atMs <= nowMs - recentMs);
      this.#marks = [...this.#marks.slice(Math.max(0, oldest)), next];
    }
    return this.#marks[0]!.stats;
  }
}

/** As much of them as earlier figures are asked for. */
function policiesOf({ status, components }: HealthStats): HealthStats {
  const policies = components.flatMap(({ id, policy }) =>
    policy === undefined ? [] : [{ id, policy }],
  );
  return { status, components: policies, degraded: {} };
}
