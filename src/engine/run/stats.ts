import type { ComponentKind, RunStats } from '../../observe/index.ts';
import type { Observed } from '../observed.ts';
import type { Plan } from '../planned.ts';
import type { RunGraph } from '../run-graph.ts';
import { reportComponent } from '../run-report.ts';

/** What the figures of a run are made of. */
export interface StatsParts extends Pick<RunStats, 'status' | 'durationMs' | 'deadLetters'> {
  readonly plan: Plan;
  readonly observed: readonly Observed[];
  /** Whether everything that came in has come to its end. */
  readonly isWhole: boolean;
  readonly degraded: ReadonlyMap<string, string>;
  readonly graph: RunGraph;
}

/** The figures of a run at this moment. Frozen. */
export function statsOf(parts: StatsParts): RunStats {
  const { plan, status, durationMs, observed, isWhole, deadLetters, degraded, graph } = parts;
  const components = observed.map((one) => Object.freeze(reportComponent(one, { isWhole })));
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
    degraded: Object.freeze(Object.fromEntries(degraded)),
    queues: graph.queues(),
    lag: Object.freeze(Object.fromEntries(graph.sources.map(({ id, lag }) => [id, lag]))),
  });
}
