import type { ComponentReport, RunStats } from '../snapshot.ts';
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

/** Fewer batches or calls than these in a look say nothing. */
const callsMin = 10;

/**
 * The rules that fit every pipeline, made anew for each run: some remember what was usual.
 * `throughput-floor` needs limits of your own; `memoryMiBMax` is what the process may have.
 */
export function shippedRules(
  limits: ShippedLimits = {},
  { memoryMiBMax }: { readonly memoryMiBMax?: number } = {},
): AlertRule[] {
  return all(memoryMiBMax).flatMap((rule) => {
    const given = limits[rule.name as ShippedRule];
    if (given === false) return [];
    if (given !== undefined) return [{ ...rule, limits: given }];
    return rule.limits.warn === undefined && rule.limits.critical === undefined ? [] : [rule];
  });
}

function all(memoryMiBMax: number | undefined): (AlertRule & { readonly name: ShippedRule })[] {
  return [
    {
      name: 'latency-spike',
      summary: 'A component takes several times as long for a batch as it usually does.',
      unit: '× usual',
      limits: { warn: 3, critical: 10, clear: 1.5 },
      of: { m: 3, n: 5 },
      read: latencySpikes(),
    },
    {
      name: 'lag-saturation',
      summary: 'A source is behind its input, and at the present rate needs that long to catch up.',
      unit: 's',
      limits: { warn: 30, critical: 300, clear: 10 },
      of: { m: 3, n: 5 },
      forecastMs: 120_000,
      read: lags,
    },
    {
      name: 'queue-saturation',
      summary: 'What waits before a component grows until its producers have to wait.',
      unit: '%',
      limits: { warn: 75, critical: 95, clear: 50 },
      of: { m: 3, n: 5 },
      forecastMs: 60_000,
      read: queues,
    },
    {
      name: 'retry-rate',
      summary: 'Calls of a component have to be made again.',
      unit: '% of calls',
      limits: { warn: 20, critical: 60, clear: 10 },
      of: { m: 2, n: 3 },
      read: retries,
    },
    {
      name: 'memory-growth',
      summary: 'The process takes more and more memory.',
      unit: 'MiB',
      limits:
        memoryMiBMax === undefined
          ? { clear: 0 }
          : { warn: 0.75 * memoryMiBMax, critical: 0.9 * memoryMiBMax, clear: 0.7 * memoryMiBMax },
      of: { m: 3, n: 5 },
      forecastMs: 600_000,
      read: ({ stats }) => whole(stats.process.rssBytes / 1_048_576),
    },
    {
      name: 'throughput-floor',
      summary: 'Fewer records come out of a component than there should.',
      unit: 'records/s',
      bad: 'below',
      limits: { clear: 0 },
      of: { m: 3, n: 5 },
      read: throughputs,
    },
    {
      name: 'degraded-streak',
      summary: 'A component has been degraded for that long.',
      unit: 's',
      limits: { warn: 30, critical: 300, clear: 0 },
      of: { m: 1, n: 1 },
      read: degradedStreaks(),
    },
    {
      name: 'open-breaker',
      summary: 'A circuit breaker of a component is open: what it calls is down.',
      unit: 'open',
      limits: { critical: 0, clear: 0 },
      of: { m: 1, n: 1 },
      read: openBreakers,
    },
    {
      name: 'stalled-source',
      summary: 'A source that has a pace of its own gives nothing any more.',
      unit: 's',
      limits: { warn: 60, critical: 300, clear: 30 },
      of: { m: 1, n: 1 },
      read: stalls,
    },
    {
      name: 'dead-letter-growth',
      summary: 'Records of a component fail.',
      unit: '% of records',
      limits: { warn: 1, critical: 10, clear: 0.5 },
      of: { m: 2, n: 3 },
      read: deadLetters,
    },
    {
      name: 'ledger-mismatch',
      summary: 'A component lost rows, or made some up, without a word.',
      unit: 'rows',
      limits: { critical: 0, clear: 0 },
      of: { m: 1, n: 1 },
      read: ({ stats }) => each(stats, ({ unaccounted }) => Math.abs(unaccounted)),
    },
  ];
}

function whole(value: number | null): AlertReading[] {
  return [{ component: '', value }];
}

function each(
  { components }: RunStats,
  read: (component: ComponentReport) => number | null | undefined,
): AlertReading[] {
  return components.flatMap((component) => {
    const value = read(component);
    return value === undefined ? [] : [{ component: component.id, value }];
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

/** How much one look counts in what is usual, and how many looks it takes to know. */
const usualShare = 0.02;
const usualLooksMin = 30;
/** Swings of so little are nobody's concern. */
const usualMsMin = 1;

function latencySpikes(): AlertRule['read'] {
  const usual = new Map<string, { meanMs: number; looks: number }>();
  return (looks) =>
    since(looks, ({ id, work }, then) => {
      const count = work.count - then.work.count;
      if (count === 0) return null;
      const sumMs = work.count * (work.meanMs ?? 0) - then.work.count * (then.work.meanMs ?? 0);
      const meanMs = Math.max(usualMsMin, sumMs / count);
      const known = usual.get(id);
      if (known === undefined) {
        usual.set(id, { meanMs, looks: 1 });
        return null;
      }
      const ratio = meanMs / known.meanMs;
      // What is far from usual does not become it at once.
      const share = Math.max(1 / (known.looks + 1), usualShare);
      if (ratio < 2 || known.looks < usualLooksMin) known.meanMs += share * (meanMs - known.meanMs);
      known.looks++;
      return known.looks > usualLooksMin ? ratio : null;
    });
}

/** Only where a source has a pace of its own: a file that is read at full speed is always behind. */
function lags({ stats }: AlertLooks): AlertReading[] {
  if (!stats.isPaced) return [];
  const perSecond = new Map(
    stats.components.map((component) => [component.id, component.perSecond]),
  );
  return Object.entries(stats.lag).flatMap(([component, lag]) => {
    if (lag === null) return [];
    const rate = perSecond.get(component) ?? 0;
    return [{ component, value: lag === 0 ? 0 : rate > 0 ? lag / rate : null }];
  });
}

function queues({ stats }: AlertLooks): AlertReading[] {
  if (!stats.isPaced) return [];
  return Object.entries(stats.queues).map(([component, { fill }]) => ({
    component,
    value: 100 * fill,
  }));
}

function retries(looks: AlertLooks): AlertReading[] {
  return since(looks, ({ policy }, { policy: then }) => {
    if (policy === undefined || then === undefined) return null;
    const attempts = policy.attempts - then.attempts;
    const again = policy.retries - then.retries;
    return attempts < callsMin ? null : (100 * again) / attempts;
  });
}

function throughputs({ stats }: AlertLooks): AlertReading[] {
  return each(stats, ({ kind, perSecond }) => (kind === 'dead-letters' ? undefined : perSecond));
}

function degradedStreaks(): AlertRule['read'] {
  const sinceMs = new Map<string, number>();
  return ({ stats }) => {
    for (const id of sinceMs.keys()) if (!(id in stats.degraded)) sinceMs.delete(id);
    for (const id of Object.keys(stats.degraded)) {
      if (!sinceMs.has(id)) sinceMs.set(id, stats.monotonicMs);
    }
    return each(
      stats,
      ({ id }) => (stats.monotonicMs - (sinceMs.get(id) ?? stats.monotonicMs)) / 1000,
    );
  };
}

function openBreakers({ stats }: AlertLooks): AlertReading[] {
  return each(
    stats,
    ({ policy }) => policy?.breakers.filter(({ state }) => state !== 'closed').length,
  );
}

function stalls({ stats }: AlertLooks): AlertReading[] {
  if (!stats.isPaced || stats.status !== 'running') return [];
  return each(stats, ({ kind, sinceProgressMs }) =>
    kind === 'source' ? (sinceProgressMs ?? stats.durationMs) / 1000 : undefined,
  );
}

function deadLetters(looks: AlertLooks): AlertReading[] {
  return since(looks, (now, then) => {
    const records = now.in - then.in;
    return records < callsMin ? null : (100 * (now.dead - then.dead)) / records;
  });
}
