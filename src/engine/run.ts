import { silentLogger } from '../core/index.ts';
import { PipelineError, reasonOf } from '../errors.ts';
import type { Alert } from '../observe/alerts/alert.ts';
import type { AlertLimits } from '../observe/alerts/rule.ts';
import { type Emit, Emitter, type EventListener } from '../observe/emitter.ts';
import { runEnded, runPaused, runResumed, runStopRequested } from '../observe/events.ts';
import { GuardedLogger } from '../observe/guarded-logger.ts';
import type { HealthSettings } from '../observe/health-settings.ts';
import type {
  ChangedValue,
  RunReport,
  RunStats,
  RunStatus,
  StatsOptions,
} from '../observe/snapshot.ts';
import type { StatsFollower } from '../observe/ticker.ts';
import type { Plan } from './planned.ts';
import { checkRunOptions } from './run/check-options.ts';
import { RunFigures } from './run/figures.ts';
import { takeMonitored } from './run/monitored.ts';
import type { Run, RunOptions, StopOptions } from './run/options.ts';
import { RunChanges } from './run/run-changes.ts';
import { type DataSampling, sampleData } from './run/sampling.ts';
import { RunWork } from './run/work.ts';
import { type Topology, topologyOf } from './topology.ts';

/** Begins the run of a planned pipeline. `settled` is called when all is closed, before `done` tells of it. */
export function beginRun(plan: Plan, options: RunOptions = {}, settled?: () => void): Run {
  checkRunOptions(options);
  const letGo = takeMonitored(plan);
  try {
    const run = new PipelineRun(plan, options);
    run.start(() => {
      letGo();
      settled?.();
    });
    return run;
  } catch (error) {
    letGo();
    throw error;
  }
}

/** What is held in hand of a run. */
class PipelineRun implements Run {
  readonly #plan: Plan;
  readonly #signal: AbortSignal | undefined;
  readonly #emitter: Emitter;
  readonly #changes: RunChanges;
  readonly #work: RunWork;
  readonly #figures: RunFigures;
  readonly #settled: PromiseWithResolvers<RunReport> = Promise.withResolvers();
  /** Whether anybody waits for the end, and so hears of a failure. */
  #isAwaited = false;

  constructor(plan: Plan, options: RunOptions) {
    const { clock } = plan.outside;
    const started = { at: clock.now(), monotonicMs: clock.monotonic() };
    this.#plan = plan;
    this.#signal = options.signal;
    const log = new GuardedLogger(options.log ?? silentLogger);
    this.#emitter = new Emitter(log.bindContext({ pipeline: plan.name }), clock, plan.scrub);
    this.#changes = new RunChanges(clock, plan.scrub);
    this.#work = new RunWork(plan, options, this.#emitter);
    this.#figures = new RunFigures({
      plan,
      work: this.#work,
      emitter: this.#emitter,
      changes: this.#changes,
      rules: options.alerts,
      started,
    });
    // A failure that nobody waits for is a warning, not the end of the process.
    this.#settled.promise.catch((error: unknown) => this.#warnOf(error));
  }

  get done(): Promise<RunReport> {
    this.#isAwaited = true;
    return this.#settled.promise;
  }

  get status(): RunStatus {
    return this.#work.status;
  }

  get healthSettings(): HealthSettings {
    return this.#plan.settings.health;
  }

  get alertHistory(): readonly Alert[] {
    return this.#figures.alerts.history;
  }

  start(settled?: () => void): void {
    const signal = this.#signal;
    const stopAtOnce = (): void => void this.abort(signal?.reason);
    if (signal?.aborted) stopAtOnce();
    signal?.addEventListener('abort', stopAtOnce, { once: true });
    void this.#run().then((report) => {
      this.#work[Symbol.dispose]();
      signal?.removeEventListener('abort', stopAtOnce);
      settled?.();
      const { failure } = this.#work;
      if (failure === undefined) this.#settled.resolve(report);
      else this.#settled.reject(failure.error);
    });
  }

  async #run(): Promise<RunReport> {
    await this.#work.run((ended) => this.#figures.begin(ended));
    await this.#figures.end();
    const report = this.#figures.report();
    const { status, recordsIn, recordsOut, durationMs } = report;
    this.#emitter.emit(runEnded, { status, recordsIn, recordsOut, durationMs });
    return report;
  }

  topology(): Topology {
    return topologyOf(this.#shown);
  }

  stats(options?: StatsOptions): RunStats {
    return this.#figures.stats(options);
  }

  /** As it is shown, whatever does its work. */
  get #shown(): Plan {
    return this.#plan.standsFor?.plan ?? this.#plan;
  }

  follow(follower: StatsFollower): () => void {
    return this.#figures.follow(follower);
  }

  listen(listener: EventListener): () => void {
    return this.#emitter.listen(listener);
  }

  get emit(): Emit {
    return this.#emitter.emit;
  }

  setAlertLimits(rule: string, limits: Partial<AlertLimits>): void {
    const { from, to } = this.#figures.alerts.setLimits(rule, limits);
    for (const limit of ['warn', 'critical', 'clear'] as const) {
      this.#changes.note(`alerts.${rule}.${limit}`, from[limit] ?? null, to[limit] ?? null);
    }
  }

  noteChange(what: string, from: ChangedValue, to: ChangedValue): void {
    this.#changes.note(what, from, to);
  }

  sampleData(): DataSampling {
    return sampleData(this.#shown, this.#work.components);
  }

  pause(): void {
    this.#setPaused(true);
  }

  resume(): void {
    this.#setPaused(false);
  }

  #setPaused(isPaused: boolean): void {
    const { status, isOpen } = this.#work;
    if (status !== 'running' && status !== 'starting' && status !== 'paused') {
      const fact = `the run is ${status}, and is not paused or resumed any more`;
      throw new PipelineError({ code: 'ERR_RUN_CLOSED', place: this.#plan.name, fact });
    }
    if (this.#work.isPaused === isPaused) return;
    this.#work.isPaused = isPaused;
    const other = isOpen ? 'running' : 'starting';
    this.#changes.note('status', isPaused ? other : 'paused', isPaused ? 'paused' : other);
    this.#emitter.emit(isPaused ? runPaused : runResumed, {});
  }

  stop({ delayMs = this.#plan.settings.drainDelayMs ?? 0 }: StopOptions = {}): Promise<RunReport> {
    const before = this.status;
    this.#work.drain(delayMs);
    this.#changes.note('status', before, this.status);
    if (this.status !== before) this.#emitter.emit(runStopRequested, { delayMs });
    return this.done;
  }

  async abort(reason?: unknown): Promise<void> {
    const before = this.status;
    if (!this.#figures.areFinal) {
      const fact = 'the run was stopped before its input ended';
      this.#work.fail(
        new PipelineError({ code: 'ERR_RUN_ABORTED', place: this.#plan.name, fact, cause: reason }),
        undefined,
        'aborted',
      );
    }
    this.#changes.note('status', before, this.status);
    await this.done.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isKnown = this.#isAwaited;
    const stopped = this.stop({ delayMs: 0 });
    // Whoever waited for `done` has the failure already.
    await (isKnown ? stopped.catch(() => {}) : stopped);
  }

  #warnOf(error: unknown): void {
    if (this.#isAwaited) return;
    process.emitWarning(`pipeline ${this.#plan.name}: ${reasonOf(error)}`, 'MillraceRunFailed');
  }
}
