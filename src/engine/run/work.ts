import { kernelState } from '../../batch/codec/kernels.ts';
import type { Cut } from '../../core/index.ts';
import { isPipelineError } from '../../errors.ts';
import { BreakerWatch } from '../../observe/breaker-watch.ts';
import type { Emitter } from '../../observe/emitter.ts';
import {
  kernelsReplaced,
  lanesChosen,
  lanesCrowded,
  outputClosed,
  runFailed,
  runStarted,
} from '../../observe/events.ts';
import { SlowestBatches } from '../../observe/slowest-batches.ts';
import type { RunFailure, RunStatus } from '../../observe/snapshot.ts';
import { type Checkpoint, Cuts } from '../checkpoint.ts';
import { Components } from '../components.ts';
import { DeadLetters } from '../dead-letters.ts';
import { aborted } from '../limit.ts';
import { coresExceeded } from '../plan/lanes.ts';
import type { Plan } from '../planned.ts';
import { TierStack } from '../resources/tier-stack.ts';
import { RunGraph } from '../run-graph.ts';
import { connectorTier } from './connector-tier.ts';
import { Degradation } from './degradation.ts';
import { DrainDeadline } from './drain-deadline.ts';
import { withLogWaits } from './log-waits.ts';
import type { RunOptions } from './options.ts';
import { type ToldFailure, toldFailure } from './told-failure.ts';
import { versions } from './versions.ts';

/** How long components may take to heed an abort. */
const heedMsMax = 1000;

/** What a run does, from the first opening to the last closing, and how it stands. */
export class RunWork implements Disposable {
  readonly slowest: SlowestBatches = new SlowestBatches();
  readonly components: Components;
  readonly deadLetters: DeadLetters;
  readonly tiers: TierStack;
  readonly graph: RunGraph;
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #emitter: Emitter;
  readonly #aborting = new AbortController();
  readonly #timers = new AbortController();
  readonly #degradation: Degradation;
  readonly #breakers: BreakerWatch;
  readonly #deadline: DrainDeadline;
  readonly #cuts: Cuts;
  #status: RunStatus = 'running';
  #failure: { readonly error: unknown; readonly told: ToldFailure | undefined } | undefined;
  #sourcesLeft: number;
  #isKernelsTold = false;
  #isOpen = false;
  #isPaused = false;
  /** Whether it reads no more. */
  #isStopping = false;
  #lastCut: Cut | undefined;
  /** Whether the last cut is complete. */
  #isSafe = false;

  constructor(plan: Plan, options: RunOptions, emitter: Emitter) {
    this.#plan = plan;
    this.#options = options;
    this.#emitter = emitter;
    this.#sourcesLeft = plan.sources.length;
    this.#degradation = new Degradation(emitter);
    this.#breakers = new BreakerWatch(emitter);
    const { signal } = this.#aborting;
    const saves = options.store !== undefined;
    this.#deadline = new DrainDeadline({ plan, signal, degraded: () => this.degraded });
    this.components = new Components({
      plan,
      emitter,
      signal,
      watch: options.watch,
      degraded: (id, reason) => this.#degradation.set(id, reason),
      breakers: this.#breakers,
      tracing: options.tracing?.start({
        pipeline: plan.name,
        version: versions().millrace,
        ...plan.outside,
      }),
      slowest: this.slowest,
      saves,
    });
    this.tiers = new TierStack({ clock: this.#clock, emit: emitter.emit });
    this.deadLetters = new DeadLetters({
      pipeline: plan.name,
      onRowError: plan.settings.onRowError,
      logBodies: plan.settings.logBodies,
      createWriter: async () => {
        if (plan.deadLetters === undefined) return undefined;
        const { writer } = await this.components.createWriter(plan.deadLetters, 'dead-letters');
        await this.tiers.add(connectorTier(writer, plan.settings));
        signal.throwIfAborted();
        return writer;
      },
      openWriter: () => this.tiers.openAll(signal),
      clock: this.#clock,
      emitter,
      scrub: plan.scrub,
    });
    this.#cuts = new Cuts(
      {
        sources: plan.sources.map(({ node }) => node.id),
        sinks: plan.sinks.flatMap(({ node }) => (node.required === false ? [] : [node.id])),
        wakeSources: () => this.#wakeSources(),
        complete: (cut, checkpoint) => this.#complete(cut, checkpoint),
        failed: (error) => this.fail(error),
      },
      plan.settings.checkpoint.rowsMax,
    );
    this.graph = new RunGraph({
      plan,
      components: this.components,
      cuts: this.#cuts,
      budget: { left: options.recordsMax ?? Infinity, spent: () => this.#readNoMore() },
      saves,
      isStopping: () => this.#isStopping,
      isPaused: () => this.#isPaused,
      settle: this.deadLetters.settle,
      withinDeadline: (id, what, call) => this.#deadline.within(id, what, call),
      sourceEnded: () => {
        if (--this.#sourcesLeft === 0) this.#cuts.requestFinal();
      },
      tiers: this.tiers,
      signal,
    });
  }

  get status(): RunStatus {
    if (this.#status !== 'running') return this.#status;
    if (!this.#isOpen) return 'starting';
    return this.#isPaused ? 'paused' : 'running';
  }

  /** The first failure, and what is told of it: nothing where whoever closed the output ended the run. */
  get failure(): { readonly error: unknown; readonly told: ToldFailure | undefined } | undefined {
    return this.#failure;
  }

  /** Why it goes on but not as it should, by component. */
  get degraded(): ReadonlyMap<string, string> {
    return withLogWaits(this.#degradation.reasons, this.components.observed, this.#clock);
  }

  /** Whether everything is open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether its sources are not to be read for now. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    this.#wakeSources();
  }

  get #clock(): Plan['outside']['clock'] {
    return this.#plan.outside.clock;
  }

  #wakeSources(): void {
    for (const source of this.graph.sources) source.wake();
  }

  /**
   * Reads no more after so long, and finishes what is in flight: at once where it is not ready, or was
   * told before.
   */
  drain(delayMs: number): void {
    if (this.status !== 'running' || delayMs <= 0) {
      this.#readNoMore();
      return;
    }
    this.#status = 'draining';
    this.#readNoMoreAfter(delayMs);
  }

  #readNoMoreAfter(delayMs: number): void {
    this.#clock.sleep(delayMs, { signal: this.#timers.signal }).then(
      () => this.#readNoMore(),
      () => {},
    );
  }

  #readNoMore(): void {
    const isOver = this.#status !== 'running' && this.#status !== 'draining';
    if (isOver || this.#isStopping) return;
    this.#status = 'draining';
    this.#isStopping = true;
    for (const source of this.graph.sources) source.stop();
    void this.#enforceDeadline();
  }

  async #enforceDeadline(): Promise<void> {
    const isOver = await this.#deadline.passes(this.#timers.signal);
    if (isOver && !this.#isSafe) this.fail(this.#deadline.failure(), undefined, 'not-drained');
  }

  /** The first failure decides; everything stops at once and nothing more is acknowledged. */
  fail(error: unknown, tier?: string, status: RunFailure = 'failed'): void {
    if (this.#failure !== undefined) return;
    const failed = tier ?? this.components.failedIn(error) ?? this.tiers.failedTier;
    this.tiers.failed(failed);
    // Whoever closed the output, as `head` does, has had what it wanted.
    if (isPipelineError(error) && error.code === 'ERR_OUTPUT_CLOSED') {
      this.#failure = { error, told: undefined };
      this.#status = 'stopped';
      this.#emitter.emit(outputClosed, { reason: error.fact });
    } else {
      // A tier may be none, as the lock of the state.
      const id = failed !== undefined && this.components.has(failed) ? failed : undefined;
      const told = toldFailure(error, this.#plan.settings.logBodies);
      this.#failure = { error, told: { error: told, component: id ?? null } };
      this.#status = status;
      const log = id === undefined ? this.#emitter.log : this.#emitter.logOf(id);
      this.#emitter.emit(runFailed, { id, error: told }, { log });
    }
    this.#aborting.abort(error);
    this.graph.discard();
  }

  /**
   * Does all of it. `opened` is called once everything is open, with what aborts at the end. Resolves
   * also where it failed.
   */
  async run(opened: (ended: AbortSignal) => void): Promise<void> {
    try {
      await Promise.race([this.#flow(opened), this.#untilAbandoned()]);
    } catch (error) {
      this.fail(error);
    }
    this.#timers.abort();
    await this.#close();
    const { observed } = this.components;
    if (this.#failure === undefined) {
      this.#status = this.#status === 'draining' ? 'stopped' : 'done';
      // A row that was lost without a word shows here, at the latest.
      for (const one of observed) one.checkLedger();
    }
    if (this.#failure !== undefined) for (const one of observed) one.keepInHand();
  }

  /** Some time after an abort, whether or not every component has heeded it. */
  async #untilAbandoned(): Promise<void> {
    await aborted(this.#aborting.signal);
    await this.#clock.sleep(heedMsMax, { signal: this.#timers.signal }).catch(() => {});
  }

  /** From the first opening to the end of the final cut, or of a run that will not come to it. */
  async #flow(opened: (ended: AbortSignal) => void): Promise<void> {
    const { signal } = this.#aborting;
    signal.throwIfAborted();
    await this.#lockState();
    const checkpoint = await this.#options.store?.load();
    if (this.#plan.deadLetters?.node.path.length !== 0) await this.deadLetters.create();
    const loops = await this.graph.build(checkpoint);
    if (this.#isStopping) for (const source of this.graph.sources) source.stop();
    await this.tiers.openAll(signal);
    signal.throwIfAborted();
    this.#isOpen = true;
    this.#tellStarted();
    void this.#cuts.requestEvery(
      this.#plan.settings.checkpoint.everyMs,
      this.#clock,
      this.#timers.signal,
    );
    opened(this.#timers.signal);
    const { durationMsMax } = this.#options;
    if (durationMsMax !== undefined) this.#readNoMoreAfter(durationMsMax);
    const working = loops.map((loop) =>
      loop.run().catch((error: unknown) => {
        // A stage may throw an error that names another place.
        this.fail(error, loop.threw?.() ?? this.components.failedIn(error) ?? loop.id);
      }),
    );
    await Promise.all([...working, Promise.race([this.#cuts.finished, aborted(signal)])]);
    await this.#cuts.settled;
    const { lanes } = this.graph;
    if (!signal.aborted && lanes.length > 0) await this.#drainLanes();
    if (signal.aborted) await Promise.all(lanes.map(({ ended }) => ended));
  }

  /** Only a sink that spills keeps anything in the state directory. */
  async #lockState(): Promise<void> {
    if (!this.#plan.sinks.some(({ node }) => typeof node.overflow === 'object')) return;
    const { StateLock } = await this.#clock.hold(import('./state-lock.ts'));
    const lock = await this.tiers.add(new StateLock(this.#plan));
    await this.tiers.open(lock, this.#aborting.signal);
  }

  #tellStarted(): void {
    const { sources, sinks, lanes } = this.#plan;
    this.#emitter.emit(runStarted, { sources: sources.length, sinks: sinks.length });
    if (lanes !== undefined) {
      this.#emitter.emit(lanesChosen, { lanes: lanes.count, reason: lanes.reason });
      const cores = coresExceeded(lanes);
      if (cores !== undefined) this.#emitter.emit(lanesCrowded, { lanes: lanes.count, cores });
    }
    this.#tellKernels();
  }

  /** Once, as soon as a component needed them. */
  #tellKernels(): void {
    const state = this.#isKernelsTold ? null : kernelState();
    if (state === null) return;
    this.#isKernelsTold = true;
    if (state.kernels === 'wasm' || state.isChosen) return;
    this.#emitter.emit(kernelsReplaced, { reason: state.reason });
  }

  async #complete(cut: Cut, checkpoint: Checkpoint | undefined): Promise<void> {
    const { signal } = this.#aborting;
    signal.throwIfAborted();
    this.#tellKernels();
    const isFinal = this.#cuts.isFinal(cut);
    if (isFinal) this.#lastCut = cut;
    const committing = (): Promise<void> => this.deadLetters.commit(cut);
    if (isFinal) await this.#deadline.within('dead-letters', 'commit', committing);
    else await committing();
    signal.throwIfAborted();
    if (checkpoint === undefined) return;
    await this.#options.store?.save(checkpoint);
    for (const source of this.graph.sources) {
      signal.throwIfAborted();
      const position = checkpoint.positions[source.id];
      if (position === undefined) continue;
      const acknowledged = source.acknowledge(position, (attempt) =>
        this.#deadline.within(source.id, 'acknowledge', attempt),
      );
      // A source that cannot be reached holds up no cut but the last.
      if (isFinal) await acknowledged;
      else acknowledged.catch((error: unknown) => this.fail(error));
    }
  }

  /** Everything that counts is safe; sinks that nobody waits for have a little time for the rest. */
  async #drainLanes(): Promise<void> {
    this.#isSafe = true;
    const isOver = Promise.race([this.#deadline.overdue, aborted(this.#aborting.signal)]);
    await Promise.all(this.graph.lanes.map((lane) => lane.drain(isOver)));
    // What they refused came behind the last cut.
    if (this.#lastCut !== undefined) await this.deadLetters.commit(this.#lastCut);
  }

  /** An error while closing never hides the first failure. That of a sink that is optional is told. */
  async #close(): Promise<void> {
    const optional = new Set(this.graph.lanes.map(({ id }) => id));
    const failures = await this.tiers.close();
    const failure = failures.find(({ tier }) => !optional.has(tier));
    if (failure !== undefined) this.fail(failure.error, failure.tier);
  }

  /** Watches its breakers no more. */
  [Symbol.dispose](): void {
    this.#breakers[Symbol.dispose]();
  }
}
