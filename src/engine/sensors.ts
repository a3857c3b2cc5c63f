import type { Schema } from '../batch/index.ts';
import type { SensorReport, SensorState } from '../core/index.ts';
import { BoundedCounts } from '../observe/bounded-counts.ts';
import type { PolicyReport, SensorsReport } from '../observe/snapshot.ts';
import { CensusTaker } from './census.ts';
import { isNumber } from './given-figures.ts';
import { noBreakers } from './policies.ts';
import { brokenPromise } from './protocol.ts';

/** The least well first. */
const states: readonly SensorState[] = [
  'missing',
  'fast-fail',
  'constant',
  'interpolated',
  'stale',
  'live',
];

const breakerStates: readonly unknown[] = [undefined, 'closed', 'open', 'half-open'];

/**
 * What a source of those rows gave of its sensors, copied. Values of sensitive fields are told to
 * nobody. Throws where that is no list of reports.
 */
export function readSensors(id: string, output: Schema, given: unknown): SensorsReport | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given)) throw noReport(id, 'no list');
  const census = new CensusTaker<SensorState, SensorReport>(states);
  const substitutedBy = new BoundedCounts();
  for (const one of given as readonly unknown[]) {
    const sensor = readSensor(id, one);
    for (const [strategy, count] of Object.entries(sensor.substitutedBy)) {
      if (!(isNumber(count) && count >= 0)) throw noReport(id, `\`${strategy}\` without a count`);
      substitutedBy.add(strategy, count);
    }
    const isHidden = output.field(sensor.field).sensitive === true;
    census.add(sensor.state, () => (isHidden ? { ...sensor, value: null } : sensor));
  }
  return { ...census.taken(), substitutedBy: Object.fromEntries(substitutedBy) };
}

/** A copy without what else may be in it. */
function readSensor(place: string, given: unknown): SensorReport {
  const { id, field, state, since, reason, value, at, substitutedBy, breaker } = (given ??
    {}) as SensorReport;
  if (typeof id !== 'string') throw noReport(place, 'one without an `id`');
  const isOne =
    typeof field === 'string' &&
    isNumber(since) &&
    (reason === null || typeof reason === 'string') &&
    (value === null || isNumber(value)) &&
    (at === null || isNumber(at)) &&
    typeof substitutedBy === 'object' &&
    breakerStates.includes(breaker);
  if (!isOne) throw noReport(place, `one of \`${id}\` that is none`);
  const copy = { id, field, state, since, reason, value, at };
  const counts = { substitutedBy: { ...substitutedBy } };
  return breaker === undefined ? { ...copy, ...counts } : { ...copy, ...counts, breaker };
}

function noReport(place: string, what: string): Error {
  return brokenPromise(place, `gave of its sensors ${what}`, 'give a list of `SensorReport`');
}

const noCalls: PolicyReport = {
  calls: 0,
  attempts: 0,
  substituted: 0,
  substitutedBy: {},
  retries: 0,
  suppressed: 0,
  breakers: noBreakers,
};

/** What stood in for readings, at whichever sensor, counts as what a fallback of the source gave. */
export function withSubstitutes(
  policy: PolicyReport | undefined,
  sensors: SensorsReport | undefined,
): PolicyReport | undefined {
  if (sensors === undefined) return policy;
  const report = policy ?? noCalls;
  const counts = new BoundedCounts(Object.entries(report.substitutedBy));
  let { substituted } = report;
  for (const [strategy, count] of Object.entries(sensors.substitutedBy)) {
    counts.add(strategy, count);
    substituted += count;
  }
  return { ...report, substituted, substitutedBy: Object.fromEntries(counts) };
}
