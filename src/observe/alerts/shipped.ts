import { totalmem } from 'node:os';
import process from 'node:process';

import type { Lag } from '../../core/index.ts';
import { own } from '../../core/own.ts';
import { recentMs } from '../health.ts';
import { queueLimits } from '../queue-limits.ts';
import type { ComponentReport, RunStats, SourceState } from '../snapshot.ts';
import type { AlertLimits, AlertLooks, AlertReading, AlertRule } from './rule.ts';

/** Limits of the shipped rules, by name; what is left out stays as it is, and `false` is off. */
export type ShippedLimits = Readonly<Partial<Record<ShippedRule, AlertLimits | false>>>;

export const shippedRuleNames = [
  'latency-spike',
  'lag-saturation',
  'queue-saturation',
  'retry-rate',
  'memory-growth',
  'throughput-floor',
  'degraded-streak',
  'open-breaker',
  'stalled-source',
  'dead-letter-growth',
  'ledger-mismatch',
] as const;

/** The names of the rules that are shipped. */
export type ShippedRule = (typeof shippedRuleNames)[number];

/** Whether what is below the limits of a shipped rule is bad. */
export function isFloor(name: ShippedRule): boolean {
  return name === throughputFloor.name;
}

/** A rule that is shipped. */
type Shipped = AlertRule & { readonly name: ShippedRule };

/**
 * The rules that fit every pipeline, made anew for each run: some remember what was usual.
 * `throughput-floor` needs limits of your own; `memoryMiBMax` is what the process may have: what
 * its container allows, or the machine has, unless given.
 */
export function shippedRules(
  limits: ShippedLimits = {},
  { memoryMiBMax = memoryMiB() }: { readonly memoryMiBMax?: number } = {},
): AlertRule[] {
  const rules: Shipped[] = [
    latencySpike(),
    lagSaturation(),
    queueSaturation,
    retryRate(),
    memoryGrowth(memoryMiBMax),
    throughputFloor,
    degradedStreak(),
    openBreaker,
    stalledSource,
    deadLetterGrowth(),
    ledgerMismatch,
  ];
  return rules.flatMap((rule) => {
    const given = limits[rule.name];
    if (given === false) return [];
    if (given !== undefined) return [{ ...rule, limits: given }];
    return rule.limits.warn === undefined && rule.limits.critical === undefined ? [] : [rule];
  });
}

/** How much one look counts in what is usual, and how many looks it takes to know. */
const usualShare = 0.02;
const usualLooksMin = 30;
/** Swings of so little are nobody's concern. */
const usualMsMin = 5;

function latencySpike(): Shipped {
  const usual = new Map<string, { meanMs: number; looks: number }>();
  return {
    name: 'latency-spike',
    summary: 'A component takes several times as long for a batch as it usually does.',
    unit: '× usual',
    limits: { warn: 3, critical: 10, clear: 1.5 },
    of: { m: 3, n: 5 },
    read: (looks) =>
      since(looks, ({ id, work }, then) => {
        const count = work.count - then.work.count;
        if (count === 0) return null;
        const meanMs = Math.max(usualMsMin, (work.sumMs - then.work.sumMs) / count);
        const known = usual.get(id);
        if (known === undefined) {
          usual.set(id, { meanMs, looks: 1 });
          return null;
        }
        const ratio = meanMs / known.meanMs;
        // What is far from usual does not become it at once.
        const share = Math.max(1 / (known.looks + 1), usualShare);
        if (ratio < 2 || known.looks < usualLooksMin) {
          known.meanMs += share * (meanMs - known.meanMs);
        }
        known.looks++;
        return known.looks > usualLooksMin ? ratio : null;
      }),
  };
}

/** Only where a source has a pace of its own: a file that is read at full speed is always behind. */
function lagSaturation(): Shipped {
  /** The last rate of each source that was one, in the unit of its lag. */
  const rates = new Map<string, number>();
  return {
    name: 'lag-saturation',
    summary: 'A source is behind its input, and at the present rate needs that long to catch up.',
    unit: 's',
    limits: { warn: 30, critical: 300, clear: 10 },
    of: { m: 3, n: 5 },
    forecastMs: 120_000,
    read: ({ stats }) =>
      each(stats, (component) => {
        const { id, source, perSecond, sinceProgressMs } = component;
        if (!isWatched(source) || source.lag === undefined) return undefined;
        const { value, unit } = source.lag;
        if (value === 0) return 0;
        if (perSecond > 0) {
          const rate = perSecond * unitsPerRecord(component, unit);
          // Bytes say nothing of a source that does not count those it has read.
          if (rate === 0) return null;
          rates.set(id, rate);
          return value / rate;
        }
        if (stats.status !== 'running') return null;
        // It needs as long as it last would have, and at least as long as it has given nothing.
        const standsMs = sinceProgressMs ?? stats.durationMs;
        return Math.max(standsMs / 1000, value / (rates.get(id) ?? Infinity));
      }),
  };
}

/** Whether a source can fall behind: it has a pace of its own, and gives more. */
function isWatched(source: SourceState | undefined): source is SourceState {
  return source !== undefined && source.isPaced && !source.hasEnded;
}

/** How much of its input a source has taken for a record, in the unit of its lag. */
function unitsPerRecord({ bytes, in: records }: ComponentReport, unit: Lag['unit']): number {
  if (unit === 'records') return 1;
  return records === 0 ? 0 : bytes / records;
}

const queueSaturation: Shipped = {
  name: 'queue-saturation',
  summary: 'What waits before a component grows until its producers have to wait.',
  unit: '%',
  limits: {
    warn: 100 * queueLimits.warn,
    critical: 100 * queueLimits.critical,
    clear: 100 * queueLimits.high,
  },
  of: { m: 3, n: 5 },
  forecastMs: 60_000,
  read: ({ stats }) =>
    Object.entries(stats.queues).flatMap(([component, { fill, isPaced }]) =>
      isPaced ? [{ component, value: 100 * fill }] : [],
    ),
};

function retryRate(): Shipped {
  return {
    name: 'retry-rate',
    summary: 'Calls of a component have to be made again.',
    unit: '% of attempts',
    limits: { warn: 20, critical: 60, clear: 10 },
    of: { m: 2, n: 3 },
    read: percentages(({ policy }) => policy && { bad: policy.retries, all: policy.attempts }),
  };
}

/** A run that begins takes more and more memory, and is not ill. */
const warmUpMs = 30_000;

function memoryGrowth(memoryMiBMax: number): Shipped {
  return {
    name: 'memory-growth',
    summary: 'The process takes more and more memory.',
    unit: 'MiB',
    limits: {
      warn: 0.75 * memoryMiBMax,
      critical: 0.9 * memoryMiBMax,
      clear: 0.7 * memoryMiBMax,
    },
    of: { m: 3, n: 5 },
    forecastMs: 600_000,
    read: ({ stats }) => {
      const isWarm = stats.durationMs >= warmUpMs;
      return [{ component: '', value: isWarm ? stats.process.rssBytes / bytesPerMiB : null }];
    },
  };
}

const throughputFloor: Shipped = {
  name: 'throughput-floor',
  summary: 'Fewer records come out of a component than there should.',
  unit: 'records/s',
  bad: 'below',
  limits: { clear: 0 },
  of: { m: 3, n: 5 },
  read: ({ stats }) =>
    each(stats, ({ kind, perSecond }) => (kind === 'dead-letters' ? undefined : perSecond)),
};

function degradedStreak(): Shipped {
  const streaks = new Map<string, { fromMs: number; toMs: number; lastsMs: number }>();
  return {
    name: 'degraded-streak',
    summary: 'A component has been degraded for that long.',
    unit: 's',
    limits: { warn: 30, critical: 300, clear: 0 },
    of: { m: 1, n: 1 },
    read: (looks) =>
      since(looks, ({ id, policy }, then) => {
        const { degraded, monotonicMs: nowMs } = looks.stats;
        const saysSo = own(degraded, id) !== undefined;
        let streak = streaks.get(id);
        if (saysSo || (policy?.substituted ?? 0) > (then.policy?.substituted ?? 0)) {
          const { fromMs = nowMs } = streak ?? {};
          // A substitution degrades a run for a while.
          streak = { fromMs, toMs: nowMs, lastsMs: saysSo ? 0 : recentMs };
          streaks.set(id, streak);
        } else if (streak !== undefined && nowMs >= streak.toMs + streak.lastsMs) {
          streak = undefined;
          streaks.delete(id);
        }
        return streak === undefined ? 0 : (streak.toMs - streak.fromMs) / 1000;
      }),
  };
}

const openBreaker: Shipped = {
  name: 'open-breaker',
  summary: 'A circuit breaker of a component is open: what it calls is down.',
  unit: 'open',
  limits: { critical: 0, clear: 0 },
  of: { m: 1, n: 1 },
  read: ({ stats }) =>
    each(stats, ({ policy }) => {
      if (policy === undefined) return undefined;
      const { open, 'half-open': trying } = policy.breakers.byState;
      // One that tries whether all is well again is not open, and not well yet.
      return open === 0 && trying > 0 ? null : open;
    }),
};

const stalledSource: Shipped = {
  name: 'stalled-source',
  summary: 'A source that has a pace of its own gives nothing any more.',
  unit: 's',
  limits: { warn: 60, critical: 300, clear: 30 },
  of: { m: 1, n: 1 },
  read: ({ stats }) => {
    if (stats.status !== 'running') return [];
    return each(stats, ({ source, sinceProgressMs }) =>
      isWatched(source) ? (sinceProgressMs ?? stats.durationMs) / 1000 : undefined,
    );
  },
};

function deadLetterGrowth(): Shipped {
  return {
    name: 'dead-letter-growth',
    summary: 'Records of a component fail.',
    unit: '% of records',
    limits: { warn: 1, critical: 10, clear: 0.5 },
    of: { m: 2, n: 3 },
    read: percentages((component) => ({ bad: component.dead, all: component.in })),
  };
}

const ledgerMismatch: Shipped = {
  name: 'ledger-mismatch',
  summary: 'A component lost rows, or made some up, without a word.',
  unit: 'rows',
  limits: { critical: 0, clear: 0 },
  of: { m: 1, n: 1 },
  read: ({ stats }) => each(stats, ({ unaccounted }) => Math.abs(unaccounted)),
};

const bytesPerMiB = 1_048_576;

/** What the process may have: less than the machine has where it runs in a container. */
function memoryMiB(): number {
  return Math.min(process.constrainedMemory() || Infinity, totalmem()) / bytesPerMiB;
}

type Figure = Omit<AlertReading, 'component'>;

function each(
  { components }: RunStats,
  read: (component: ComponentReport) => Figure | number | null | undefined,
): AlertReading[] {
  return components.flatMap((component) => {
    const found = read(component);
    if (found === undefined) return [];
    const figure = typeof found === 'object' && found !== null ? found : { value: found };
    return [{ component: component.id, ...figure }];
  });
}

/** What came between two looks at each component. */
function since(
  { stats, before }: AlertLooks,
  read: (now: ComponentReport, then: ComponentReport) => number | null,
): AlertReading[] {
  const earlier = new Map(before?.components.map((component) => [component.id, component]));
  return each(stats, (now) => {
    const then = earlier.get(now.id);
    return then === undefined ? undefined : read(now, then);
  });
}

/** Fewer records or calls than these are waited for, but not for longer than that. */
const shareOfMin = 10;
const shareMsMax = 60_000;

interface Counts {
  readonly bad: number;
  readonly all: number;
}

/** How many in a hundred were bad, each time that enough have come; until then it is not known. */
function percentages(read: (component: ComponentReport) => Counts | undefined): AlertRule['read'] {
  const windows = new Map<string, Counts & { readonly sinceMs: number }>();
  return ({ stats }) =>
    each(stats, (component) => {
      const counts = read(component);
      if (counts === undefined) return undefined;
      const { monotonicMs } = stats;
      const from = windows.get(component.id);
      const all = counts.all - (from?.all ?? counts.all);
      const isClosed = from !== undefined && monotonicMs - from.sinceMs >= shareMsMax;
      if (from !== undefined && !isClosed && all < shareOfMin) return null;
      windows.set(component.id, { ...counts, sinceMs: monotonicMs });
      if (from === undefined || all === 0) return null;
      const value = (100 * (counts.bad - from.bad)) / all;
      return { value, overMs: monotonicMs - from.sinceMs };
    });
}
