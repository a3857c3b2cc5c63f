import { type Clock, systemClock } from '../core/index.ts';
import { alignColumns, escapeControls } from '../core/plain-text.ts';
import { PipelineError } from '../errors.ts';
import { BoundedCounts, boundedName } from './bounded-counts.ts';
import { Histogram } from './histogram.ts';
import { requireKnownNames } from './known-names.ts';
import { latencyOf } from './meter.ts';
import type { Latency, StatsOptions } from './snapshot.ts';

/** What is registered of a stage, a method or a function; what is left out was not measured. */
export interface StageMetrics {
  /** What came in and went out: rows of batches, items of a stream, calls. */
  readonly in?: number;
  readonly out?: number;
  /** How often it threw. */
  readonly errors?: number;
  /** How long it was at it, in milliseconds. */
  readonly busyMs?: number;
  /** Seconds: of one call, or of all that a histogram has. */
  readonly latency?: number | Histogram;
}

/** The figures of one name. Null is what was not measured, and what cannot be said of nothing. */
export interface StageMetricsReport extends Latency {
  readonly name: string;
  readonly in: number | null;
  readonly out: number | null;
  /** Out for each in. */
  readonly ratio: number | null;
  readonly errors: number;
  /** How long it was at it, in milliseconds: what overlaps counts once. */
  readonly busyMs: number | null;
  /** Out per second that it was at it. */
  readonly throughput: number | null;
}

/** What a registry has, as plain data. */
export interface MetricsReport {
  /** In the order in which they came. */
  readonly stages: readonly StageMetricsReport[];
  /** How often each event of a harness happened, by its name. */
  readonly events: Readonly<Record<string, number>>;
}

/** How a registry is made. */
export interface MetricsRegistryOptions {
  /** The system's unless given. */
  readonly clock?: Clock;
}

/** More could come to no number, added up. */
const valueMax = 2 ** 53;

const figures: readonly (keyof StageMetrics)[] = ['in', 'out', 'errors', 'busyMs', 'latency'];

/** The metrics, by name, of what the engine does not see. */
export class MetricsRegistry {
  /** What is measured for it is timed with. */
  readonly clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #events = new BoundedCounts();

  constructor({ clock = systemClock }: MetricsRegistryOptions = {}) {
    this.clock = clock;
  }

  /**
   * Adds to what the name has, or begins it. `metrics` is not kept. Throws `ERR_CONFIG_INVALID` for
   * what is no number from 0 to 2^53, and where there is no name.
   */
  register(name: string, metrics: StageMetrics): void {
    checkMetrics(name, metrics);
    this.#entryOf(name).add(metrics);
  }

  /** Counts an event that happened, by its name. */
  countEvent(name: string): void {
    this.#events.add(name);
  }

  /** The figures as they are now. */
  report(options?: StatsOptions): MetricsReport {
    const stages = [...this.#entries].map(([name, entry]) => entry.report(name, options));
    const events = Object.freeze(Object.fromEntries(this.#events));
    return Object.freeze({ stages: Object.freeze(stages), events });
  }

  #entryOf(name: string): Entry {
    const kept = boundedName(this.#entries, name);
    const entry = this.#entries.get(kept) ?? new Entry();
    this.#entries.set(kept, entry);
    return entry;
  }
}

/** The registry of the process: what is given no other goes there. */
export const metricsRegistry: MetricsRegistry = new MetricsRegistry();

function checkMetrics(name: string, metrics: StageMetrics): void {
  const refuse = (place: string, value: unknown, remedy: string): never => {
    const fact = `cannot be ${String(value)}`;
    throw new PipelineError({ code: 'ERR_CONFIG_INVALID', place, fact, remedy });
  };
  if (typeof name !== 'string' || name === '') {
    refuse('MetricsRegistry.register', name, 'give a name for the first argument');
  }
  const place = `MetricsRegistry.${name}`;
  requireKnownNames(place, metrics, figures, 'figure');
  for (const figure of figures) {
    const value = metrics[figure];
    if (value === undefined || (figure === 'latency' && value instanceof Histogram)) continue;
    if (typeof value === 'number' && value >= 0 && value <= valueMax) continue;
    refuse(`${place}.${figure}`, value, 'give a number from 0 to 2^53, or leave it out');
  }
}

class Entry {
  #in: number | null = null;
  #out: number | null = null;
  #errors = 0;
  #busyMs: number | null = null;
  #latency: Histogram | undefined;

  add(metrics: StageMetrics): void {
    if (metrics.in !== undefined) this.#in = (this.#in ?? 0) + metrics.in;
    if (metrics.out !== undefined) this.#out = (this.#out ?? 0) + metrics.out;
    if (metrics.errors !== undefined) this.#errors += metrics.errors;
    if (metrics.busyMs !== undefined) this.#busyMs = (this.#busyMs ?? 0) + metrics.busyMs;
    if (metrics.latency === undefined) return;
    this.#latency ??= new Histogram();
    if (typeof metrics.latency === 'number') this.#latency.record(metrics.latency);
    else this.#latency.merge(metrics.latency);
  }

  report(name: string, options?: StatsOptions): StageMetricsReport {
    const { count, ...times } = latencyOf(this.#latency ?? new Histogram(), options);
    return Object.freeze({
      name,
      in: this.#in,
      out: this.#out,
      ratio: quotient(this.#out, this.#in),
      errors: this.#errors,
      busyMs: this.#busyMs,
      throughput: quotient(this.#out, this.#busyMs === null ? null : this.#busyMs / 1000),
      count,
      ...times,
    });
  }
}

/** Null where one of them was not measured, or nothing is divided by. */
function quotient(of: number | null, by: number | null): number | null {
  return of === null || by === null || by === 0 ? null : of / by;
}

/** What a column is called, and its text for a stage. */
type Column = readonly [title: string, text: (stage: StageMetricsReport) => string];

const columns: readonly Column[] = [
  ['stage', ({ name }) => escapeControls(name)],
  ['in', (stage) => whole(stage.in)],
  ['out', (stage) => whole(stage.out)],
  ['ratio', ({ ratio }) => ratio?.toFixed(3) ?? '-'],
  ['errors', ({ errors }) => whole(errors)],
  ['out/s', ({ throughput }) => whole(throughput)],
  ['mean', ({ meanMs }) => duration(meanMs)],
  ['p50', ({ p50Ms }) => duration(p50Ms)],
  ['p95', ({ p95Ms }) => duration(p95Ms)],
  ['p99', ({ p99Ms }) => duration(p99Ms)],
];

/** The report as a table for people, a line for each stage; `-` where there is no figure. */
export function metricsTable({ stages }: MetricsReport): string {
  const rows = [columns.map(([title]) => title)];
  for (const stage of stages) rows.push(columns.map(([, text]) => text(stage)));
  const figures = new Set(columns.keys().drop(1));
  return `${alignColumns(rows, figures).join('\n')}\n`;
}

function whole(value: number | null): string {
  return value === null ? '-' : value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** In the unit that it is best read in. */
function duration(ms: number | null): string {
  if (ms === null) return '-';
  if (ms === 0) return '0 s';
  if (ms < 0.001) return `${(ms * 1e6).toFixed(0)} ns`;
  if (ms < 1) return `${(ms * 1000).toFixed(1)} µs`;
  return ms < 1000 ? `${ms.toFixed(2)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
