import process from 'node:process';

import type { Batch } from '../batch/index.ts';
import { type Cut, type Logger, silentLogger } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { Channels } from './channels.ts';
import { type Checkpoint, type CheckpointStore, Cuts } from './checkpoint.ts';
import { Components } from './components.ts';
import { DeadLetters } from './dead-letters.ts';
import type { ComponentKind, Observed } from './observed.ts';
import { onlyOutput, type Plan } from './plan.ts';
import { reportComponent, type RunReport, type RunStats, type RunStatus } from './run-report.ts';
import { runSink, type SinkWriter } from './sink-loop.ts';
import { type RecordBudget, SourceLoop } from './source-loop.ts';
import { runStages } from './stage-loop.ts';

export interface RunOptions {
  /** Stops the run at once. */
  readonly signal?: AbortSignal;
  /** Where cuts are saved, and where the run begins. Without one, positions and state are not kept. */
  readonly store?: CheckpointStore;
  /** Reads no more records than this, over all sources. */
  readonly recordsMax?: number;
  /** Stops, and finishes what is in flight, after this time. */
  readonly durationMsMax?: number;
  readonly log?: Logger;
  /** Sees each batch before a sink writes it, for a live view; may read it until it returns. */
  readonly watch?: (sink: string, batch: Batch) => void;
}

/** A pipeline at work. */
export interface Run extends AsyncDisposable {
  /** Resolves when everything is closed; rejects when the run failed. */
  readonly done: Promise<RunReport>;
  /** The figures at this moment. Frozen. */
  stats(): RunStats;
  /** Reads no more, finishes what is in flight within `drainMsMax`, closes. */
  stop(): Promise<RunReport>;
  /** Stops at once; what is in flight is not committed. */
  abort(reason?: unknown): Promise<void>;
}

/** Starts a planned pipeline. */
export function startRun(plan: Plan, options: RunOptions = {}): Run {
  const run = new PipelineRun(plan, options);
  run.start();
  return run;
}

class PipelineRun implements Run {
  readonly done: Promise<RunReport>;
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #log: Logger;
  readonly #aborting = new AbortController();
  readonly #timers = new AbortController();
  readonly #settled: PromiseWithResolvers<RunReport> = Promise.withResolvers();
  readonly #degraded = new Map<string, string>();
  readonly #components: Components;
  readonly #cuts: Cuts;
  readonly #deadLetters: DeadLetters;
  readonly #sources: SourceLoop[] = [];
  readonly #writers: SinkWriter[] = [];
  #channels: Channels | undefined;
  #status: RunStatus = 'running';
  #failure: { error: unknown } | undefined;
  #sourcesLeft: number;
  #startedMs = 0;
  #endedMs: number | undefined;

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#log = (options.log ?? silentLogger).bind({ pipeline: plan.name });
    this.#sourcesLeft = plan.sources.length;
    this.done = this.#settled.promise;
    this.#components = new Components({
      plan,
      log: this.#log,
      signal: this.#aborting.signal,
      watch: options.watch,
      degraded: (id, reason) => this.#degrade(id, reason),
    });
    this.#cuts = new Cuts(
      {
        sources: plan.sources.map(({ node }) => node.id),
        sinks: plan.sinks.map(({ node }) => node.id),
        wakeSources: () => {
          for (const source of this.#sources) source.wake();
        },
        complete: (cut, checkpoint) => this.#complete(cut, checkpoint),
        failed: (error) => this.#fail(error),
      },
      plan.settings.checkpoint.rowsMax,
    );
    this.#deadLetters = new DeadLetters({
      pipeline: plan.name,
      onRowError: plan.settings.onRowError,
      openWriter: () => this.#openDeadLetters(),
      clock: plan.outside.clock,
    });
  }

  start(): void {
    this.#startedMs = this.#clock.monotonic();
    const { signal } = this.#options;
    const stopAtOnce = (): void => void this.abort(signal?.reason);
    if (signal?.aborted) stopAtOnce();
    signal?.addEventListener('abort', stopAtOnce, { once: true });
    void this.#work().then((report) => {
      signal?.removeEventListener('abort', stopAtOnce);
      if (this.#failure === undefined) this.#settled.resolve(report);
      else this.#settled.reject(this.#failure.error);
    });
  }

  stats(): RunStats {
    const components = this.#components.observed.map((observed) =>
      Object.freeze(reportComponent(observed)),
    );
    const sum = (kind: ComponentKind, side: 'in' | 'out'): number =>
      components.reduce(
        (total, component) => total + (component.kind === kind ? component[side] : 0),
        0,
      );
    const queues = [...(this.#channels?.queues ?? [])].map(([id, inputs]) => {
      const depth = inputs.reduce((total, queue) => total + queue.depth, 0);
      return [id, { depth, fill: Math.max(...inputs.map((queue) => queue.fill)) }] as const;
    });
    return Object.freeze({
      pipeline: this.#plan.name,
      status: this.#status,
      delivery: this.#plan.settings.delivery,
      recordsIn: sum('source', 'in'),
      recordsOut: sum('sink', 'out'),
      durationMs: (this.#endedMs ?? this.#clock.monotonic()) - this.#startedMs,
      bytesIn: this.#components.observed.reduce((total, { tally }) => total + tally.bytes, 0),
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      deadLetters: this.#deadLetters.count,
      components: Object.freeze(components),
      degraded: Object.freeze(Object.fromEntries(this.#degraded)),
      queues: Object.freeze(Object.fromEntries(queues)),
      lag: Object.freeze(
        Object.fromEntries(
          this.#sources.map(({ id, connector }) => [id, connector.lag?.() ?? null]),
        ),
      ),
    });
  }

  stop(): Promise<RunReport> {
    if (this.#status === 'running') {
      this.#status = 'draining';
      for (const source of this.#sources) source.stop();
      void this.#enforceDeadline();
    }
    return this.done;
  }

  async abort(reason?: unknown): Promise<void> {
    if (this.#endedMs === undefined) {
      const fact = 'the run was stopped before its input ended';
      this.#fail(
        new PipelineError({ code: 'ERR_RUN_ABORTED', place: this.#plan.name, fact, cause: reason }),
        'aborted',
      );
    }
    await this.done.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {});
  }

  get #clock(): Plan['outside']['clock'] {
    return this.#plan.outside.clock;
  }

  async #work(): Promise<RunReport> {
    try {
      const checkpoint = await this.#options.store?.load();
      const loops = this.#build(checkpoint);
      await this.#open(checkpoint);
      this.#startTimers();
      if (this.#status === 'draining') for (const source of this.#sources) source.stop();
      const working = Promise.all([
        ...loops.map((loop) => this.#guard(loop)),
        this.#untilFinished(),
      ]);
      await Promise.race([working, this.#untilAbandoned()]);
    } catch (error) {
      this.#fail(error);
    }
    this.#timers.abort();
    await this.#close();
    if (this.#failure === undefined)
      this.#status = this.#status === 'draining' ? 'stopped' : 'done';
    this.#endedMs = this.#clock.monotonic();
    return reportOf(this.stats());
  }

  /** Makes every component and the queues between them; gives the loops that move the flow. */
  #build(checkpoint: Checkpoint | undefined): (() => Promise<void>)[] {
    const [plan, components, cuts] = [this.#plan, this.#components, this.#cuts];
    const sources = plan.sources.map((planned) => ({
      planned,
      ...components.createSource(planned),
    }));
    const stages = plan.stages.map((planned) => components.createStage(planned));
    for (const { planned, instance } of stages) {
      const state = checkpoint?.state[planned.node.id];
      if (state !== undefined && typeof instance !== 'function') instance.restore?.(state);
    }
    const channels = new Channels(plan, stages);
    this.#channels = channels;
    const settle = (observed: Observed): Promise<void> => this.#deadLetters.settle(observed);
    const shared = { cuts, settle, signal: this.#aborting.signal };
    const budget: RecordBudget = {
      left: this.#options.recordsMax ?? Infinity,
      spent: () => void this.stop(),
    };
    for (const source of sources) {
      const outlet = channels.outletOf(source.observed, [onlyOutput]);
      const ended = (): void => this.#sourceEnded();
      this.#sources.push(new SourceLoop({ ...shared, ...source, outlet, budget, ended }));
    }
    const stageLoops = channels.chains.map((nodes) => {
      const last = nodes.at(-1)!;
      const inlet = channels.inletOf(nodes[0]!.planned.node.id);
      const outlet = channels.outletOf(last.observed, last.planned.outputs);
      const saves = this.#options.store !== undefined;
      return () => runStages({ ...shared, nodes, inlet, outlet, saves });
    });
    const sinkLoops = plan.sinks.map((planned) => {
      const sink = components.createWriter(planned, 'sink');
      this.#writers.push(sink.writer);
      return () => runSink({ ...shared, ...sink, inlet: channels.inletOf(planned.node.id) });
    });
    return [...this.#sources.map((source) => () => source.run()), ...stageLoops, ...sinkLoops];
  }

  async #openDeadLetters(): Promise<SinkWriter | undefined> {
    const planned = this.#plan.deadLetters;
    if (planned === undefined) return undefined;
    const { writer } = this.#components.createWriter(planned, 'dead-letters');
    await writer.open();
    return writer;
  }

  /** Sinks first, so that nothing is read that could not be taken. */
  async #open(checkpoint: Checkpoint | undefined): Promise<void> {
    if (this.#plan.deadLetters?.node.path.length !== 0) await this.#deadLetters.open();
    const { signal } = this.#aborting;
    for (const writer of this.#writers) {
      signal.throwIfAborted();
      await writer.open();
    }
    for (const source of this.#sources) {
      signal.throwIfAborted();
      await source.open(checkpoint?.positions[source.id]);
    }
    this.#log.info('run.started');
  }

  #startTimers(): void {
    const { everyMs } = this.#plan.settings.checkpoint;
    void this.#cuts.requestEvery(everyMs, this.#clock, this.#timers.signal);
    const { durationMsMax } = this.#options;
    if (durationMsMax === undefined) return;
    this.#clock.sleep(durationMsMax, { signal: this.#timers.signal }).then(
      () => void this.stop(),
      () => {},
    );
  }

  async #guard(loop: () => Promise<void>): Promise<void> {
    try {
      await loop();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The end of the final cut, or of a run that will not come to it. */
  #untilFinished(): Promise<void> {
    const { signal } = this.#aborting;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
      void this.#cuts.finished.then(resolve);
    });
  }

  /** Some time after an abort, whether or not every component has heeded it. */
  async #untilAbandoned(): Promise<void> {
    const { signal } = this.#aborting;
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await this.#clock.sleep(heedMsMax, { signal: this.#timers.signal }).catch(() => {});
  }

  #sourceEnded(): void {
    if (--this.#sourcesLeft === 0) this.#cuts.requestFinal();
  }

  async #complete(cut: Cut, checkpoint: Checkpoint): Promise<void> {
    await this.#deadLetters.commit(cut);
    await this.#options.store?.save(checkpoint);
    for (const { id, connector } of this.#sources) {
      const position = checkpoint.positions[id];
      if (position !== undefined) await connector.acknowledge?.(position, this.#aborting.signal);
    }
  }

  async #enforceDeadline(): Promise<void> {
    const { drainMsMax } = this.#plan.settings;
    try {
      await this.#clock.sleep(drainMsMax, { signal: this.#timers.signal });
    } catch {
      return;
    }
    const fact = `what was in flight was not finished within ${drainMsMax} ms`;
    const remedy = 'raise `drainMsMax`, or see which component is slow';
    this.#fail(
      new PipelineError({ code: 'ERR_RUN_DEADLINE', place: this.#plan.name, fact, remedy }),
      'not-drained',
    );
  }

  /** The first failure decides; everything stops at once and nothing more is acknowledged. */
  #fail(error: unknown, status: RunStatus = 'failed'): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#status = status;
    this.#log.error('run.failed', { error });
    this.#aborting.abort(error);
    this.#channels?.discard();
  }

  #degrade(id: string, reason: string | undefined): void {
    if (reason === undefined) {
      this.#degraded.delete(id);
      this.#log.info('component.recovered', { id });
    } else if (this.#degraded.get(id) !== reason) {
      this.#degraded.set(id, reason);
      this.#log.warning('component.degraded', { id, reason });
    }
  }

  async #withinLimit(closing: Promise<void>): Promise<void> {
    const closed = new AbortController();
    const limit = this.#clock.sleep(closeMsMax, { signal: closed.signal }).then(
      () => {
        throw new PipelineError({
          code: 'ERR_TIMEOUT',
          place: this.#plan.name,
          fact: `a component did not close within ${closeMsMax} ms`,
        });
      },
      () => {},
    );
    try {
      await Promise.race([closing, limit]);
    } finally {
      closed.abort();
    }
  }

  /** Sources first. An error while closing never hides the first failure. */
  async #close(): Promise<void> {
    const closers = [
      ...this.#sources.map((source) => () => source.close()),
      ...this.#writers.toReversed().map((writer) => () => writer.close()),
      () => this.#deadLetters.close(),
    ];
    for (const close of closers) {
      try {
        await this.#withinLimit(close());
      } catch (error) {
        if (this.#failure === undefined) this.#fail(error);
        else if (this.#failure.error !== error)
          this.#log.error('component.close-failed', { error });
      }
    }
  }
}

/** How long components may take to heed an abort, and each of them to close. */
const heedMsMax = 1000;
const closeMsMax = 5000;

function reportOf({
  degraded: _degraded,
  queues: _queues,
  lag: _lag,
  ...report
}: RunStats): RunReport {
  return Object.freeze(report);
}
