import { own } from '../../core/own.ts';
import { bottleneckOf } from '../bottleneck.ts';
import { ratePerSecond } from '../rate.ts';
import type { FlightExplanation, FlightSign } from './explanation.ts';
import type { FlightReading } from './record.ts';
import { signsOf } from './signs.ts';
import { timelineOf } from './timeline.ts';

/** A bottleneck is that of the last seconds. */
const bottleneckMs = 30_000;
/** In how many parts the time is divided for a picture. */
const partsMax = 60;
/** A rate of less time says nothing. */
const rateMsMin = 3000;

/** What a record says: what happened first, where, since when, what it cost, and what held up the rest. */
export function explainFlight(record: FlightReading): FlightExplanation {
  const { reason, why, stack, at, stats, series } = record;
  const signs = signsOf(record);
  const first = signs.find(({ isOver }) => !isOver) ?? signs[0] ?? null;
  return {
    pipeline: stats.pipeline,
    reason,
    why,
    ...(stack !== undefined && { stack }),
    at,
    status: stats.status,
    versions: stats.versions,
    coveredMs: sum(series.elapsedMs),
    first,
    signs,
    cost: costOf(record, first),
    bottleneck: heldUpBy(record),
    failing: failingOf(record),
    perSecond: pictureOf(record),
    rssMiB:
      series.rssMiB.length === 0 ? null : { first: series.rssMiB[0]!, last: series.rssMiB.at(-1)! },
    timeline: timelineOf(record),
    lastFailures: stats.lastFailures,
    slowestBatches: stats.slowestBatches,
  };
}

function costOf({ series }: FlightReading, first: FlightSign | null): FlightExplanation['cost'] {
  const { at, elapsedMs, recordsOut, components } = series;
  const since = at.map((time) => first !== null && time > first.at);
  const rateOf = (isSince: boolean): number | null => {
    const ms = sum(elapsedMs.filter((_, look) => since[look] === isSince));
    const rows = sum(recordsOut.filter((_, look) => since[look] === isSince));
    return ms < rateMsMin ? null : ratePerSecond(rows, ms);
  };
  const lost = (of: 'failed' | 'dropped'): number =>
    sum(
      Object.values(components).flatMap((figures) =>
        figures[of].filter((_, look) => first === null || since[look]),
      ),
    );
  return {
    failed: lost('failed'),
    dropped: lost('dropped'),
    perSecondBefore: rateOf(false),
    perSecondSince: first === null ? null : rateOf(true),
  };
}

/** What held up the rest in the last seconds. */
function heldUpBy({ series, stats }: FlightReading): FlightExplanation['bottleneck'] {
  const { at, elapsedMs, components } = series;
  const from = at.findIndex((time) => time > (at.at(-1) ?? 0) - bottleneckMs);
  if (from < 0) return null;
  const overMs = sum(elapsedMs.slice(from));
  const known = stats.components.flatMap(({ id }) => {
    const figures = own(components, id);
    if (figures === undefined) return [];
    const heldMs = sum(figures.busyMs.slice(from)) + sum(figures.waitingMs.slice(from));
    const heldShare = Math.min(1, heldMs / overMs);
    const queueFill = own(stats.queues, id) !== undefined ? figures.queueFill.at(-1)! : null;
    return { component: id, heldShare, queueFill };
  });
  const found = bottleneckOf(known);
  return found && { ...found, overMs };
}

function failingOf({ series, stats }: FlightReading): FlightExplanation['failing'] {
  return stats.components
    .filter(({ errors }) => Object.keys(errors).length > 0)
    .map(({ id, errors, errorRate }) => {
      const failed = sum(own(series.components, id)?.failed ?? []);
      return { component: id, failed, errorRate, errors };
    })
    .sort((a, b) => sum(Object.values(b.errors)) - sum(Object.values(a.errors)));
}

function pictureOf({ series }: FlightReading): number[] {
  const { at, elapsedMs, recordsOut } = series;
  const parts = Math.min(partsMax, at.length);
  return Array.from({ length: parts }, (_, part) => {
    const [from, to] = [part, part + 1].map((edge) => Math.floor((edge * at.length) / parts));
    const ms = sum(elapsedMs.slice(from, to));
    return ratePerSecond(sum(recordsOut.slice(from, to)), ms) ?? 0;
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
