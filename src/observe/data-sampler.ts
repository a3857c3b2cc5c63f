import { type Batch, type Field, type FixedColumn, getBit, type Schema } from '../batch/index.ts';
import type { AnomalyFlag } from '../core/index.ts';
import { AnomalyRing } from './data-sampler/anomaly-ring.ts';
import { LastsByKey } from './data-sampler/lasts-by-key.ts';
import { everyMs, type Seconds, SecondsRing } from './data-sampler/seconds-ring.ts';
import { fieldOfKeys, type SeriesRoom, SinkKeys } from './data-sampler/sink-keys.ts';
import { Units } from './data-sampler/units.ts';
import { type Moment, wallTimeOf } from './moment.ts';
import type { DataField, DataList, DataSeries, SinkData } from './data-report.ts';

/** A sink, and what marks anomalies in what it is given. */
export interface SampledSink {
  readonly id: string;
  readonly schema: Schema;
  readonly flags: readonly AnomalyFlag[];
}

/** How many fields are kept, of all sinks together. */
const fieldsMax = 64;

/** How many series of single keys are kept, of all sinks together: one for each field and key. */
const keySeriesMax = 512;

/** A batch of so many rows is looked at in whole, so that none of a paced source is missed. */
const rowsMax = 64;

/** How many rows of a larger one are looked at. */
const rowsSpread = 16;

// What is looked at of one batch after the other: stored rows, whose they are, and their numbers.
const rowsOf = new Uint32Array(rowsMax);
const keysOf = new Int32Array(rowsMax);
const numbersOf = new Float64Array(rowsMax);

/**
 * Keeps what sinks are given of their number fields by the second, in memory that does not grow: 22 KB
 * for each field from its first value on and 5 KB for each key of it, and up to 500 anomalies.
 */
export class DataSampler {
  readonly #sinks: ReadonlyMap<string, KeptSink>;

  constructor(sinks: readonly SampledSink[]) {
    let left = fieldsMax;
    const room = { left: keySeriesMax };
    this.#sinks = new Map(
      sinks.map((sink) => {
        const kept = new KeptSink(sink, left, room);
        left -= kept.fields.length;
        return [sink.id, kept];
      }),
    );
  }

  /** What is kept. */
  get list(): DataList {
    return { sinks: [...this.#sinks.values()].map((sink) => sink.report) };
  }

  /** Looks at a batch that a sink is given. `nowMs`: monotonic. */
  take(sink: string, batch: Batch, nowMs: number): void {
    if (batch.length > 0) this.#sinks.get(sink)!.take(batch, nowMs);
  }

  /** One field over the last ten minutes, or one key of it; undefined where that is not kept. */
  series(sink: string, field: string, moment: Moment, key?: string): DataSeries | undefined {
    return this.#sinks.get(sink)?.series(field, moment, key);
  }
}

class KeptSink {
  readonly fields: readonly KeptField[];
  readonly #keys: SinkKeys | undefined;
  readonly #units: Units | undefined;
  readonly #about: Pick<SinkData, 'id' | 'fields' | 'fieldsLeftOut'>;

  constructor({ id, schema, flags }: SampledSink, fieldsLeft: number, room: SeriesRoom) {
    const all = schema.fields.filter(isNumber);
    const fields = all.slice(0, fieldsLeft);
    const by = fieldOfKeys(schema, flags);
    this.#units = Units.of(schema);
    this.#keys =
      by === undefined || fields.length === 0
        ? undefined
        : new SinkKeys(schema, by, fields.length, room);
    this.fields = fields.map(({ name }) => new KeptField(name, schema, flags, this.#keys));
    this.#about = {
      id,
      fields: fields.map(({ name, kind, sensitive = false }) => ({ name, kind, sensitive })),
      fieldsLeftOut: all.length - fields.length,
    };
  }

  get report(): SinkData {
    const { by = null, kept = [], leftOut = 0 } = this.#keys ?? {};
    return { ...this.#about, by, keys: kept, keysLeftOut: leftOut };
  }

  take(batch: Batch, nowMs: number): void {
    const { length, rows } = batch;
    const count = length <= rowsMax ? length : rowsSpread;
    // The last row is among them.
    for (let at = 0; at < count; at++) {
      rowsOf[at] = rows[Math.floor(((at + 1) * length) / count) - 1]!;
    }
    const keys = this.#keys;
    if (keys) for (let at = 0; at < count; at++) keysOf[at] = keys.of(batch, rowsOf[at]!);
    for (let at = 0; this.#units && at < count; at++) {
      this.#units.take(batch, rowsOf[at]!, keys === undefined ? -1 : keysOf[at]!);
    }
    for (const field of this.fields) field.take(batch, count, nowMs);
  }

  series(name: string, moment: Moment, key: string | undefined): DataSeries | undefined {
    const field = this.fields.find((one) => one.name === name);
    const number = key === undefined ? undefined : this.#keys?.find(key);
    if (field === undefined || (key !== undefined && number === undefined)) return undefined;
    const unit = this.#units?.unit(name, number);
    return { ...field.series(moment, number), ...(unit !== undefined && { unit }) };
  }
}

class KeptField {
  readonly name: string;
  readonly #index: number;
  readonly #seconds = new SecondsRing();
  readonly #lasts: LastsByKey | undefined;
  readonly #anomalies: AnomalyRing | undefined;

  constructor(
    name: string,
    schema: Schema,
    flags: readonly AnomalyFlag[],
    keys: SinkKeys | undefined,
  ) {
    this.name = name;
    this.#index = schema.indexOf(name);
    this.#lasts = keys && new LastsByKey();
    const flag = flags.find((one) => one.field === name && isFlag(schema, one.flag));
    this.#anomalies = flag && new AnomalyRing(schema, flag, keys);
  }

  take(batch: Batch, count: number, nowMs: number): void {
    const column = batch.columns[this.#index] as FixedColumn;
    readNumbers(column, count);
    this.#seconds.add(numbersOf, count, nowMs);
    this.#lasts?.add(numbersOf, keysOf, count, this.#seconds.second);
    this.#anomalies?.take(batch, column, nowMs);
  }

  /** Of one key where its number is given. */
  series(now: Moment, key?: number): DataSeries {
    const { seconds } = this.#seconds;
    const at = seconds.map((second) => wallTimeOf(now, second * everyMs));
    const [sinceMs = now.at] = at;
    const anomalies = this.#anomalies?.list(now, key) ?? [];
    return {
      everyMs,
      at,
      ...(key === undefined ? this.#seconds.series() : onlyLast(this.#lasts!.of(key, seconds))),
      anomalies: anomalies.filter((one) => one.at >= sinceMs),
    };
  }
}

/** Of one value for each second at most. */
function onlyLast(last: readonly (number | null)[]): Seconds {
  const count = last.map((value) => (value === null ? 0 : 1));
  return { min: last, max: last, mean: last, last, count };
}

/** What stands in the rows that are looked at; NaN where no number does, or one that cannot be drawn. */
function readNumbers({ values, validity }: FixedColumn, count: number): void {
  for (let at = 0; at < count; at++) {
    const row = rowsOf[at]!;
    const value = validity === null || getBit(validity, row) ? Number(values[row]) : NaN;
    numbersOf[at] = Number.isFinite(value) ? value : NaN;
  }
}

function isNumber(field: Field): field is Field & Pick<DataField, 'kind'> {
  return field.kind === 'float64' || field.kind === 'int32' || field.kind === 'int64';
}

function isFlag(schema: Schema, name: string): boolean {
  return schema.has(name) && schema.field(name).kind === 'bool';
}
