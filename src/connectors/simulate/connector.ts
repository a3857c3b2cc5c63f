import {
  Batch,
  CategoryColumn,
  Dictionary,
  FixedColumn,
  Origin,
  takeValues,
} from '../../batch/index.ts';
import { countedPosition } from '../../core/counted-position.ts';
import {
  endOfInput,
  type Position,
  type ReadingFields,
  readingSchema,
  type SourceConnector,
  type SourceContext,
  Ticks,
} from '../../core/index.ts';
import { Fleet, type FleetOptions } from './fleet.ts';

/** The options with their defaults. */
export interface ParsedOptions extends FleetOptions {
  readonly durationMs?: number | undefined;
  readonly count?: number | undefined;
  readonly realTime: boolean;
  readonly startMs: number;
}

/** Bytes of one row in the columns of a batch. */
const rowBytes = 8 + 8 + 4 + 4;

/** Positions number the readings of all sensors, missing ones too, tick by tick. */
export class SimulateConnector implements SourceConnector {
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
