import type { ZodType } from 'zod';

import {
  Batch,
  CategoryColumn,
  Dictionary,
  FixedColumn,
  Origin,
  takeValues,
} from '../batch/index.ts';
import {
  countedPosition,
  defineSource,
  endOfInput,
  type Position,
  type ReadingFields,
  readingSchema,
  type SourceComponent,
  type SourceConnector,
  type SourceContext,
  type SourceDefinition,
  Ticks,
  type Zod,
} from '../core/index.ts';
import { type Episode, Fleet, type FleetOptions } from './simulate/fleet.ts';
import { type SensorKindName, sensorKinds } from './simulate/sensor-kinds.ts';

type Written<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** See the descriptions of the options: `millrace describe simulate`. */
export interface SimulateOptions extends Written<
  Omit<FleetOptions, 'spikes' | 'dropouts' | 'stuck' | 'bursts'>
> {
  readonly durationMs?: number | undefined;
  readonly count?: number | undefined;
  readonly realTime?: boolean | undefined;
  readonly startMs?: number | undefined;
  readonly spikes?: Written<FleetOptions['spikes']> | undefined;
  readonly dropouts?: Written<Episode> | undefined;
  readonly stuck?: Written<Episode> | undefined;
  readonly bursts?: Written<FleetOptions['bursts']> | undefined;
}

interface ParsedOptions extends FleetOptions {
  readonly durationMs?: number | undefined;
  readonly count?: number | undefined;
  readonly realTime: boolean;
  readonly startMs: number;
}

/** Readings of a fleet of sensors that does not exist. The same seed gives the same values. */
export const simulateSource: SourceDefinition &
  ((options?: SimulateOptions) => SourceComponent<ReadingFields>) = defineSource<
  (options?: SimulateOptions) => SourceComponent<ReadingFields>,
  ParsedOptions
>({
  name: 'simulate',
  summary:
    'Give the readings of a simulated fleet of sensors, with the faults that real ones have.',
  options: fleetOptions,
  example: { sensors: 5, everyMs: 100, count: 50 },
  whenPaused: 'skip',
  output: () => readingSchema,
  create: (options, context) => new SimulateConnector(options, context),
});

const kindNames = Object.keys(sensorKinds) as [SensorKindName, ...SensorKindName[]];

function fleetOptions(z: Zod): ZodType<ParsedOptions> {
  const rate = (share: number, what: string) =>
    z
      .number()
      .min(0)
      .max(0.25)
      .default(share)
      .describe(`The chance that ${what} begins with a given reading.`);
  const durationMs = (lasting: number) =>
    z.number().positive().default(lasting).describe('How long it lasts, in milliseconds.');
  const factor = (what: string) =>
    z.number().nonnegative().default(1).describe(`${what}; 0 for none.`);
  return z.strictObject({
    sensors: z
      .int()
      .min(1)
      .max(100_000)
      .default(10)
      .describe('How many sensors; kinds take turns.'),
    everyMs: z
      .number()
      .positive()
      .default(100)
      .describe('Milliseconds from one reading of a sensor to the next.'),
    durationMs: z.number().positive().optional().describe('End after so much time of the fleet.'),
    count: z
      .int()
      .nonnegative()
      .optional()
      .describe('End after so many readings, those that go missing too.'),
    seed: z
      .union([z.number(), z.string()])
      .default(1)
      .describe('The same seed gives the same values.'),
    realTime: z
      .boolean()
      .default(true)
      .describe(
        'Whether readings come as time passes; otherwise as fast as they are taken, from `startMs` on.',
      ),
    startMs: z
      .number()
      .default(Date.UTC(2026, 0, 1))
      .describe('The time of the first reading where `realTime` is false.'),
    kinds: z
      .array(z.enum(kindNames))
      .min(1)
      .default(kindNames)
      .describe('What the sensors measure.'),
    daily: factor(
      'Height of the daily curve, a sine that is highest at about 16:00 UTC, as a multiple of usual',
    ),
    noise: factor(
      'Noise, normally distributed about the true value, as a multiple of usual for the kind',
    ),
    drift: factor(
      'How fast calibration wanders, in a straight line until it is set right every 30 days',
    ),
    spikes: z
      .strictObject({
        rate: rate(0.0005, 'a spike'),
        size: z
          .number()
          .nonnegative()
          .default(25)
          .describe('Its height above or below, in deviations of the noise.'),
      })
      .prefault({})
      .describe('Spikes: single readings far from the true value.'),
    dropouts: z
      .strictObject({ rate: rate(0.0002, 'a dropout'), durationMs: durationMs(3000) })
      .prefault({})
      .describe('Dropouts: for a while, readings are missing.'),
    stuck: z
      .strictObject({ rate: rate(0.0001, 'sticking'), durationMs: durationMs(10_000) })
      .prefault({})
      .describe('Stuck values: for a while, the sensor shows the same value again and again.'),
    bursts: z
      .strictObject({
        rate: rate(0.0002, 'a burst'),
        durationMs: durationMs(2000),
        factor: z.number().nonnegative().default(8).describe('How many times the usual noise.'),
      })
      .prefault({})
      .describe('Bursts: for a while, the noise is many times stronger.'),
  });
}

/** Bytes of one row in the columns of a batch. */
const rowBytes = 8 + 8 + 4 + 4;

/** Positions number the readings of all sensors, missing ones too, tick by tick. */
class SimulateConnector implements SourceConnector {
  readonly #options: ParsedOptions;
  readonly #context: SourceContext;
  readonly #fleet: Fleet;
  readonly #end: number;
  readonly #rowsMax: number;
  readonly #ids = new Dictionary();
  readonly #units = new Dictionary();
  readonly #unitOf: Int32Array;
  #ticks: Ticks | undefined;
  #next = 0;
  #timeMs = 0;

  constructor(options: ParsedOptions, context: SourceContext) {
    const { sensors, everyMs, durationMs = Infinity, count = Infinity } = options;
    const { rowsMax, bytesMax } = context.batchLimits;
    this.#options = options;
    this.#context = context;
    this.#fleet = new Fleet(options);
    this.#end = Math.min(count, Math.ceil(durationMs / everyMs) * sensors);
    this.#rowsMax = Math.max(1, Math.min(rowsMax, Math.floor(bytesMax / rowBytes)));
    for (const id of this.#fleet.ids) this.#ids.code(id);
    this.#unitOf = Int32Array.from(this.#fleet.units, (unit) => this.#units.code(unit));
  }

  open(from: Position | undefined): Promise<void> {
    const { sensors, everyMs, realTime } = this.#options;
    this.#next = countedPosition(from, this.#context.id, 'readings');
    const partOfTick = this.#next % sensors;
    if (realTime) {
      // A tick of which a part was read is over by now.
      if (partOfTick > 0) this.#next += sensors - partOfTick;
      this.#ticks = new Ticks(this.#context.clock, everyMs, { first: this.#next / sensors });
    } else if (partOfTick > 0) {
      this.#turnTo((this.#next - partOfTick) / sensors);
      for (let sensor = 0; sensor < partOfTick; sensor++) this.#fleet.read(sensor);
    }
    return Promise.resolve();
  }

  async read(signal: AbortSignal): Promise<Batch | typeof endOfInput> {
    const { clock, batchLimits } = this.#context;
    const rows = new Rows(this.#rowsMax);
    let closesAt = Infinity;
    while (this.#next < this.#end && rows.length < this.#rowsMax) {
      if (this.#next % this.#options.sensors === 0) {
        if (clock.monotonic() + (this.#ticks?.waitMs ?? 0) > closesAt) break;
        try {
          await this.#nextTick(signal);
        } catch (error) {
          // A stop while rows wait for their batch to fill: they go out as they are.
          if (!signal.aborted || rows.length === 0) throw error;
          break;
        }
      }
      this.#fill(rows);
      if (rows.length > 0 && closesAt === Infinity)
        closesAt = clock.monotonic() + batchLimits.waitMsMax;
    }
    return rows.length === 0 ? endOfInput : this.#batchOf(rows);
  }

  position(): Position {
    return this.#next;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #nextTick(signal: AbortSignal): Promise<void> {
    const { sensors } = this.#options;
    const { report } = this.#context;
    if (this.#ticks !== undefined) {
      const { tick, skipped } = await this.#ticks.take(signal);
      report.counted('ticks.skipped', skipped);
      this.#next = tick * sensors;
    }
    this.#turnTo(this.#next / sensors);
  }

  #turnTo(tick: number): void {
    const { realTime, startMs, everyMs } = this.#options;
    this.#timeMs = realTime ? this.#context.clock.now() : startMs + tick * everyMs;
    this.#fleet.seek(tick, this.#timeMs);
  }

  /** Reads the sensors that are left of this tick, as far as the batch and the count allow. */
  #fill(rows: Rows): void {
    const { sensors } = this.#options;
    const fleet = this.#fleet;
    const unitOf = this.#unitOf;
    const first = this.#next % sensors;
    let { length } = rows;
    let sensor = first;
    for (
      let left = this.#end - this.#next;
      sensor < sensors && left > 0 && length < this.#rowsMax;
      left--
    ) {
      const value = fleet.read(sensor);
      if (!Number.isNaN(value)) {
        rows.ids[length] = sensor;
        rows.timestamps[length] = this.#timeMs;
        rows.values[length] = value;
        rows.units[length] = unitOf[sensor]!;
        rows.positions[length] = this.#next - first + sensor;
        length++;
      }
      sensor++;
    }
    this.#next += sensor - first;
    this.#context.report.counted('readings.missing', sensor - first - (length - rows.length));
    rows.length = length;
  }

  #batchOf(rows: Rows): Batch<ReadingFields> {
    const { length } = rows;
    const columns = [
      new CategoryColumn(rows.ids, this.#ids),
      new FixedColumn('timestamp', rows.timestamps),
      new FixedColumn('float64', rows.values),
      new CategoryColumn(rows.units, this.#units),
    ];
    const first = rows.positions[0]!;
    const consecutive = rows.positions[length - 1]! - first === length - 1;
    const positions = consecutive ? first : rows.positions.slice(0, length);
    return new Batch(readingSchema, columns, length, new Origin(this.#context.id, '', positions));
  }
}

/** The columns of a batch while it fills. */
class Rows {
  readonly ids: Int32Array;
  readonly timestamps: Float64Array;
  readonly values: Float64Array;
  readonly units: Int32Array;
  readonly positions: Float64Array;
  length = 0;

  constructor(capacity: number) {
    this.ids = takeValues(Int32Array, capacity);
    this.timestamps = takeValues(Float64Array, capacity);
    this.values = takeValues(Float64Array, capacity);
    this.units = takeValues(Int32Array, capacity);
    this.positions = new Float64Array(capacity);
  }
}
