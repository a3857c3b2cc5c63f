import { withSubstitutes } from './sensors.ts';
import type { ComponentReport, StatsOptions } from '../observe/snapshot.ts';
import { latencyOf } from '../observe/meter.ts';
import type { Observed } from './observed.ts';
import type { Plan } from './planned.ts';
import type { Tally } from './report.ts';

/** When a report is made, and of what. */
export interface ReportParts {
  readonly plan: Pick<Plan, 'scrub'>;
  /** Now, and the start of the run, in monotonic milliseconds. */
  readonly nowMs: number;
  readonly startedMs: number;
  /** The end of the run; now, while it goes on. */
  readonly untilMs: number;
}

export function reportComponent(
  observed: Observed,
  { nowMs, untilMs, startedMs, plan }: ReportParts,
  options?: StatsOptions,
): ComponentReport {
  const { id, name, kind, meter, tally } = observed;
  const sensors = observed.sensors();
  const policy = withSubstitutes(observed.policy(), sensors);
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
    ...observed.timesAt(untilMs),
    work: latencyOf(meter.work, options),
    wait: latencyOf(meter.wait, options),
    endToEnd: latencyOf(meter.endToEnd, options),
    recent: observed.recent.latencies,
    perSecond: meter.perSecond(nowMs, startedMs),
    bytes: tally.bytes,
    sinceProgressMs: lastProgressMs === undefined ? null : nowMs - lastProgressMs,
    droppedBy: Object.fromEntries(tally.droppedBy),
    counts: Object.fromEntries(tally.counts),
    errors: Object.fromEntries(tally.errors),
    errorRate: meter.rowsIn === 0 ? null : tally.failedRecords / meter.rowsIn,
    ...(tally.callErrors.size > 0 && { callErrors: callErrorsOf(tally, plan) }),
    ...(source && { source }),
    ...(policy && { policy }),
    ...(sensors && { sensors }),
  };
}

const callErrorLengthMax = 500;

function callErrorsOf(
  { callErrors }: Tally,
  { scrub }: Pick<Plan, 'scrub'>,
): Record<string, string> {
  const shown = (message: string): string => scrub(message).slice(0, callErrorLengthMax);
  return Object.fromEntries([...callErrors].map(([kind, message]) => [kind, shown(message)]));
}
