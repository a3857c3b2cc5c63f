import { kernelState } from '../../batch/codec/kernels.ts';
import { own } from '../../core/own.ts';
import { reasonOf } from '../../errors.ts';
import type { Alert } from '../../observe/alerts/alert.ts';
import { bottleneckOf } from '../../observe/bottleneck.ts';
import { wallTimeOf } from '../../observe/moment.ts';
import {
  type ComponentKind,
  type FailureReport,
  hasEnded,
  type LaneStats,
  type ProcessStats,
  type RecordFailure,
  type RunReport,
  type RunStats,
  type StatsOptions,
  type TierHealth,
} from '../../observe/snapshot.ts';
import type { SlowestBatches } from '../../observe/slowest-batches.ts';
import type { Observed } from '../observed.ts';
import type { Plan } from '../planned.ts';
import type { RunGraph } from '../run-graph.ts';
import { reportComponent } from '../run-report.ts';
import type { Load } from './load.ts';
import type { ToldFailure } from './told-failure.ts';
import { versions } from './versions.ts';

/** What the figures of a run are made of. */
export interface StatsParts extends Pick<RunStats, 'status' | 'durationMs' | 'deadLetters'> {
  readonly plan: Plan;
  readonly observed: readonly Observed[];
  readonly degraded: ReadonlyMap<string, string>;
  /** As it is told. */
  readonly failure: ToldFailure | undefined;
  readonly graph: RunGraph;
  /** Now, the start of the run, and its end, or now, in monotonic milliseconds. */
  readonly nowMs: number;
  readonly startedMs: number;
  readonly untilMs: number;
  /** Its start as wall time. */
  readonly startedAt: number;
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

function kernelsText(): string | null {
  const state = kernelState();
  if (state === null || state.kernels === 'wasm') return state?.kernels ?? null;
  return `${state.kernels} (${state.reason})`;
}

/** The figures of a run at this moment. Frozen, with all that is in them. */
export function statsOf(parts: StatsParts): RunStats {
  const { plan, observed, degraded, graph, nowMs } = parts;
  const at = plan.outside.clock.now();
  const done = report(parts);
  const { recordsIn } = done;
  const queues = graph.queues();
  const lane = mainLane(parts, queues, nowMs);
  return deepFreeze({
    ...done,
    at,
    monotonicMs: nowMs,
    startedAt: parts.startedAt,
    endedAt: hasEnded(parts.status) ? wallTimeOf({ at, monotonicMs: nowMs }, parts.untilMs) : null,
    process: processStats(lane),
    degraded: Object.fromEntries([...degraded].map(([id, reason]) => [id, plan.scrub(reason)])),
    failure: failureOf(parts),
    queues,
    alerts: [...parts.alerts],
    events: Object.fromEntries(parts.events),
    changes: parts.changes,
    errorRate: recordsIn === 0 ? null : failedRecords(observed) / recordsIn,
    lastFailures: [...parts.lastFailures],
    slowestBatches: parts.slowest.list({ nowMs, at }),
    lanes: [lane, ...(plan.standsFor?.lanes(nowMs) ?? [])],
    resources: resourceStats(parts),
    versions: versions(),
    kernels: kernelsText(),
    uptimeMs: process.uptime() * 1000,
  });
}

function failureOf({ failure, plan }: StatsParts): FailureReport | null {
  if (failure === undefined) return null;
  const { component, error } = failure;
  return { component, text: plan.scrub(reasonOf(error)).slice(0, failureLengthMax) };
}

const failureLengthMax = 500;

function failedRecords(observed: readonly Observed[]): number {
  return observed.reduce((total, { tally }) => total + tally.failedRecords, 0);
}

function mainLane({ load }: StatsParts, queues: RunStats['queues'], nowMs: number): LaneStats {
  return laneOf('main', load.at(nowMs), queues);
}

/** How much a lane has to do. `queues`: those on it. */
export function laneOf(
  id: string,
  { loopUtilization, shares }: ReturnType<Load['at']>,
  queues: RunStats['queues'],
): LaneStats {
  const loads = [...shares].map(([component, { held }]) => ({
    component,
    heldShare: held,
    queueFill: own(queues, component)?.fill ?? null,
  }));
  return {
    id,
    busyShare: shares.size === 0 ? null : Math.max(...[...shares.values()].map(({ busy }) => busy)),
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

/** The main lane has the loop of the process. */
function processStats({ loopUtilization }: LaneStats): ProcessStats {
  const { rss, heapUsed } = process.memoryUsage();
  return { rssBytes: rss, heapUsedBytes: heapUsed, loopUtilization };
}
