import type { HrTime } from '@opentelemetry/api';
import type {
  CollectionResult,
  DataPoint,
  ExponentialHistogram,
  MetricData,
  MetricProducer,
} from '@opentelemetry/sdk-metrics';

import type { Clock } from '../../core/index.ts';
import type { Emit } from '../emitter.ts';
import {
  families,
  type Family,
  type HistogramValue,
  type RunSource,
  runSource,
} from '../exposition/families.ts';
import { type Value, valuesOf } from '../exposition/values.ts';
import type { MetricsRegistry, MetricsReport } from '../metrics-registry.ts';
import type { RunStats, StatsOptions } from '../snapshot.ts';
import { metricNameOf, metricUnitOf, scopeName } from './names.ts';
import type { Otel } from './peers.ts';
import { hrTime } from './time.ts';

/** What has figures; a run is such. */
export interface Measured {
  stats(options?: StatsOptions): RunStats;
  /** Told of what becomes of its telemetry. */
  readonly emit?: Emit;
}

/** From when, and until when, a value was counted. */
interface Period {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

type PeriodOf = (run: RunSource | undefined) => Period;

/** What figures are made of, beside runs. */
export interface FigureParts {
  readonly otel: Pick<Otel, 'api' | 'metrics' | 'resources'>;
  readonly registry: MetricsRegistry | undefined;
  readonly clock: Clock;
}

/** What a metrics reader asks: the figures that the text for Prometheus has, under the same names. */
export class FigureProducer implements MetricProducer {
  readonly #parts: FigureParts;
  readonly #createdMs: number;
  /** When each run began, as it was at the first look: the wall clock may jump. */
  readonly #runs = new Map<Measured, number | undefined>();

  constructor(parts: FigureParts) {
    this.#parts = parts;
    this.#createdMs = parts.clock.now();
  }

  /** Gives what ends it. */
  watch(run: Measured): () => void {
    this.#runs.set(run, undefined);
    return () => this.#runs.delete(run);
  }

  /** Those that are watched. */
  get runs(): readonly Measured[] {
    return [...this.#runs.keys()];
  }

  collect(): Promise<CollectionResult> {
    const starts = new Map<RunSource, number>();
    for (const [run, known] of this.#runs) {
      const stats = run.stats({ exponential: true });
      const startMs = known ?? stats.at - stats.durationMs;
      this.#runs.set(run, startMs);
      starts.set(runSource(stats), startMs);
    }
    const { otel, registry, clock } = this.#parts;
    const nowMs = clock.now();
    const periodOf: PeriodOf = (run) => ({
      startTime: hrTime(run === undefined ? this.#createdMs : starts.get(run)!),
      endTime: hrTime(run?.stats.at ?? nowMs),
    });
    const reports = registry === undefined ? [] : [registry.report({ exponential: true })];
    const metrics = this.#metricsOf([...starts.keys()], reports, periodOf);
    const [run] = starts.keys();
    const scope = { name: scopeName, ...(run && { version: run.stats.versions.millrace }) };
    const scopeMetrics = metrics.length === 0 ? [] : [{ scope, metrics }];
    const resource = otel.resources.emptyResource();
    return Promise.resolve({ resourceMetrics: { resource, scopeMetrics }, errors: [] });
  }

  #metricsOf(
    runs: readonly RunSource[],
    reports: readonly MetricsReport[],
    periodOf: PeriodOf,
  ): MetricData[] {
    return families
      .map((family) => [family, valuesOf(family, runs, reports)] as const)
      .filter(([, values]) => values.length > 0)
      .map(([family, values]) => this.#metricOf(family, values, periodOf));
  }

  #metricOf(family: Family, values: readonly Value[], periodOf: PeriodOf): MetricData {
    const { AggregationTemporality, DataPointType } = this.#parts.otel.metrics;
    const { ValueType } = this.#parts.otel.api;
    const isWhole = family.type === 'counter' && family.unit !== 'seconds';
    const common = {
      descriptor: {
        name: metricNameOf(family),
        description: family.help,
        unit: metricUnitOf(family),
        valueType: isWhole ? ValueType.INT : ValueType.DOUBLE,
      },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
    };
    const pointsOf = <T>(valueOf: (value: number | HistogramValue) => T): DataPoint<T>[] =>
      values.map(([labels, value, run]) => ({
        ...periodOf(run),
        attributes: labels.record,
        value: valueOf(value),
      }));
    if (family.type === 'histogram') {
      const dataPoints = pointsOf((value) => histogramOf(value as HistogramValue));
      return { ...common, dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM, dataPoints };
    }
    const dataPoints = pointsOf((value) => value as number);
    if (family.type === 'gauge')
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints };
    return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
  }
}

/** The buckets as they are; seconds. */
function histogramOf(latency: HistogramValue): ExponentialHistogram {
  const { scale, zeroCount, offset, counts } = latency.exponential!;
  return {
    count: latency.count,
    sum: latency.sumMs / 1000,
    ...(latency.maxMs !== null && { max: latency.maxMs / 1000 }),
    scale,
    zeroCount,
    positive: { offset, bucketCounts: [...counts] },
    negative: { offset: 0, bucketCounts: [] },
  };
}
