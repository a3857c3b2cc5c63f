import type { ComponentReport, StatsOptions } from '../observe/snapshot.ts';
import { latencyOf } from '../observe/meter.ts';
import type { Observed } from './observed.ts';

/** When a report is made. */
export interface ReportTime {
  /** Now, and the start of the run, in monotonic milliseconds. */
  readonly nowMs: number;
  readonly startedMs: number;
}

export function reportComponent(
  observed: Observed,
  { nowMs, startedMs }: ReportTime,
  options?: StatsOptions,
): ComponentReport {
  const { id, name, kind, meter, tally } = observed;
  const policy = observed.policy();
  const source = observed.source();
  const { lastProgressMs } = meter;
  return {
    id,
    name,
    kind,
    in: meter.rowsIn,
    out: meter.rowsOut,
    dropped: tally.droppedRows,
    dead: tally.dead,
    failed: tally.failedRecords,
    absorbed: tally.absorbedRows,
    created: tally.createdRows,
    held: observed.held(),
    undelivered: observed.undelivered,
    unaccounted: observed.unaccounted,
    busyMs: meter.busyMs,
    blockedMs: meter.blockedMs,
    idleMs: meter.idleMs,
    work: latencyOf(meter.work, options),
    wait: latencyOf(meter.wait, options),
    endToEnd: latencyOf(meter.endToEnd, options),
    perSecond: meter.perSecond(nowMs, startedMs),
    bytes: tally.bytes,
    sinceProgressMs: lastProgressMs === undefined ? null : nowMs - lastProgressMs,
    droppedBy: Object.fromEntries(tally.droppedBy),
    counts: Object.fromEntries(tally.counts),
    errors: Object.fromEntries(tally.errors),
    errorRate: meter.rowsIn === 0 ? null : tally.failedRecords / meter.rowsIn,
    ...(source && { source }),
    ...(policy && { policy }),
  };
}
