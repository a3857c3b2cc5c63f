import type { Batch } from '../batch/index.ts';

/** The most readings of a sensor that are kept. */
export const historyMax = 24;
const sensorsMax = 1000;
const flaggedMax = 10_000;

/** What one sink took of a sensor. */
interface Trail {
  readonly history: number[];
  readings: number;
  unit: string;
}

/** A sensor as it is shown: what the sinks took of it, and its anomalies. */
export interface Sensor {
  /** The id of the source. */
  readonly source: string;
  readonly key: string;
  readonly trails: Map<string, Trail>;
  /** Of the sink whose readings are shown. */
  shown: Trail;
  anomalies: number;
  lastAnomaly: string;
}

/**
 * The newest readings of each sensor, from the batches that sinks take: the first category field
 * names it, the first float64 field is its value. A row that several sinks take is one reading.
 */
export class Readings {
  readonly #sensors = new Map<string, Sensor>();
  /** Ids of the newest rows with a flag: another sink may bring them again. */
  readonly #flagged = new Set<string>();
  #anomalies = 0;

  /** How many different rows had a flag. */
  get anomalies(): number {
    return this.#anomalies;
  }

  /** Those that have had a reading. */
  get sensors(): Sensor[] {
    return [...this.#sensors.values()].filter(({ shown }) => shown.readings > 0);
  }

  watch(sink: string, batch: Batch): void {
    const { fields } = batch.schema;
    const key = fields.find(({ kind }) => kind === 'category')?.name;
    const value = fields.find(({ kind }) => kind === 'float64')?.name;
    if (key === undefined || value === undefined) return;
    const keys = batch.column(key);
    const values = batch.column(value);
    const units = batch.schema.has('unit') ? batch.column('unit') : undefined;
    const flags = batch.schema.has('anomaly') ? batch.column('anomaly') : undefined;
    const reasons = batch.schema.has('anomalyReason') ? batch.column('anomalyReason') : undefined;
    for (let at = 0; at < batch.length; at++) {
      const row = batch.rows[at]!;
      const sensor = this.#sensorOf(batch.origin.source, String(keys.value(row)));
      if (flags?.value(row) === true && this.#isNew(batch.origin.recordId(row))) {
        this.#anomalies++;
        if (sensor !== undefined) {
          sensor.anomalies++;
          sensor.lastAnomaly = String(reasons?.value(row) ?? 'anomaly');
        }
      }
      const number = values.value(row);
      if (sensor === undefined || typeof number !== 'number') continue;
      take(sensor, sink, number, String(units?.value(row) ?? ''));
    }
  }

  #sensorOf(source: string, key: string): Sensor | undefined {
    const id = JSON.stringify([source, key]);
    let sensor = this.#sensors.get(id);
    if (sensor === undefined && this.#sensors.size < sensorsMax) {
      sensor = {
        source,
        key,
        trails: new Map(),
        shown: newTrail(),
        anomalies: 0,
        lastAnomaly: '',
      };
      this.#sensors.set(id, sensor);
    }
    return sensor;
  }

  #isNew(id: string): boolean {
    if (this.#flagged.has(id)) return false;
    this.#flagged.add(id);
    if (this.#flagged.size > flaggedMax) {
      const [oldest] = this.#flagged;
      this.#flagged.delete(oldest!);
    }
    return true;
  }
}

function newTrail(): Trail {
  return { history: [], readings: 0, unit: '' };
}

function take(sensor: Sensor, sink: string, value: number, unit: string): void {
  let trail = sensor.trails.get(sink);
  if (trail === undefined) {
    trail = newTrail();
    sensor.trails.set(sink, trail);
  }
  trail.readings++;
  trail.unit = unit;
  trail.history.push(value);
  if (trail.history.length > historyMax) trail.history.shift();
  // A sink may take a few rows only, or other values; twice as many, or the picture would jump.
  if (trail.readings > 2 * sensor.shown.readings) sensor.shown = trail;
}
