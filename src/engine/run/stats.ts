import { performance } from 'node:perf_hooks';

import type { Alert, ComponentKind, ProcessStats, RunStats } from '../../observe/index.ts';
import type { Observed } from '../observed.ts';
import type { Plan, PlannedSource } from '../planned.ts';
import type { RunGraph } from '../run-graph.ts';
import { reportComponent } from '../run-report.ts';

/** What the figures of a run are made of. */
export interface StatsParts extends Pick<RunStats, 'status' | 'durationMs' | 'deadLetters'> {
  readonly plan: Plan;
  readonly observed: readonly Observed[];
  readonly degraded: ReadonlyMap<string, string>;
  readonly graph: RunGraph;
  readonly startedMs: number;
  readonly alerts: readonly Alert[];
  /** How often each event happened, by its name. */
  readonly events: ReadonlyMap<string, number>;
}

/** The figures of a run at this moment. Frozen. */
export function statsOf(parts: StatsParts): RunStats {
  const { plan, status, durationMs, observed, deadLetters, degraded, graph } = parts;
  const { clock } = plan.outside;
  const at = { nowMs: clock.monotonic(), startedMs: parts.startedMs };
  const components = observed.map((one) => Object.freeze(reportComponent(one, at)));
  const sum = (kind: ComponentKind, side: 'in' | 'out'): number =>
    components.reduce(
      (total, component) => total + (component.kind === kind ? component[side] : 0),
      0,
    );
  return Object.freeze({
    pipeline: plan.name,
    status,
    delivery: plan.settings.delivery,
    recordsIn: sum('source', 'in'),
    recordsOut: sum('sink', 'out'),
    durationMs,
    bytesIn: observed.reduce((total, { tally }) => total + tally.bytes, 0),
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    deadLetters,
    components: Object.freeze(components),
    at: clock.now(),
    monotonicMs: at.nowMs,
    process: processStats(),
    isPaced: plan.sources.some(isPaced),
    degraded: Object.freeze(Object.fromEntries(degraded)),
    queues: graph.queues(),
    alerts: Object.freeze([...parts.alerts]),
    events: Object.freeze(Object.fromEntries(parts.events)),
    lag: Object.freeze(Object.fromEntries(graph.sources.map(({ id, lag }) => [id, lag]))),
  });
}

/** A source that holds what it has while it is paused waits for us; every other has a pace of its own. */
function isPaced({ node: { component } }: PlannedSource): boolean {
  if (component === undefined || !('definition' in component)) return false;
  return component.definition.spec.whenPaused !== 'hold';
}

function processStats(): ProcessStats {
  const { rss, heapUsed } = process.memoryUsage();
  const { utilization } = performance.eventLoopUtilization();
  return Object.freeze({
    rssBytes: rss,
    heapUsedBytes: heapUsed,
    loopUtilization: utilization,
  });
}
