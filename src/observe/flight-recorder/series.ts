import { own } from '../../core/own.ts';
import { FigureRows } from '../figure-rows.ts';
import type { ComponentReport, RunStats } from '../snapshot.ts';
import type { ComponentSeries, FlightSeries } from './record.ts';

const runFigures = ['elapsedMs', 'recordsIn', 'recordsOut', 'rssMiB', 'loopUtilization'] as const;
const counted = [
  'in',
  'out',
  'failed',
  'dropped',
  'errors',
  'busyMs',
  'blockedMs',
  'waitingMs',
] as const;
const levels = ['queueFill', 'openBreakers'] as const;
const componentFigures = [...counted, ...levels];

/** Figures of the last so many looks, in memory that does not grow with time. */
export class SeriesRing {
  readonly #looksMax: number;
  readonly #at: Float64Array;
  readonly #run: FigureRows;
  readonly #components = new Map<string, FigureRows>();
  #looks = 0;
  #before: RunStats | undefined;

  constructor(looksMax: number) {
    this.#looksMax = looksMax;
    this.#at = new Float64Array(looksMax);
    this.#run = new FigureRows(looksMax, runFigures.length);
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
    setRow(this.#run, slot, [
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
        ring = new FigureRows(this.#looksMax, componentFigures.length);
        this.#components.set(component.id, ring);
      }
      const [now, then] = [totalsOf(component), totalsOf(earlier.get(component.id))];
      const fill = own(stats.queues, component.id)?.fill ?? 0;
      const since = now.map((total, at) => total - then[at]!);
      setRow(ring, slot, [...since, fill, openBreakers(component)]);
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
      ring.lists(componentFigures, slots, rounded),
    ]);
    return {
      at: slots.map((slot) => this.#at[slot]!),
      ...this.#run.lists(runFigures, slots, rounded),
      components: Object.fromEntries(components),
    };
  }
}

function setRow(rows: FigureRows, row: number, values: readonly number[]): void {
  values.forEach((value, column) => rows.put(row, column, value));
}

function totalsOf(component: ComponentReport | undefined): number[] {
  if (component === undefined) return counted.map(() => 0);
  const { in: rowsIn, out, failed, dropped, busyMs, blockedMs, waitingMs, errors } = component;
  const erred = Object.values(errors).reduce((sum, count) => sum + count, 0);
  return [rowsIn, out, failed, dropped, erred, busyMs, blockedMs, waitingMs];
}

function openBreakers({ policy }: ComponentReport): number {
  return policy?.breakers.byState.open ?? 0;
}

/** A component that was not there yet did nothing. */
function rounded(value: number): number {
  return Number.isNaN(value) ? 0 : Math.round(value * 1000) / 1000;
}
