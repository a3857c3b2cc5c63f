import type { ComponentReport, RunReport, RunStats } from '../observe/index.ts';
import type { Observed } from './observed.ts';

/** The figures without what only the present has. */
export function reportOf({
  degraded: _degraded,
  queues: _queues,
  lag: _lag,
  ...report
}: RunStats): RunReport {
  return Object.freeze(report);
}

/** `isWhole`: whether no row is on its way. */
export function reportComponent(
  observed: Observed,
  { isWhole }: { readonly isWhole: boolean },
): ComponentReport {
  const { id, name, kind, meter, tally } = observed;
  const held = observed.held();
  const policy = observed.policy();
  const rows = meter.rowsIn + tally.createdRows;
  const accounted = meter.rowsOut + tally.absorbedRows + tally.droppedRows + tally.dead + held;
  return {
    id,
    name,
    kind,
    in: meter.rowsIn,
    out: meter.rowsOut,
    dropped: tally.droppedRows,
    dead: tally.dead,
    absorbed: tally.absorbedRows,
    created: tally.createdRows,
    held,
    unaccounted: isWhole ? rows - accounted : 0,
    busyMs: meter.busyMs,
    blockedMs: meter.blockedMs,
    idleMs: meter.idleMs,
    p50Ms: quantileMs(observed, 0.5),
    p95Ms: quantileMs(observed, 0.95),
    p99Ms: quantileMs(observed, 0.99),
    droppedBy: Object.fromEntries(tally.droppedBy),
    counts: Object.fromEntries(tally.counts),
    ...(policy && { policy }),
  };
}

function quantileMs({ meter }: Observed, q: number): number | null {
  const seconds = meter.work.quantile(q);
  return seconds === null ? null : seconds * 1000;
}
