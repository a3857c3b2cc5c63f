import { own } from '../../core/own.ts';
import { ratePerSecond } from '../../observe/rate.ts';
import { type ComponentReport, hasEnded, type RunStats } from '../../observe/snapshot.ts';

/**
 * What is shown of a component: rates and shares over the last seconds. Of a run that has ended they
 * are over all of it.
 */
export interface Row {
  readonly report: ComponentReport;
  readonly inPerSecond: number;
  readonly outPerSecond: number;
  /** At work, of the last second; of the whole run where nobody measures that. */
  readonly p95Ms: number | null;
  /** Failed records and calls since the run began, and whether there were any of late. */
  readonly errors: number;
  readonly isFailing: boolean;
  /** Whether the run failed in it. */
  readonly hasFailed: boolean;
  /** From 0 to 1; null where it has no queue of its own. */
  readonly queueFill: number | null;
  readonly isBottleneck: boolean;
  /** At work, waiting for the outside, and for room downstream: of the time, from 0 to 1. */
  readonly busy: number;
  readonly waiting: number;
  readonly blocked: number;
}

const windowMs = 10_000;

/** What figures over some time are made of. */
interface Mark {
  readonly atMs: number;
  readonly components: ReadonlyMap<string, ComponentReport>;
}

/** Makes rows of the figures that come in, each over the ten seconds before. */
export class RecentRows {
  #marks: Mark[] = [];

  /** The rows as of these figures, in the order of the flow. */
  look(stats: RunStats): Row[] {
    const { monotonicMs: atMs } = stats;
    const isOver = hasEnded(stats.status);
    const components = new Map(stats.components.map((report) => [report.id, report]));
    const isOther = atMs < (this.#marks.at(-1)?.atMs ?? 0);
    const oldest = this.#marks.findLastIndex((mark) => mark.atMs <= atMs - windowMs);
    this.#marks = isOther ? [] : this.#marks.slice(Math.max(0, oldest));
    const before = isOver ? undefined : this.#marks[0];
    // Looked at twice, as when alerts change: no time to divide by.
    if (before?.atMs !== atMs) this.#marks.push({ atMs, components });
    // Of what has come but once, since the run began.
    const overMs = before === undefined ? stats.durationMs : atMs - before.atMs;
    const bottlenecks = new Set(isOver ? [] : stats.lanes.map(({ bottleneck }) => bottleneck));
    return stats.components.map((report) => ({
      ...rowOf(report, before?.components.get(report.id), overMs),
      ...(isOver && { p95Ms: report.work.p95Ms, isFailing: false }),
      hasFailed: stats.failure?.component === report.id,
      queueFill: own(stats.queues, report.id)?.fill ?? null,
      isBottleneck: bottlenecks.has(report.id),
    }));
  }
}

function rowOf(
  report: ComponentReport,
  before: ComponentReport | undefined,
  overMs: number,
): Omit<Row, 'hasFailed' | 'queueFill' | 'isBottleneck'> {
  const grown = (total: 'in' | 'out' | 'busyMs' | 'waitingMs' | 'blockedMs'): number =>
    Math.max(0, report[total] - (before?.[total] ?? 0));
  const perSecond = (total: 'in' | 'out'): number => ratePerSecond(grown(total), overMs) ?? 0;
  const share = (total: 'busyMs' | 'waitingMs' | 'blockedMs'): number =>
    overMs > 0 ? Math.min(1, grown(total) / overMs) : 0;
  const errors = errorsOf(report);
  return {
    report,
    inPerSecond: perSecond('in'),
    outPerSecond: perSecond('out'),
    p95Ms: report.recent === null ? report.work.p95Ms : report.recent.work.p95Ms,
    errors,
    isFailing: errors > (before === undefined ? 0 : errorsOf(before)),
    busy: share('busyMs'),
    waiting: share('waitingMs'),
    blocked: share('blockedMs'),
  };
}

function errorsOf({ errors }: ComponentReport): number {
  return Object.values(errors).reduce((sum, count) => sum + count, 0);
}
