import { isLogLevel } from '../../core/index.ts';
import { PipelineError } from '../../errors.ts';
import { runStatuses } from '../snapshot.ts';
import { type FlightReading, flightReasons } from './record.ts';

/** Reads what a flight recorder wrote. Throws `ERR_CONFIG_INVALID` where it is no such thing. */
export function parseFlight(json: string, place: string): FlightReading {
  const refused = (fact: string, cause?: unknown): PipelineError =>
    new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place,
      fact,
      remedy: 'name a file that a flight recorder wrote: `flight-….json`',
      cause,
    });
  let record: unknown;
  try {
    record = JSON.parse(json);
  } catch (cause) {
    throw refused('is no JSON', cause);
  }
  const { format, version } = Object(record) as Readonly<Record<string, unknown>>;
  if (format !== 'millrace-flight') throw refused('is no record of a flight');
  if (version !== 1) throw refused(`has version ${JSON.stringify(version)}; this reads version 1`);
  const fault = reading(record, '') ?? unevenSeries((record as FlightReading).series);
  if (fault !== undefined) throw refused(`is damaged: ${fault}`);
  return record as FlightReading;
}

/** Says what is wrong with a value at a path, and where in it; undefined where nothing is. */
type Check = (value: unknown, path: string) => string | undefined;

function leaf(what: string, is: (value: unknown) => boolean): Check {
  return (value, path) => (is(value) ? undefined : `\`${path}\` is not ${what}`);
}

/** Each field of an object; others are let be. */
function fieldsOf<T>(checks: { readonly [K in keyof Required<T>]: Check }): Check {
  const entries = Object.entries<Check>(checks);
  return (value, path) =>
    objectFault(value, path) ??
    firstFault(entries, ([name, check]) =>
      check((value as Record<string, unknown>)[name], path === '' ? name : `${path}.${name}`),
    );
}

/** Each value of an object with names of its own. */
function valuesOf(check: Check): Check {
  return (value, path) =>
    objectFault(value, path) ??
    firstFault(Object.entries(value as object), ([name, item]) =>
      check(item, `${path}[${JSON.stringify(name)}]`),
    );
}

function listOf(check: Check): Check {
  return (value, path) =>
    Array.isArray(value)
      ? firstFault([...value.entries()], ([at, item]) => check(item, `${path}[${at}]`))
      : `\`${path}\` is not a list`;
}

function optional(check: Check): Check {
  return (value, path) => (value === undefined ? undefined : check(value, path));
}

function firstFault<T>(
  items: readonly T[],
  faultOf: (item: T) => string | undefined,
): string | undefined {
  for (const item of items) {
    const fault = faultOf(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const isNumber = (value: unknown): boolean => typeof value === 'number';
const isPlain = (value: unknown): boolean =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);
/** The milliseconds that a date can have. */
const timeMax = 8.64e15;

const objectFault = leaf(
  'an object',
  (value) => Object.prototype.toString.call(value) === '[object Object]',
);
const text = leaf('a text', (value) => typeof value === 'string');
const number = leaf('a number', isNumber);
const share = leaf('a number or null', (value) => value === null || isNumber(value));
const time = leaf('a time', (value) => isNumber(value) && Math.abs(value as number) <= timeMax);
const numbers = listOf(number);

type Reading = FlightReading;
type Stats = Reading['stats'];
type Item<L> = L extends readonly (infer I)[] ? I : never;

const event = fieldsOf<Item<Reading['events']>>({
  at: time,
  name: text,
  level: leaf('a level of the log', isLogLevel),
  fields: valuesOf(leaf('plain', isPlain)),
});

const component = fieldsOf<Reading['series']['components'][string]>({
  in: numbers,
  out: numbers,
  failed: numbers,
  dropped: numbers,
  errors: numbers,
  busyMs: numbers,
  blockedMs: numbers,
  waitingMs: numbers,
  queueFill: numbers,
  openBreakers: numbers,
});

const stats = fieldsOf<Stats>({
  pipeline: text,
  status: leaf('where a run stands', (value) => runStatuses.some((status) => status === value)),
  recordsIn: number,
  recordsOut: number,
  versions: fieldsOf<Stats['versions']>({ millrace: text, node: text }),
  components: listOf(
    fieldsOf<Item<Stats['components']>>({ id: text, errors: valuesOf(number), errorRate: share }),
  ),
  queues: valuesOf(objectFault),
  lastFailures: listOf(
    fieldsOf<Item<Stats['lastFailures']>>({
      eventId: text,
      stage: text,
      reason: text,
      message: text,
      at: time,
    }),
  ),
  slowestBatches: listOf(
    fieldsOf<Item<Stats['slowestBatches']>>({
      component: text,
      ms: number,
      rows: number,
      at: time,
    }),
  ),
});

const reading = fieldsOf<Reading>({
  reason: leaf('why a record is made', (value) => flightReasons.some((reason) => reason === value)),
  why: text,
  stack: optional(text),
  at: time,
  stats,
  series: fieldsOf<Reading['series']>({
    at: listOf(time),
    elapsedMs: numbers,
    recordsIn: numbers,
    recordsOut: numbers,
    rssMiB: numbers,
    loopUtilization: numbers,
    components: valuesOf(component),
  }),
  events: listOf(event),
  failures: listOf(event),
});

/** Where a list has more or fewer figures than there were looks. */
function unevenSeries({ components, ...run }: Reading['series']): string | undefined {
  const uneven = (lists: object, path: string): string | undefined =>
    firstFault(Object.entries<unknown>({ ...lists }), ([name, list]) =>
      Array.isArray(list) && list.length !== run.at.length
        ? `\`${path}.${name}\` has ${list.length} figures of ${run.at.length} looks`
        : undefined,
    );
  return (
    uneven(run, 'series') ??
    firstFault(Object.entries(components), ([id, lists]) =>
      uneven(lists, `series.components[${JSON.stringify(id)}]`),
    )
  );
}
