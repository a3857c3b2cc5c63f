import { isOpen } from '../health.ts';
import type { ComponentReport, RunStats } from '../snapshot.ts';
import type { ComponentSeries, FlightSeries } from './record.ts';

const runFigures = ['elapsedMs', 'recordsIn', 'recordsOut', 'rssMiB', 'loopUtilization'] as const;
const counted = ['in', 'out', 'failed', 'dropped', 'errors', 'busyMs', 'blockedMs'] as const;
const levels = ['queueFill', 'openBreakers'] as const;
const componentFigures = [...counted, ...levels];

/** Figures of the last so many looks, in memory that does not grow with time. */
export class SeriesRing {
  readonly #looksMax: number;
  readonly #at: Float64Array;
  readonly #run: Ring;
  readonly #components = new Map<string, Ring>();
  #looks = 0;
  #before: RunStats | undefined;

  constructor(looksMax: number) {
    this.#looksMax = looksMax;
    this.#at = new Float64Array(looksMax);
    this.#run = new Ring(looksMax, runFigures.length);
  }

  /** Bytes that it holds. */
  get bytes(): number {
    let bytes = this.#at.byteLength + this.#run.bytes;
    for (const ring of this.#components.values()) bytes += ring.bytes;
    return bytes;
  }

  add(stats: RunStats): void {
    const slot = this.#looks++ % this.#looksMax;
    const before = this.#before;
    this.#before = stats;
    const { recordsIn, recordsOut, process } = stats;
    this.#at[slot] = stats.at;
    this.#run.set(slot, [
      before === undefined ? stats.durationMs : stats.monotonicMs - before.monotonicMs,
      recordsIn - (before?.recordsIn ?? 0),
      recordsOut - (before?.recordsOut ?? 0),
      process.rssBytes / 2 ** 20,
      process.loopUtilization,
    ]);
    const earlier = new Map(before?.components.map((component) => [component.id, component]));
    for (const component of stats.components) {
      let ring = this.#components.get(component.id);
      if (ring === undefined) {
        ring = new Ring(this.#looksMax, componentFigures.length);
        this.#components.set(component.id, ring);
      }
      const [now, then] = [totalsOf(component), totalsOf(earlier.get(component.id))];
      const fill = stats.queues[component.id]?.fill ?? 0;
      const since = now.map((total, at) => total - then[at]!);
      ring.set(slot, [...since, fill, openBreakers(component)]);
    }
  }

  /** As plain data, the oldest first. `scrub`: of ids, as in the figures beside it. */
  list(scrub: (text: string) => string): FlightSeries {
    const kept = Math.min(this.#looks, this.#looksMax);
    const slots = Array.from(
      { length: kept },
      (_, at) => (this.#looks - kept + at) % this.#looksMax,
    );
    const components = [...this.#components].map(([id, ring]): [string, ComponentSeries] => [
      scrub(id),
      ring.lists(componentFigures, slots),
    ]);
    return {
      at: slots.map((slot) => this.#at[slot]!),
      ...this.#run.lists(runFigures, slots),
      components: Object.fromEntries(components),
    };
  }
}

/** Rows of numbers, which take the place of older ones. */
class Ring {
  readonly #width: number;
  readonly #values: Float32Array;

  constructor(rows: number, width: number) {
    this.#width = width;
    this.#values = new Float32Array(rows * width);
  }

  get bytes(): number {
    return this.#values.byteLength;
  }

  set(row: number, values: readonly number[]): void {
    this.#values.set(values, row * this.#width);
  }

  lists<N extends string>(names: readonly N[], rows: readonly number[]): Record<N, number[]> {
    const list = (at: number): number[] =>
      rows.map((row) => rounded(this.#values[row * this.#width + at]!));
    return Object.fromEntries(names.map((name, at) => [name, list(at)])) as Record<N, number[]>;
  }
}

function totalsOf(component: ComponentReport | undefined): number[] {
  if (component === undefined) return counted.map(() => 0);
  const { in: rowsIn, out, failed, dropped, busyMs, blockedMs, errors } = component;
  const erred = Object.values(errors).reduce((sum, count) => sum + count, 0);
  return [rowsIn, out, failed, dropped, erred, busyMs, blockedMs];
}

function openBreakers({ policy }: ComponentReport): number {
  return policy?.breakers.filter(isOpen).length ?? 0;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
