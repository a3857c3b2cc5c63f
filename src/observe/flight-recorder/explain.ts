import { PipelineError } from '../../errors.ts';
import { bottleneckOf } from '../bottleneck.ts';
import type { FlightExplanation, FlightSign } from './explanation.ts';
import type { FlightRecord } from './record.ts';
import { signsOf } from './signs.ts';
import { timelineOf } from './timeline.ts';

/** A bottleneck is that of the last seconds. */
const bottleneckMs = 30_000;
/** In how many parts the time is divided for a picture. */
const partsMax = 60;
/** A rate of less time says nothing. */
const rateMsMin = 3000;

/** Reads what a flight recorder wrote. Throws `ERR_CONFIG_INVALID` where it is no such thing. */
export function parseFlight(text: string, place: string): FlightRecord {
  const refused = (fact: string, cause?: unknown): PipelineError =>
    new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place,
      fact,
      remedy: 'name a file that a flight recorder wrote: `flight-….json`',
      cause,
    });
  let record: Partial<FlightRecord> | null;
  try {
    record = JSON.parse(text) as Partial<FlightRecord> | null;
  } catch (cause) {
    throw refused('is no JSON', cause);
  }
  if (record?.format !== 'millrace-flight') throw refused('is no record of a flight');
  if (record.version !== 1) throw refused(`has version ${record.version}; this reads version 1`);
  try {
    // Whatever it lacks is met on the way.
    explainFlight(record as FlightRecord);
  } catch (cause) {
    throw refused('is damaged', cause);
  }
  return record as FlightRecord;
}

/** What a record says: what happened first, where, since when, what it cost, and what held up the rest. */
export function explainFlight(record: FlightRecord): FlightExplanation {
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

function costOf({ series }: FlightRecord, first: FlightSign | null): FlightExplanation['cost'] {
  const { at, elapsedMs, recordsOut, components } = series;
  const since = at.map((time) => first !== null && time > first.at);
  const rateOf = (isSince: boolean): number | null => {
    const ms = sum(elapsedMs.filter((_, look) => since[look] === isSince));
    const rows = sum(recordsOut.filter((_, look) => since[look] === isSince));
    return ms < rateMsMin ? null : (rows * 1000) / ms;
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
function heldUpBy({ series, stats }: FlightRecord): FlightExplanation['bottleneck'] {
  const { at, elapsedMs, components } = series;
  const from = at.findIndex((time) => time > (at.at(-1) ?? 0) - bottleneckMs);
  if (from < 0) return null;
  const overMs = sum(elapsedMs.slice(from));
  const known = stats.components.flatMap(({ id }) => {
    const figures = components[id];
    if (figures === undefined) return [];
    const busyShare = Math.min(1, sum(figures.busyMs.slice(from)) / overMs);
    const queueFill = id in stats.queues ? figures.queueFill.at(-1)! : null;
    return { component: id, busyShare, queueFill };
  });
  const found = bottleneckOf(known);
  return found && { ...found, overMs };
}

function failingOf({ series, stats }: FlightRecord): FlightExplanation['failing'] {
  return stats.components
    .filter(({ errors }) => Object.keys(errors).length > 0)
    .map(({ id, errors, errorRate }) => {
      const failed = sum(series.components[id]?.failed ?? []);
      return { component: id, failed, errorRate, errors };
    })
    .sort((a, b) => sum(Object.values(b.errors)) - sum(Object.values(a.errors)));
}

function pictureOf({ series }: FlightRecord): number[] {
  const { at, elapsedMs, recordsOut } = series;
  const parts = Math.min(partsMax, at.length);
  return Array.from({ length: parts }, (_, part) => {
    const [from, to] = [part, part + 1].map((edge) => Math.floor((edge * at.length) / parts));
    const ms = sum(elapsedMs.slice(from, to));
    return ms === 0 ? 0 : (sum(recordsOut.slice(from, to)) * 1000) / ms;
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
