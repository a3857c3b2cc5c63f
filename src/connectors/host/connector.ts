import { type Batch, BatchBuilder } from '../../batch/index.ts';
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
import { diskGauge, networkGauge, temperatureGauge } from './devices.ts';
import type { Gauge, Machine } from './gauge.ts';
import { cpuGauge, loadGauge, loopGauge, memoryGauge } from './processor.ts';

/** What of a machine can be read. */
export type HostMetric = 'cpu' | 'load' | 'memory' | 'disk' | 'network' | 'temperature' | 'loop';

type MakeGauge = (machine: Machine) => Gauge | undefined | Promise<Gauge | undefined>;

const gauges: Readonly<Record<HostMetric, MakeGauge>> = {
  cpu: cpuGauge,
  load: loadGauge,
  memory: memoryGauge,
  disk: diskGauge,
  network: networkGauge,
  temperature: temperatureGauge,
  loop: loopGauge,
};

/** The options with their defaults. */
export interface ParsedOptions {
  readonly everyMs: number;
  readonly count?: number | undefined;
  readonly metrics: readonly HostMetric[];
}

interface Reading {
  readonly sensorId: string;
  readonly timestamp: number;
  readonly value: number;
  readonly unit: string;
}

/** Positions number the readings, over all runs. */
export class HostConnector implements SourceConnector {
  readonly #options: ParsedOptions;
  readonly #context: SourceContext;
  #gauges: Gauge[] = [];
  #ticks: Ticks | undefined;
  #timesRead = 0;
  #builder: BatchBuilder<ReadingFields>;
  #position = 0;
  /** Readings that did not fit into the last batch. */
  #waiting: Reading[] = [];

  constructor(options: ParsedOptions, context: SourceContext) {
    this.#options = options;
    this.#context = context;
    this.#builder = new BatchBuilder(readingSchema, { source: context.id });
  }

  async open(from: Position | undefined): Promise<void> {
    const { id, clock } = this.#context;
    const { metrics, everyMs } = this.#options;
    this.#position = countedPosition(from, id, 'readings');
    this.#builder = new BatchBuilder(readingSchema, { source: id, position: this.#position });
    for (const metric of metrics) {
      const gauge = await gauges[metric](this.#context);
      if (gauge === undefined) this.#context.log.info('metric.missing', { metric });
      else this.#gauges.push(gauge);
    }
    // Rates and shares need a time to be over.
    this.#ticks = new Ticks(clock, everyMs, { delayMs: everyMs });
  }

  async read(signal: AbortSignal): Promise<Batch | typeof endOfInput> {
    const { clock, batchLimits, report } = this.#context;
    const builder = this.#builder;
    const ticks = this.#ticks!;
    let closesAt = Infinity;
    while (!this.#takeWaiting() && this.#timesRead < (this.#options.count ?? Infinity)) {
      if (clock.monotonic() + ticks.waitMs > closesAt) break;
      try {
        const { skipped } = await ticks.take(signal);
        report.counted('ticks.skipped', skipped);
        await this.#readGauges();
      } catch (error) {
        // A stop while rows wait for their batch to fill: they go out as they are.
        if (!signal.aborted || builder.length === 0) throw error;
        break;
      }
      closesAt = Math.min(closesAt, clock.monotonic() + batchLimits.waitMsMax);
    }
    this.#position += builder.length;
    return builder.length === 0 ? endOfInput : builder.finish();
  }

  position(): Position {
    return this.#position;
  }

  close(): Promise<void> {
    for (const gauge of this.#gauges.splice(0)) gauge.close?.();
    return Promise.resolve();
  }

  async #readGauges(): Promise<void> {
    this.#timesRead++;
    const timestamp = this.#context.clock.now();
    const byGauge = await Promise.all(
      this.#gauges.map(async (gauge) => {
        const readings: Reading[] = [];
        try {
          await gauge.read((sensorId, value, unit) => {
            // A machine may count what is not there as NaN or without an end.
            if (Number.isFinite(value)) readings.push({ sensorId, timestamp, value, unit });
          });
        } catch {
          // What cannot be read now is no reason to stop reading the rest.
          this.#context.report.counted('gauges.failed', 1);
        }
        return readings;
      }),
    );
    this.#waiting.push(...byGauge.flat());
  }

  /** Moves readings into the batch; true once it is full. */
  #takeWaiting(): boolean {
    const { rowsMax, bytesMax } = this.#context.batchLimits;
    const builder = this.#builder;
    let taken = 0;
    const full = (): boolean => builder.length >= rowsMax || builder.bytes >= bytesMax;
    while (taken < this.#waiting.length && !full()) builder.append(this.#waiting[taken++]!);
    this.#waiting.splice(0, taken);
    return full();
  }
}
