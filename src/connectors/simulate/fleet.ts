import { normalDeviate, type Random, seededRandom } from '../../core/index.ts';
import { type SensorKind, type SensorKindName, sensorKinds } from './sensor-kinds.ts';

/** Something that befalls a sensor: `rate` is the chance that it begins with a given reading. */
export interface Episode {
  readonly rate: number;
  readonly durationMs: number;
}

export interface FleetOptions {
  readonly sensors: number;
  readonly everyMs: number;
  readonly seed: number | string;
  readonly kinds: readonly SensorKindName[];
  readonly daily: number;
  readonly noise: number;
  readonly drift: number;
  readonly spikes: { readonly rate: number; readonly size: number };
  readonly dropouts: Episode;
  readonly stuck: Episode;
  readonly bursts: Episode & { readonly factor: number };
}

const dayMs = 86_400_000;
const calibratedEveryMs = 30 * dayMs;

/** Sensors draw from a generator of their own for each block, so any tick can be reached quickly. */
const blockTicks = 1024;

const [calm, dropped, stuck, bursting] = [0, 1, 2, 3];

/**
 * Sensors whose readings are a function of the seed, the sensor, the tick and the time alone. No
 * reading depends on what happened before its block of 1,024 ticks; an episode ends with its block.
 */
export class Fleet {
  readonly ids: readonly string[];
  readonly units: readonly string[];
  readonly #options: FleetOptions;
  readonly #kinds: readonly SensorKind[];
  readonly #seeds: readonly Random[];
  #draws: Random[] = [];
  readonly #base: Float64Array;
  readonly #noise: Float64Array;
  readonly #driftPerMs: Float64Array;
  // The daily curve of a sensor, amplitude · sin(time of day + its phase), as two factors.
  readonly #dailySin: Float64Array;
  readonly #dailyCos: Float64Array;
  readonly #mode: Uint8Array;
  readonly #until: Float64Array;
  readonly #held: Float64Array;
  // The limits of the draw that decides what begins: spike, dropout, stuck, burst, in this order.
  readonly #limits: readonly [number, number, number, number];
  #tick = -1;
  #sin = 0;
  #cos = 0;
  #sinceCalibrationMs = 0;

  constructor(options: FleetOptions) {
    const { sensors, seed, kinds, spikes, dropouts, bursts } = options;
    this.#options = options;
    const names = Array.from({ length: sensors }, (_, at) => kinds[at % kinds.length]!);
    this.#kinds = names.map((name) => sensorKinds[name]);
    this.ids = names.map((name, at) => `${name}-${Math.floor(at / kinds.length) + 1}`);
    this.units = this.#kinds.map(({ unit }) => unit);
    const root = seededRandom(seed);
    this.#seeds = this.ids.map((id) => root.fork(id));
    const [afterSpikes, afterDropouts] = [spikes.rate, spikes.rate + dropouts.rate];
    const afterStuck = afterDropouts + options.stuck.rate;
    this.#limits = [afterSpikes, afterDropouts, afterStuck, afterStuck + bursts.rate];
    this.#mode = new Uint8Array(sensors);
    [this.#base, this.#noise, this.#driftPerMs] = [
      floats(sensors),
      floats(sensors),
      floats(sensors),
    ];
    [this.#dailySin, this.#dailyCos] = [floats(sensors), floats(sensors)];
    [this.#until, this.#held] = [floats(sensors), floats(sensors)];
    for (let sensor = 0; sensor < sensors; sensor++) this.#describe(sensor);
  }

  /** Goes to a tick, from anywhere; its sensors are then read in order, from 0. */
  seek(tick: number, timeMs: number): void {
    const { everyMs, sensors } = this.#options;
    const blockStart = tick - (tick % blockTicks);
    if (this.#tick < blockStart || this.#tick >= tick) this.#beginBlock(blockStart);
    // What came before in the block decides what is going on now.
    while (this.#tick < tick - 1) {
      this.#turnTo(this.#tick + 1, timeMs - (tick - this.#tick - 1) * everyMs);
      for (let sensor = 0; sensor < sensors; sensor++) this.read(sensor);
    }
    this.#turnTo(tick, timeMs);
  }

  /** The reading of a sensor at this tick; NaN where it is missing. */
  read(sensor: number): number {
    const draws = this.#draws[sensor]!;
    const tick = this.#tick;
    let spike = 0;
    if (this.#mode[sensor] !== calm && tick >= this.#until[sensor]!) this.#mode[sensor] = calm;
    if (this.#mode[sensor] === calm) {
      const draw = draws.next();
      if (draw < this.#limits[3]) spike = this.#begin(sensor, draw, draws);
    }
    const mode = this.#mode[sensor];
    if (mode === dropped) return NaN;
    if (mode === stuck) return this.#held[sensor]!;
    const factor = mode === bursting ? this.#options.bursts.factor : 1;
    const noise = normalDeviate(draws) * factor + spike;
    return this.#shown(sensor, this.#true(sensor) + noise * this.#noise[sensor]!);
  }

  /** Begins what the draw decided; returns the height of a spike, in noises. */
  #begin(sensor: number, draw: number, draws: Random): number {
    const { spikes, dropouts, stuck: sticking, bursts } = this.#options;
    if (draw < this.#limits[0]) return (draws.next() < 0.5 ? -1 : 1) * spikes.size;
    if (draw < this.#limits[1]) this.#enter(sensor, dropped, dropouts);
    else if (draw < this.#limits[2]) {
      this.#enter(sensor, stuck, sticking);
      this.#held[sensor] = this.#shown(sensor, this.#true(sensor));
    } else this.#enter(sensor, bursting, bursts);
    return 0;
  }

  #enter(sensor: number, mode: number, { durationMs }: Episode): void {
    this.#mode[sensor] = mode;
    this.#until[sensor] = this.#tick + Math.max(1, Math.round(durationMs / this.#options.everyMs));
  }

  /** The value without noise. */
  #true(sensor: number): number {
    const daily = this.#sin * this.#dailySin[sensor]! + this.#cos * this.#dailyCos[sensor]!;
    return this.#base[sensor]! + daily + this.#sinceCalibrationMs * this.#driftPerMs[sensor]!;
  }

  #shown(sensor: number, value: number): number {
    const { min, max, resolution } = this.#kinds[sensor]!;
    return Math.round(Math.min(max, Math.max(min, value)) * resolution) / resolution + 0;
  }

  #turnTo(tick: number, timeMs: number): void {
    const angle = (2 * Math.PI * (timeMs % dayMs)) / dayMs;
    this.#sin = Math.sin(angle);
    this.#cos = Math.cos(angle);
    this.#sinceCalibrationMs = timeMs % calibratedEveryMs;
    this.#tick = tick;
  }

  #beginBlock(start: number): void {
    const name = `block ${start / blockTicks}`;
    this.#draws = this.#seeds.map((seed) => seed.fork(name));
    this.#mode.fill(calm!);
    this.#tick = start - 1;
  }

  #describe(sensor: number): void {
    const { daily, noise, drift } = this.#options;
    const kind = this.#kinds[sensor]!;
    const draws = this.#seeds[sensor]!.fork('traits');
    this.#base[sensor] = kind.base + kind.spread * (2 * draws.next() - 1);
    // Coldest at about four in the morning UTC, hottest at about four in the afternoon.
    const phase = -(5 / 6) * Math.PI - 0.3 + 0.6 * draws.next();
    const amplitude = kind.daily * daily * (0.7 + 0.6 * draws.next());
    this.#dailySin[sensor] = amplitude * Math.cos(phase);
    this.#dailyCos[sensor] = amplitude * Math.sin(phase);
    this.#noise[sensor] = kind.noise * noise * (0.7 + 0.6 * draws.next());
    this.#driftPerMs[sensor] = (kind.driftPerDay * drift * (2 * draws.next() - 1)) / dayMs;
  }
}

function floats(length: number): Float64Array {
  return new Float64Array(length);
}
