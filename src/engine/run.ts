import { type Cut, silentLogger } from '../core/index.ts';
import { isPipelineError, PipelineError, reasonOf } from '../errors.ts';
import { BreakerWatch } from '../observe/breaker-watch.ts';
import { type Emit, Emitter, type EventListener } from '../observe/emitter.ts';
import {
  outputClosed,
  runEnded,
  runFailed,
  runPaused,
  runResumed,
  runStarted,
} from '../observe/events.ts';
import { GuardedLogger } from '../observe/guarded-logger.ts';
import type { Alert } from '../observe/alerts/alert.ts';
import type { AlertLimits } from '../observe/alerts/rule.ts';
import type { HealthSettings } from '../observe/health.ts';
import type {
  ChangedValue,
  RunReport,
  RunStats,
  RunStatus,
  StatsOptions,
} from '../observe/snapshot.ts';
import { SlowestBatches } from '../observe/slowest-batches.ts';
import { type StatsFollower, Ticker } from '../observe/ticker.ts';
import { type Checkpoint, Cuts } from './checkpoint.ts';
import { Components } from './components.ts';
import { DeadLetters } from './dead-letters.ts';
import { aborted } from './limit.ts';
import type { Plan } from './planned.ts';
import { TierStack } from './resources/tier-stack.ts';
import { connectorTier } from './run/connector-tier.ts';
import { Degradation } from './run/degradation.ts';
import { DrainDeadline } from './run/drain-deadline.ts';
import { Load } from './run/load.ts';
import { checkRunOptions, type Run, type RunOptions, type StopOptions } from './run/options.ts';
import { RunAlerts } from './run/run-alerts.ts';
import { RunChanges } from './run/run-changes.ts';
import { reportOf, type StatsParts, statsOf } from './run/stats.ts';
import { versions } from './run/versions.ts';
import { RunGraph } from './run-graph.ts';
import { type Topology, topologyOf } from './topology.ts';

/** Begins the run of a planned pipeline. `settled` is called when all is closed, before `done` tells of it. */
export function beginRun(plan: Plan, options: RunOptions = {}, settled?: () => void): Run {
  checkRunOptions(options);
  const run = new PipelineRun(plan, options);
  run.start(settled);
  return run;
}

/** How long components may take to heed an abort. */
const heedMsMax = 1000;

class PipelineRun implements Run {
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #emitter: Emitter;
  readonly #aborting = new AbortController();
  readonly #timers = new AbortController();
  readonly #settled: PromiseWithResolvers<RunReport> = Promise.withResolvers();
  readonly #degradation: Degradation;
  readonly #breakers: BreakerWatch;
  readonly #deadline: DrainDeadline;
  readonly #components: Components;
  readonly #cuts: Cuts;
  readonly #deadLetters: DeadLetters;
  readonly #tiers: TierStack;
  readonly #graph: RunGraph;
  #status: RunStatus = 'running';
  #failure: { error: unknown } | undefined;
  #sourcesLeft: number;
  /** Whether anybody waits for the end, and so hears of a failure. */
  #isAwaited = false;
  readonly #startedMs: number;
  readonly #slowest = new SlowestBatches();
  readonly #load: Load;
  #endedMs: number | undefined;
  /** Whether everything is open. */
  #isOpen = false;
  #isPaused = false;
  /** Whether it reads no more. */
  #isStopping = false;
  #lastCut: Cut | undefined;
  /** Whether the last cut is complete. */
  #isSafe = false;
  readonly #ticker: Ticker;
  readonly #alerts: RunAlerts;
  readonly #changes: RunChanges;

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#startedMs = this.#clock.monotonic();
    this.#load = new Load(this.#startedMs);
    const log = new GuardedLogger(options.log ?? silentLogger);
    const bound = log.bindContext({ pipeline: plan.name });
    this.#emitter = new Emitter(bound, plan.outside.clock, plan.scrub);
    this.#degradation = new Degradation(this.#emitter);
    this.#breakers = new BreakerWatch(this.#emitter);
    this.#ticker = new Ticker(plan.outside.clock, () => this.stats());
    this.#alerts = new RunAlerts({
      pipeline: plan.name,
      rules: options.alerts,
      settings: plan.settings.alerts,
      emitter: this.#emitter,
      outside: plan.outside,
      ticker: this.#ticker,
    });
    this.#sourcesLeft = plan.sources.length;
    // A failure that nobody waits for is a warning, not the end of the process.
    this.#settled.promise.catch((error: unknown) => this.#warnOf(error));
    this.#changes = new RunChanges(plan.outside.clock, plan.scrub);
    const { signal } = this.#aborting;
    this.#deadline = new DrainDeadline({
      plan,
      signal,
      degraded: () => this.#degradation.reasons,
    });
    this.#components = new Components({
      plan,
      emitter: this.#emitter,
      signal,
      watch: options.watch,
      degraded: (id, reason) => this.#degradation.set(id, reason),
      breakers: this.#breakers,
      tracing: options.tracing?.start({
        pipeline: plan.name,
        version: versions().millrace,
        ...plan.outside,
      }),
      slowest: this.#slowest,
    });
    this.#tiers = new TierStack({ clock: plan.outside.clock, emit: this.emit });
    this.#deadLetters = new DeadLetters({
      pipeline: plan.name,
      onRowError: plan.settings.onRowError,
      logBodies: plan.settings.logBodies,
      createWriter: async () => {
        if (plan.deadLetters === undefined) return undefined;
        const { writer } = await this.#components.createWriter(plan.deadLetters, 'dead-letters');
        await this.#tiers.add(connectorTier(writer, plan.settings));
        signal.throwIfAborted();
        return writer;
      },
      openWriter: () => this.#tiers.openAll(signal),
      clock: plan.outside.clock,
      emitter: this.#emitter,
      scrub: plan.scrub,
    });
    this.#cuts = new Cuts(
      {
        sources: plan.sources.map(({ node }) => node.id),
        sinks: plan.sinks.flatMap(({ node }) => (node.required === false ? [] : [node.id])),
        wakeSources: () => {
          for (const source of this.#graph.sources) source.wake();
        },
        complete: (cut, checkpoint) => this.#complete(cut, checkpoint),
        failed: (error) => this.#fail(error),
      },
      plan.settings.checkpoint.rowsMax,
    );
    this.#graph = new RunGraph({
      plan,
      components: this.#components,
      cuts: this.#cuts,
      budget: { left: options.recordsMax ?? Infinity, spent: () => this.#drain() },
      saves: options.store !== undefined,
      isStopping: () => this.#isStopping,
      isPaused: () => this.#isPaused,
      settle: this.#deadLetters.settle,
      withinDeadline: (id, what, call) => this.#deadline.within(id, what, call),
      sourceEnded: () => {
        if (--this.#sourcesLeft === 0) this.#cuts.requestFinal();
      },
      tiers: this.#tiers,
      signal,
    });
  }

  get done(): Promise<RunReport> {
    this.#isAwaited = true;
    return this.#settled.promise;
  }

  get status(): RunStatus {
    if (this.#status !== 'running') return this.#status;
    if (!this.#isOpen) return 'starting';
    return this.#isPaused ? 'paused' : 'running';
  }

  get healthSettings(): HealthSettings {
    return this.#plan.settings.health;
  }

  get alertHistory(): readonly Alert[] {
    return this.#alerts.history;
  }

  start(settled?: () => void): void {
    const { signal } = this.#options;
    const stopAtOnce = (): void => void this.abort(signal?.reason);
    if (signal?.aborted) stopAtOnce();
    signal?.addEventListener('abort', stopAtOnce, { once: true });
    void this.#work().then((report) => {
      this.#breakers[Symbol.dispose]();
      signal?.removeEventListener('abort', stopAtOnce);
      settled?.();
      if (this.#failure === undefined) this.#settled.resolve(report);
      else this.#settled.reject(this.#failure.error);
    });
  }

  topology(): Topology {
    return topologyOf(this.#plan);
  }

  stats(options?: StatsOptions): RunStats {
    return statsOf(this.#statsParts(options));
  }

  #statsParts(options?: StatsOptions): StatsParts {
    const nowMs = this.#clock.monotonic();
    return {
      options,
      plan: this.#plan,
      status: this.status,
      durationMs: (this.#endedMs ?? nowMs) - this.#startedMs,
      nowMs,
      observed: this.#components.observed,
      deadLetters: this.#deadLetters.count,
      degraded: this.#degradation.reasons,
      graph: this.#graph,
      startedMs: this.#startedMs,
      events: this.#emitter.counts,
      alerts: this.#alerts.active,
      lastFailures: this.#deadLetters.lastFailures,
      slowest: this.#slowest,
      load: this.#load,
      tiers: this.#tiers.health(),
      changes: this.#changes.logs(),
    };
  }

  follow(follower: StatsFollower): () => void {
    return this.#ticker.follow(follower);
  }

  listen(listener: EventListener): () => void {
    return this.#emitter.listen(listener);
  }

  get emit(): Emit {
    return this.#emitter.emit;
  }

  setAlertLimits(rule: string, limits: Partial<AlertLimits>): void {
    const { from, to } = this.#alerts.setLimits(rule, limits);
    for (const limit of ['warn', 'critical', 'clear'] as const) {
      this.#changes.note(`alerts.${rule}.${limit}`, from[limit] ?? null, to[limit] ?? null);
    }
  }

  noteChange(what: string, from: ChangedValue, to: ChangedValue): void {
    this.#changes.note(what, from, to);
  }

  pause(): void {
    this.#setPaused(true);
  }

  resume(): void {
    this.#setPaused(false);
  }

  #setPaused(isPaused: boolean): void {
    if (this.#status !== 'running') {
      const fact = `the run is ${this.#status}, and is not paused or resumed any more`;
      throw new PipelineError({ code: 'ERR_RUN_CLOSED', place: this.#plan.name, fact });
    }
    if (this.#isPaused === isPaused) return;
    this.#isPaused = isPaused;
    const others = this.#isOpen ? 'running' : 'starting';
    this.#changes.note('status', isPaused ? others : 'paused', isPaused ? 'paused' : others);
    this.#emitter.emit(isPaused ? runPaused : runResumed, {});
    for (const source of this.#graph.sources) source.wake();
  }

  stop({ delayMs = this.#plan.settings.drainDelayMs ?? 0 }: StopOptions = {}): Promise<RunReport> {
    const before = this.status;
    if (this.status === 'running' && delayMs > 0) {
      this.#status = 'draining';
      const { signal } = this.#timers;
      this.#clock.sleep(delayMs, { signal }).then(
        () => this.#drain(),
        () => {},
      );
    } else this.#drain();
    this.#changes.note('status', before, this.status);
    return this.done;
  }

  async abort(reason?: unknown): Promise<void> {
    const before = this.status;
    if (this.#endedMs === undefined) {
      const fact = 'the run was stopped before its input ended';
      this.#fail(
        new PipelineError({ code: 'ERR_RUN_ABORTED', place: this.#plan.name, fact, cause: reason }),
        undefined,
        'aborted',
      );
    }
    this.#changes.note('status', before, this.status);
    await this.done.catch(() => {});
  }

  #drain(): void {
    const isOver = this.#status !== 'running' && this.#status !== 'draining';
    if (isOver || this.#isStopping) return;
    this.#status = 'draining';
    this.#isStopping = true;
    for (const source of this.#graph.sources) source.stop();
    void this.#enforceDeadline();
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

  get #clock(): Plan['outside']['clock'] {
    return this.#plan.outside.clock;
  }

  /** Only a sink that spills keeps anything in the state directory. */
  async #lockState(): Promise<void> {
    if (!this.#plan.sinks.some(({ node }) => typeof node.overflow === 'object')) return;
    const { StateLock } = await this.#clock.hold(import('./run/state-lock.ts'));
    const lock = await this.#tiers.add(new StateLock(this.#plan));
    await this.#tiers.open(lock, this.#aborting.signal);
  }

  async #work(): Promise<RunReport> {
    try {
      await Promise.race([this.#flow(), this.#untilAbandoned()]);
    } catch (error) {
      this.#fail(error);
    }
    this.#timers.abort();
    await this.#close();
    if (this.#failure === undefined) {
      this.#status = this.#status === 'draining' ? 'stopped' : 'done';
      // A row that was lost without a word shows here, at the latest.
      for (const observed of this.#components.observed) observed.checkLedger();
    }
    if (this.#failure !== undefined) {
      for (const observed of this.#components.observed) observed.keepInHand();
    }
    this.#endedMs = this.#clock.monotonic();
    await this.#alerts.ready;
    // What shows at the end alone, as a ledger that does not close, is seen by all too.
    this.#ticker.tick();
    await this.#alerts.close();
    const report = reportOf(this.#statsParts());
    const { status, recordsIn, recordsOut, durationMs } = report;
    this.#emitter.emit(runEnded, { status, recordsIn, recordsOut, durationMs });
    return report;
  }

  /** From the first opening to the end of the final cut, or of a run that will not come to it. */
  async #flow(): Promise<void> {
    const { signal } = this.#aborting;
    signal.throwIfAborted();
    await this.#lockState();
    const checkpoint = await this.#options.store?.load();
    if (this.#plan.deadLetters?.node.path.length !== 0) await this.#deadLetters.create();
    const loops = await this.#graph.build(checkpoint);
    if (this.#isStopping) for (const source of this.#graph.sources) source.stop();
    await this.#tiers.openAll(signal);
    signal.throwIfAborted();
    this.#isOpen = true;
    const { sources, sinks } = this.#plan;
    this.#emitter.emit(runStarted, { sources: sources.length, sinks: sinks.length });
    this.#startTimers();
    const working = loops.map((loop) =>
      loop.run().catch((error: unknown) => {
        // A stage may throw an error that names another place.
        this.#fail(error, loop.threw?.() ?? this.#components.failedIn(error) ?? loop.id);
      }),
    );
    await Promise.all([...working, Promise.race([this.#cuts.finished, aborted(signal)])]);
    await this.#cuts.settled;
    if (!signal.aborted && this.#graph.lanes.length > 0) await this.#drainLanes();
    if (signal.aborted) await Promise.all(this.#graph.lanes.map(({ ended }) => ended));
  }

  /** Everything that counts is safe; sinks that nobody waits for have a little time for the rest. */
  async #drainLanes(): Promise<void> {
    this.#isSafe = true;
    const isOver = Promise.race([this.#deadline.overdue, aborted(this.#aborting.signal)]);
    await Promise.all(this.#graph.lanes.map((lane) => lane.drain(isOver)));
    // What they refused came behind the last cut.
    if (this.#lastCut !== undefined) await this.#deadLetters.commit(this.#lastCut);
  }

  #startTimers(): void {
    const { everyMs } = this.#plan.settings.checkpoint;
    void this.#cuts.requestEvery(everyMs, this.#clock, this.#timers.signal);
    this.#alerts.watch();
    void this.#load.watch(this.#clock, this.#timers.signal, () => this.#components.observed);
    const { durationMsMax } = this.#options;
    if (durationMsMax === undefined) return;
    this.#clock.sleep(durationMsMax, { signal: this.#timers.signal }).then(
      () => this.#drain(),
      () => {},
    );
  }

  /** Some time after an abort, whether or not every component has heeded it. */
  async #untilAbandoned(): Promise<void> {
    await aborted(this.#aborting.signal);
    await this.#clock.sleep(heedMsMax, { signal: this.#timers.signal }).catch(() => {});
  }

  async #complete(cut: Cut, checkpoint: Checkpoint | undefined): Promise<void> {
    const { signal } = this.#aborting;
    signal.throwIfAborted();
    if (this.#cuts.isFinal(cut)) this.#lastCut = cut;
    const committing = (): Promise<void> => this.#deadLetters.commit(cut);
    if (!this.#cuts.isFinal(cut)) await committing();
    else await this.#deadline.within('dead-letters', 'commit', committing);
    signal.throwIfAborted();
    if (checkpoint === undefined) return;
    await this.#options.store?.save(checkpoint);
    for (const source of this.#graph.sources) {
      signal.throwIfAborted();
      const position = checkpoint.positions[source.id];
      if (position === undefined) continue;
      const acknowledged = source.acknowledge(position, (attempt) =>
        this.#deadline.within(source.id, 'acknowledge', attempt),
      );
      // A source that cannot be reached holds up no cut but the last.
      if (this.#cuts.isFinal(cut)) await acknowledged;
      else acknowledged.catch((error: unknown) => this.#fail(error));
    }
  }

  async #enforceDeadline(): Promise<void> {
    const isOver = await this.#deadline.passes(this.#timers.signal);
    if (isOver && !this.#isSafe) this.#fail(this.#deadline.failure(), undefined, 'not-drained');
  }

  /** What a failed record caused is for whoever awaits the run: it may tell of the record. */
  #told(error: unknown): unknown {
    const isOfRecord = isPipelineError(error) && error.code === 'ERR_ROW_FAILED';
    if (!isOfRecord || this.#plan.settings.logBodies) return error;
    const { code, place, fact, remedy } = error;
    return new PipelineError({ code, place, fact, ...(remedy !== undefined && { remedy }) });
  }

  /** The first failure decides; everything stops at once and nothing more is acknowledged. */
  #fail(error: unknown, tier?: string, status: RunStatus = 'failed'): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#tiers.failed(tier ?? this.#components.failedIn(error));
    // Whoever closed the output, as `head` does, has had what it wanted.
    const isClosed = isPipelineError(error) && error.code === 'ERR_OUTPUT_CLOSED';
    this.#status = isClosed ? 'stopped' : status;
    if (isClosed) this.#emitter.emit(outputClosed, { reason: error.fact });
    else this.#emitter.emit(runFailed, { error: this.#told(error) });
    this.#aborting.abort(error);
    this.#graph.discard();
  }

  /** An error while closing never hides the first failure. That of a sink that is optional is told. */
  async #close(): Promise<void> {
    const optional = new Set(this.#graph.lanes.map(({ id }) => id));
    const failures = await this.#tiers.close();
    const failure = failures.find(({ tier }) => !optional.has(tier));
    if (failure !== undefined) this.#fail(failure.error, failure.tier);
  }
}
