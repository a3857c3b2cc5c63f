import { type Clock, type Logger, type LogLevel, systemClock } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { BreakerWatch } from './breaker-watch.ts';
import { Emitter } from './emitter.ts';
import { batchCompleted, thresholdViolated } from './health-events.ts';
import {
  type FailedStage,
  PipelineHealthDashboard,
  type PipelineHealthDashboardOptions,
} from './health-dashboard.ts';
import type { HealthReport } from './health-report.ts';
import { BufferedStructuredLogger, type LogStream } from './log.ts';
import { MetricsRegistry } from './metrics-registry.ts';

/**
 * A stage of a harness: a function, or a generator function, of a batch of records. `log` is bound
 * to its name as `stageId`.
 */
export type HarnessStage<R> = (
  records: readonly R[],
  log: Logger,
) => Iterable<R> | AsyncIterable<R> | Promise<Iterable<R>>;

/** The stages of a harness, and what it watches beside them. `R`: a record. */
export interface ObservabilityHarnessOptions<R> extends PipelineHealthDashboardOptions {
  /** By name, in the order in which a batch goes through them. */
  readonly stages: Readonly<Record<string, HarnessStage<R>>>;
  /**
   * What log lines are written to. In memory unless given, for tests: there they stay, and
   * `exportLogs()` has them all.
   */
  readonly stream?: LogStream | undefined;
  /** Log lines below it are not written; `INFO` unless given. */
  readonly minLevel?: LogLevel | undefined;
}

/** A log line as an object. */
export interface LogLine {
  readonly timestamp: string;
  readonly level: LogLevel;
  readonly component: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Runs batches through stages, and measures, judges and logs each. */
export class ObservabilityHarness<R> implements AsyncDisposable {
  readonly dashboard: PipelineHealthDashboard;
  /** Where its stages are measured: one of its own unless given. */
  readonly registry: MetricsRegistry;
  /** Its own, of the component `harness`; those of the stages are bound from it. */
  readonly logger: BufferedStructuredLogger;
  readonly #memory: MemoryStream | undefined;
  readonly #stages: readonly (readonly [name: string, run: HarnessStage<R>, log: Logger])[];
  readonly #clock: Clock;
  readonly #breakers: BreakerWatch;
  readonly #emitter: Emitter;
  #last: Promise<unknown> = Promise.resolve();
  #isDisposed = false;

  constructor(options: ObservabilityHarnessOptions<R>) {
    const { stages, stream, minLevel = 'INFO', ...watched } = options;
    checkStages(stages);
    this.#clock = options.clock ?? systemClock;
    this.registry = options.registry ?? new MetricsRegistry({ clock: this.#clock });
    // Before the first batch, so that the report has them all, in their order, whichever fails.
    for (const name of Object.keys(stages)) this.registry.register(name, { in: 0, out: 0 });
    this.dashboard = new PipelineHealthDashboard({ ...watched, registry: this.registry });
    this.#memory = stream === undefined ? new MemoryStream() : undefined;
    this.logger = new BufferedStructuredLogger({
      stream: stream ?? this.#memory!,
      minLevel,
      component: 'harness',
      clock: this.#clock,
    });
    this.#stages = Object.entries(stages).map(([name, run]) => [
      name,
      run,
      this.logger.bindContext({ component: name, stageId: name }),
    ]);
    this.#emitter = new Emitter(this.logger, this.#clock);
    this.#emitter.listen(({ name }) => this.registry.countEvent(name));
    this.#breakers = new BreakerWatch(this.#emitter);
    this.#breakers.add(options.breakers ?? []);
  }

  /**
   * Runs the stages in order, logs what became of it, and gives the report. A stage that throws ends
   * its batch, DEGRADED and logged with the error; nothing is thrown. Batches that are called for at
   * a time run one after another. Rejects with `ERR_RUN_CLOSED` once it was disposed of.
   */
  async runBatch(records: Iterable<R>): Promise<HealthReport> {
    if (this.#isDisposed) {
      const fact = 'it was disposed of: nothing would be logged of a batch';
      const place = 'ObservabilityHarness';
      throw new PipelineError({ code: 'ERR_RUN_CLOSED', place, fact });
    }
    const batch = [...records];
    const report = this.#last.then(() => this.#runBatch(batch));
    this.#last = report.catch(() => {});
    return await report;
  }

  /** All lines so far as objects. Throws `ERR_CONFIG_INVALID` where they went to a stream. */
  exportLogs(): LogLine[] {
    if (this.#memory === undefined) {
      throw new PipelineError({
        code: 'ERR_CONFIG_INVALID',
        place: 'ObservabilityHarness.stream',
        fact: 'has taken the lines: they are not kept',
        remedy: 'read them where the stream ends, or leave `stream` out',
      });
    }
    // Memory takes at once whatever it is handed.
    void this.logger.flush();
    return this.#memory.lines();
  }

  /** Lets the last batch end, watches no breaker any more, hands over every line and logs no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#last;
    this.#breakers[Symbol.dispose]();
    await this.logger[Symbol.asyncDispose]();
  }

  async #runBatch(batch: readonly R[]): Promise<HealthReport> {
    const failed = await this.#runStages(batch);
    const report = this.dashboard.collect(failed);
    this.#breakers.look();
    const level = failed === undefined ? batchCompleted.level : 'ERROR';
    this.#emitter.emit(batchCompleted, { ...report, error: failed?.error }, { level });
    for (const { stage, severity, ...violation } of this.dashboard.checkThresholds(report)) {
      const fields = { batch: report.batch, ...violation, severity, stage };
      this.#emitter.emit(thresholdViolated, fields, { level: severity });
    }
    // None of these lines may be lost: where the stream takes no more, the next batch waits.
    await this.logger.blocked;
    return report;
  }

  async #runStages(batch: readonly R[]): Promise<FailedStage | undefined> {
    let records = batch;
    for (const [stage, run, log] of this.#stages) {
      const startMs = this.#clock.monotonic();
      const counts = { in: records.length, out: 0, errors: 0 };
      try {
        records = await collected(await run(records, log));
        counts.out = records.length;
      } catch (error) {
        counts.errors = 1;
        return { stage, error };
      } finally {
        const busyMs = this.#clock.monotonic() - startMs;
        this.registry.register(stage, { ...counts, busyMs, latency: busyMs / 1000 });
        this.#breakers.look();
      }
    }
    return undefined;
  }
}

/** Only what comes asynchronously is waited for record by record. */
function collected<R>(made: Iterable<R> | AsyncIterable<R>): readonly R[] | Promise<readonly R[]> {
  return Symbol.asyncIterator in Object(made)
    ? Array.fromAsync(made as AsyncIterable<R>)
    : [...(made as Iterable<R>)];
}

/** Keeps what is written, as a stream that never blocks. */
class MemoryStream implements LogStream {
  readonly #lines: string[] = [];

  write(text: string): void {
    this.#lines.push(...text.split('\n').filter((line) => line !== ''));
  }

  on(): void {}

  lines(): LogLine[] {
    return this.#lines.map((line) => JSON.parse(line) as LogLine);
  }
}

function checkStages(stages: Readonly<Record<string, unknown>>): void {
  const refuse = (fact: string, remedy: string): never => {
    const place = 'ObservabilityHarness.stages';
    throw new PipelineError({ code: 'ERR_CONFIG_INVALID', place, fact, remedy });
  };
  const entries = Object.entries(stages ?? {});
  if (entries.length === 0) refuse('has no stage', 'give at least one, by name');
  for (const [name, run] of entries) {
    if (typeof run !== 'function') refuse(`\`${name}\` is no function`, 'give functions');
    // Such keys come first, in whatever order an object was written.
    if (/^\d+$/.test(name)) refuse(`\`${name}\` is a number`, 'give a name that has an order');
  }
}
