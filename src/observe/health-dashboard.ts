import { type Clock, systemClock } from '../core/index.ts';
import { reasonOf } from '../errors.ts';
import { type BatchStatus, DegradationHistogram } from './degradation-histogram.ts';
import type { BreakerHealth, HealthReport, StageHealth } from './health-report.ts';
import { health, type HealthStats, isOpen } from './health.ts';
import { requireKnownNames } from './known-names.ts';
import {
  metricsRegistry,
  type MetricsRegistry,
  type StageMetricsReport,
} from './metrics-registry.ts';
import { ratePerSecond } from './rate.ts';
import {
  checkThresholds,
  requireThresholds,
  type ThresholdConfig,
  type ThresholdViolation,
} from './thresholds.ts';
import {
  type ObservedBreaker,
  type ObservedFallback,
  WatchedPolicies,
} from './watched-policies.ts';

/** What a dashboard watches. */
export interface PipelineHealthDashboardOptions {
  readonly thresholds?: ThresholdConfig | undefined;
  /** Breakers of different names. */
  readonly breakers?: readonly ObservedBreaker[] | undefined;
  readonly fallbacks?: readonly ObservedFallback[] | undefined;
  /** Where the stages are measured, in their order; the process's unless given. */
  readonly registry?: MetricsRegistry | undefined;
  /** How many alerts are pending or firing; none unless given. */
  readonly unresolvedAlerts?: (() => number) | undefined;
  /** The process's resident memory; asked of the process unless given. */
  readonly rssBytes?: (() => number) | undefined;
  /** Batches in the histogram; 50 unless given. */
  readonly histogramSize?: number | undefined;
  /** The system's unless given. */
  readonly clock?: Clock | undefined;
}

/** A stage that threw, and with what: its batch went no further. */
export interface FailedStage {
  readonly stage: string;
  readonly error: unknown;
}

const optionNames: readonly string[] = [
  'thresholds',
  'breakers',
  'fallbacks',
  'registry',
  'unresolvedAlerts',
  'rssBytes',
  'histogramSize',
  'clock',
] satisfies (keyof PipelineHealthDashboardOptions)[];

const bytesPerMb = 2 ** 20;

/** Collects how each batch went: rates, bottleneck, breakers, memory, alerts; HEALTHY or DEGRADED. */
export class PipelineHealthDashboard {
  /** The last batches, HEALTHY or DEGRADED. */
  readonly histogram: DegradationHistogram;
  readonly thresholds: ThresholdConfig;
  readonly #policies: WatchedPolicies;
  readonly #registry: MetricsRegistry;
  readonly #unresolvedAlerts: () => number;
  readonly #rssBytes: () => number;
  readonly #clock: Clock;
  #consecutiveDegraded = 0;
  #stagesBefore: ReadonlyMap<string, StageMetricsReport>;
  #policiesBefore: HealthStats;

  constructor(options: PipelineHealthDashboardOptions = {}) {
    requireKnownNames('PipelineHealthDashboard', options, optionNames);
    this.thresholds = Object.freeze({ ...options.thresholds });
    requireThresholds(this.thresholds);
    this.histogram = new DegradationHistogram({ size: options.histogramSize });
    this.#policies = new WatchedPolicies(options.breakers ?? [], options.fallbacks ?? []);
    this.#registry = options.registry ?? metricsRegistry;
    this.#unresolvedAlerts = options.unresolvedAlerts ?? (() => 0);
    this.#rssBytes = options.rssBytes ?? (() => process.memoryUsage.rss());
    this.#clock = options.clock ?? systemClock;
    // What was before the first batch is none of its.
    this.#stagesBefore = this.#readStages();
    this.#policiesBefore = this.#readPolicies(this.#policies.breakers(), undefined);
  }

  /** DEGRADED batches in a row, up to the last; 0 after a HEALTHY one. */
  get consecutiveDegradedCount(): number {
    return this.#consecutiveDegraded;
  }

  /** To be called after each batch: reports what has happened since the last call. */
  collect(failed?: FailedStage): HealthReport {
    const breakers = this.#policies.breakers();
    const policies = this.#readPolicies(breakers, failed);
    const { degraded, reasons } = health({ stats: policies, before: this.#policiesBefore });
    this.#policiesBefore = policies;
    const status: BatchStatus = degraded ? 'DEGRADED' : 'HEALTHY';
    this.histogram.record(status);
    this.#consecutiveDegraded = degraded ? this.#consecutiveDegraded + 1 : 0;
    const stages = this.#stagesOfBatch();
    const recordsIn = stages[0]?.in ?? 0;
    const busyMs = stages.reduce((sum, stage) => sum + (stage.busyMs ?? 0), 0);
    return Object.freeze({
      batch: this.histogram.batches,
      at: this.#clock.now(),
      status,
      reasons: Object.freeze(reasons),
      recordsIn,
      recordsOut: stages.at(-1)?.out ?? 0,
      busyMs,
      inPerSecond: rateOf(recordsIn, busyMs),
      stages,
      bottleneck: slowestOf(stages),
      breakers,
      memoryMb: figureOf(() => this.#rssBytes() / bytesPerMb),
      unresolvedAlerts: figureOf(this.#unresolvedAlerts),
      consecutiveDegradedCount: this.#consecutiveDegraded,
    });
  }

  /** What of a report passes a limit of this dashboard strictly, the critical first. */
  checkThresholds(report: HealthReport): ThresholdViolation[] {
    return checkThresholds(report, this.thresholds);
  }

  #stagesOfBatch(): readonly StageHealth[] {
    const now = this.#readStages();
    const stages = [...now.values()].map((stage) =>
      stageOfBatch(stage, this.#stagesBefore.get(stage.name)),
    );
    this.#stagesBefore = now;
    return Object.freeze(stages);
  }

  #readStages(): ReadonlyMap<string, StageMetricsReport> {
    return new Map(this.#registry.report().stages.map((stage) => [stage.name, stage]));
  }

  #readPolicies(breakers: readonly BreakerHealth[], failed: FailedStage | undefined): HealthStats {
    const substituted = this.#policies.substituted();
    const closed = breakers.filter(({ state }) => state === 'closed').length;
    const byState = { open: breakers.filter(isOpen).length, closed };
    const census = { total: breakers.length, byState, worst: breakers.map(withId) };
    return {
      status: 'running',
      components: [{ id: 'policies', policy: { substituted, breakers: census } }],
      degraded:
        failed === undefined ? {} : { [failed.stage]: `it failed: ${reasonOf(failed.error)}` },
    };
  }
}

/** No two have one name. */
function withId(breaker: BreakerHealth): BreakerHealth & { readonly id: string } {
  return { id: breaker.name, ...breaker };
}

function stageOfBatch(
  now: StageMetricsReport,
  before: StageMetricsReport | undefined,
): StageHealth {
  const calls = now.count - (before?.count ?? 0);
  const rowsIn = (now.in ?? now.count) - (before?.in ?? before?.count ?? 0);
  const busyMs = now.busyMs === null ? null : now.busyMs - (before?.busyMs ?? 0);
  const sumMs = now.sumMs - (before?.sumMs ?? 0);
  return Object.freeze({
    stage: now.name,
    in: rowsIn,
    out: (now.out ?? 0) - (before?.out ?? 0),
    errors: now.errors - (before?.errors ?? 0),
    busyMs,
    // Of what was only timed, the time of its calls is all that is known of its work.
    inPerSecond: rateOf(rowsIn, busyMs ?? sumMs),
    meanMs: calls > 0 ? finite(sumMs / calls) : null,
    p50Ms: now.p50Ms,
    p95Ms: now.p95Ms,
    p99Ms: now.p99Ms,
  });
}

/** Per second; null of nothing, and of work too quick to be measured. */
function rateOf(records: number, busyMs: number): number | null {
  return records > 0 ? finite(ratePerSecond(records, busyMs) ?? NaN) : null;
}

/** What is asked of the user's functions: null where they do not know, or throw. */
function figureOf(read: () => number): number | null {
  try {
    return finite(read());
  } catch {
    return null;
  }
}

/** JSON has no word for the others. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** Of stages that take turns none waits for another: the one of least throughput holds up the batch. */
function slowestOf(stages: readonly StageHealth[]): string | null {
  let [least, bottleneck]: [number, string | null] = [Infinity, null];
  for (const { stage, inPerSecond } of stages) {
    if (inPerSecond !== null && inPerSecond < least) [least, bottleneck] = [inPerSecond, stage];
  }
  return bottleneck;
}
