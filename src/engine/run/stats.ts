import type { Alert } from '../../observe/alerts/alert.ts';
import { bottleneckOf } from '../../observe/bottleneck.ts';
import type {
  ComponentKind,
  LaneStats,
  ProcessStats,
  RecordFailure,
  RunReport,
  RunStats,
  StatsOptions,
  TierHealth,
} from '../../observe/snapshot.ts';
import type { SlowestBatches } from '../../observe/slowest-batches.ts';
import type { Observed } from '../observed.ts';
import type { Plan } from '../planned.ts';
import type { RunGraph } from '../run-graph.ts';
import { reportComponent } from '../run-report.ts';
import type { Load } from './load.ts';
import { versions } from './versions.ts';

/** What the figures of a run are made of. */
export interface StatsParts extends Pick<RunStats, 'status' | 'durationMs' | 'deadLetters'> {
  readonly plan: Plan;
  readonly observed: readonly Observed[];
  readonly degraded: ReadonlyMap<string, string>;
  readonly graph: RunGraph;
  /** Now, and the start of the run, in monotonic milliseconds. */
  readonly nowMs: number;
  readonly startedMs: number;
  readonly alerts: readonly Alert[];
  readonly options: StatsOptions | undefined;
  /** How often each event happened, by its name. */
  readonly events: ReadonlyMap<string, number>;
  readonly lastFailures: readonly RecordFailure[];
  readonly slowest: SlowestBatches;
  readonly load: Load;
  readonly tiers: readonly TierHealth[];
  readonly changes: RunStats['changes'];
}

/** What a run has done by now. Frozen, with all that is in it. */
export function reportOf(parts: StatsParts): RunReport {
  return deepFreeze(report(parts));
}

function report(parts: StatsParts): RunReport {
  const { plan, status, durationMs, observed, deadLetters } = parts;
  const components = observed.map((one) => reportComponent(one, parts, parts.options));
  const sum = (kind: ComponentKind, side: 'in' | 'out'): number =>
    components.reduce(
      (total, component) => total + (component.kind === kind ? component[side] : 0),
      0,
    );
  return {
    pipeline: plan.name,
    status,
    delivery: plan.settings.delivery,
    recordsIn: sum('source', 'in'),
    recordsOut: sum('sink', 'out'),
    durationMs,
    bytesIn: observed.reduce((total, { tally }) => total + tally.bytes, 0),
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    deadLetters,
    components,
  };
}

/** The figures of a run at this moment. Frozen, with all that is in them. */
export function statsOf(parts: StatsParts): RunStats {
  const { plan, observed, degraded, graph, nowMs } = parts;
  const at = plan.outside.clock.now();
  const done = report(parts);
  const { recordsIn } = done;
  const queues = graph.queues();
  const lane = laneStats(parts, queues, nowMs);
  return deepFreeze({
    ...done,
    at,
    monotonicMs: nowMs,
    process: processStats(lane),
    degraded: Object.fromEntries([...degraded].map(([id, reason]) => [id, plan.scrub(reason)])),
    queues,
    alerts: [...parts.alerts],
    events: Object.fromEntries(parts.events),
    changes: parts.changes,
    errorRate: recordsIn === 0 ? null : failedRecords(observed) / recordsIn,
    lastFailures: [...parts.lastFailures],
    slowestBatches: parts.slowest.list({ nowMs, at }),
    lanes: [lane],
    resources: resourceStats(parts),
    versions: versions(),
    uptimeMs: process.uptime() * 1000,
  });
}

function failedRecords(observed: readonly Observed[]): number {
  return observed.reduce((total, { tally }) => total + tally.failedRecords, 0);
}

function laneStats(
  { load, observed }: StatsParts,
  queues: RunStats['queues'],
  nowMs: number,
): LaneStats {
  const { loopUtilization, busyShares } = load.at(nowMs, observed);
  const loads = [...busyShares].map(([component, busyShare]) => ({
    component,
    busyShare,
    queueFill: queues[component]?.fill ?? null,
  }));
  return {
    id: 'main',
    busyShare: loads.length === 0 ? null : Math.max(...busyShares.values()),
    loopUtilization,
    queueFill: Math.max(0, ...Object.values(queues).map(({ fill }) => fill)),
    bottleneck: bottleneckOf(loads)?.component ?? null,
  };
}

/** A resource that waits, or is not used as it should, says why. */
function resourceStats({ plan, tiers, degraded }: StatsParts): TierHealth[] {
  return tiers.map((tier) => {
    const reason = tier.reason ?? degraded.get(tier.tier);
    return { ...tier, reason: reason === undefined ? null : plan.scrub(reason) };
  });
}

/** Freezes plain data, and what is in it. */
function deepFreeze<T extends object>(data: T): T {
  for (const value of Object.values(data)) {
    if (typeof value === 'object' && value !== null) deepFreeze(value as object);
  }
  return Object.freeze(data);
}

/** The one lane that there is has the loop of the process. */
function processStats({ loopUtilization }: LaneStats): ProcessStats {
  const { rss, heapUsed } = process.memoryUsage();
  return { rssBytes: rss, heapUsedBytes: heapUsed, loopUtilization };
}
