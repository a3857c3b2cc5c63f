import type { BreakerState, Clock } from '../../core/index.ts';
import { Listeners, tell } from '../../core/listeners.ts';
import { CircuitOpenError } from '../errors.ts';
import type { BreakerReason, PolicyEvent, PolicyListener } from '../events.ts';
import { functionFailed } from '../given-function.ts';
import { requireWord } from '../options.ts';
import type { RuleMemory } from './opening-rules.ts';
import { type BreakerSettings, type CircuitBreakerOptions, settingsOf } from './options.ts';
import {
  checkSnapshot,
  type CircuitBreakerMetrics,
  type CircuitBreakerSnapshot,
  type CircuitBreakerStatus,
  unfitSnapshot,
} from './snapshot.ts';

/**
 * Milliseconds in each state so far, of the present one less the time at which it began; when it is
 * half-open, while it is open; when it last failed.
 */
type Times = [closed: number, open: number, halfOpen: number, until: number, lastFailure: number];
const timeOf = { closed: 0, open: 1, 'half-open': 2 } as const;
const until = 3;
const lastFailure = 4;

// Few breakers have any, and a field would cost all of them.
const listeners = new WeakMap<BreakerMachine, Listeners<PolicyEvent>>();

/**
 * The states of a breaker and what moves it between them: calls that enter and end, time, a hand. It
 * calls nothing itself. One flat object of numbers: there may be a hundred thousand.
 */
export abstract class BreakerMachine {
  protected readonly settings: BreakerSettings;
  #memory: RuleMemory;
  #state: BreakerState = 'closed';
  #isHeld = false;
  /** Of the state: what ends in another than it began in moves nothing. */
  protected generation = 0;
  /** Closed: failures; half-open: successes; with nothing else between. */
  #inRow = 0;
  #opensInRow = 0;
  /** When the probes that are out began, the oldest first. */
  #probes: number[] | undefined;
  // Five numbers in one array are smaller than five fields, each of which would be a box.
  readonly #times: Times;
  #total = 0;
  #success = 0;
  #failure = 0;
  #fastFail = 0;
  #ignored = 0;
  #openCount = 0;
  #probeSuccess = 0;
  #probeFailure = 0;

  constructor(options: CircuitBreakerOptions) {
    this.settings = settingsOf(options);
    const { opens, clock } = this.settings;
    this.#memory = opens.memory(clock);
    this.#times = [-clock.monotonic(), 0, 0, -Infinity, -Infinity];
  }

  get name(): string {
    return this.settings.name;
  }

  /** What its times pass by. */
  get clock(): Clock {
    return this.settings.clock;
  }

  get state(): BreakerState {
    this.#catchUp();
    return this.#state;
  }

  /** Whether it is held in its state by hand. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /**
   * Milliseconds until it may be tried again: 0 where a call would be let in now; while all its
   * probes are out, until the first of them is due; Infinity while it is held open.
   */
  get retryAfterMs(): number {
    return this.#waitMs(this.#catchUp());
  }

  /** Keeps it open or closed, whatever its calls do, until it is released. */
  hold(state: 'open' | 'closed'): void {
    requireWord(this.name, 'hold', state, ['open', 'closed']);
    const nowMs = this.#catchUp();
    this.#isHeld = true;
    if (state === 'closed') return this.#close(nowMs, 'held');
    if (this.#state !== 'open') this.#openCount++;
    this.#times[until] = Infinity;
    this.#change('open', nowMs, 'held');
  }

  /** Ends a hold: what was held open is probed first; what was held closed has forgotten its calls. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const nowMs = this.settings.clock.monotonic();
    if (this.#state === 'open') this.#change('half-open', nowMs, 'released');
    else this.#close(nowMs, 'released');
  }

  /** Tells of every change from now on, after `onEvent`. Gives what ends that. */
  listen(listener: PolicyListener): () => void {
    const all = listeners.get(this) ?? new Listeners();
    listeners.set(this, all);
    return all.add(listener);
  }

  get metrics(): CircuitBreakerMetrics {
    const nowMs = this.#catchUp();
    const [closedMs, openMs, halfOpenMs, , failureMs] = this.#times;
    return {
      total: this.#total,
      success: this.#success,
      failure: this.#failure,
      fastFail: this.#fastFail,
      ignored: this.#ignored,
      openCount: this.#openCount,
      probeSuccess: this.#probeSuccess,
      probeFailure: this.#probeFailure,
      sinceLastFailureMs: failureMs === -Infinity ? null : nowMs - failureMs,
      closedMs: closedMs + (this.#state === 'closed' ? nowMs : 0),
      openMs: openMs + (this.#state === 'open' ? nowMs : 0),
      halfOpenMs: halfOpenMs + (this.#state === 'half-open' ? nowMs : 0),
    };
  }

  reportStatus(): CircuitBreakerStatus {
    const { total, success, fastFail, openCount, sinceLastFailureMs } = this.metrics;
    return {
      state: this.#state,
      successRate: total === 0 ? null : success / total,
      fastFailRate: total === 0 ? null : fastFail / total,
      opens: openCount,
      secondsSinceLastFailure: sinceLastFailureMs === null ? null : sinceLastFailureMs / 1000,
    };
  }

  /** All it knows, as JSON, for `restore()`; calls that are out are not part of it. */
  snapshot(): CircuitBreakerSnapshot {
    const { metrics } = this;
    const hasTime = this.#state === 'open' && !this.#isHeld;
    return {
      version: 1,
      state: this.#state,
      isHeld: this.#isHeld,
      openLeftMs: hasTime
        ? Math.max(0, this.#times[until] - this.settings.clock.monotonic())
        : null,
      opensInRow: this.#opensInRow,
      inRow: this.#inRow,
      metrics,
      memory: this.#memory.save(),
    };
  }

  /**
   * Goes on from a snapshot, that of another process, too, and with other options: it stays open no
   * longer than those it has now allow. Throws `ERR_SNAPSHOT_INVALID`, and stays as it was, where that
   * is none, or was taken under another opening rule.
   */
  restore(snapshot: unknown): void {
    const { name, opens, clock } = this.settings;
    checkSnapshot(name, snapshot);
    const memory = opens.memory(clock);
    if (!memory.load(snapshot.memory)) throw unfitSnapshot(name, 'opens by another rule');
    const { state, metrics } = snapshot;
    const nowMs = this.#catchUp();
    this.#memory = memory;
    this.#isHeld = snapshot.isHeld;
    this.#opensInRow = state === 'closed' ? 0 : snapshot.opensInRow;
    const { openLeftMs } = snapshot;
    const leftMs =
      openLeftMs === null ? Infinity : Math.min(openLeftMs, this.#fullMs(this.#opensInRow));
    this.#times[until] = nowMs + leftMs;
    this.#times[lastFailure] = nowMs - (metrics.sinceLastFailureMs ?? Infinity);
    this.#total = metrics.total;
    this.#success = metrics.success;
    this.#failure = metrics.failure;
    this.#fastFail = metrics.fastFail;
    this.#ignored = metrics.ignored;
    this.#openCount = metrics.openCount;
    this.#probeSuccess = metrics.probeSuccess;
    this.#probeFailure = metrics.probeFailure;
    // The change takes the present state's time so far from what it adds up to.
    this.#times[timeOf.closed] = metrics.closedMs;
    this.#times[timeOf.open] = metrics.openMs;
    this.#times[timeOf['half-open']] = metrics.halfOpenMs;
    this.#times[timeOf[this.#state]] -= nowMs;
    this.#change(state, nowMs, 'restored', this.#inRowOf(snapshot));
  }

  /**
   * Lets a call in, as a probe while half-open, or throws. Returns when it began; 0 where nobody
   * asks how long it takes.
   */
  protected enter(): number {
    this.#total++;
    if (this.#state !== 'closed') return this.#enterProbe();
    const { isTimed, clock } = this.settings;
    return isTimed ? clock.monotonic() : 0;
  }

  protected succeed(generation: number, startMs: number): void {
    this.#success++;
    if (generation === this.generation) this.#end(generation, false, startMs);
  }

  protected fail(generation: number, startMs: number): void {
    this.#failure++;
    this.#times[lastFailure] = this.settings.clock.monotonic();
    if (generation === this.generation) this.#end(generation, true, startMs);
  }

  /** A call that says nothing about what it called: as a probe it gives up its place. */
  protected ignore(generation: number, startMs: number): void {
    this.#ignored++;
    if (this.#state !== 'half-open') return;
    this.#catchUp();
    if (generation === this.generation) this.#forgetProbe(startMs);
  }

  #enterProbe(): number {
    const nowMs = this.#catchUp();
    const waitMs = this.#waitMs(nowMs);
    if (waitMs === 0) {
      (this.#probes ??= []).push(nowMs);
      return nowMs;
    }
    this.#fastFail++;
    const { name, onEvent } = this.settings;
    if (onEvent) tell(onEvent, { type: 'breaker.refused', name, retryAfterMs: waitMs });
    const [fact, remedy] =
      waitMs === Infinity
        ? ['is held open by hand', 'release it']
        : [`is ${this.#state}`, `try again in ${Math.ceil(waitMs)} ms`];
    throw new CircuitOpenError({ place: name, fact: `${fact}: not called`, remedy }, waitMs);
  }

  #waitMs(nowMs: number): number {
    if (this.#state === 'closed') return 0;
    if (this.#state === 'open') return this.#times[until] - nowMs;
    const { probesMax, probeMsMax } = this.settings;
    const probes = this.#probes;
    return probes === undefined || probes.length < probesMax ? 0 : probes[0]! + probeMsMax - nowMs;
  }

  #end(generation: number, isFailure: boolean, startMs: number): void {
    if (this.#state !== 'closed') return this.#endProbe(generation, isFailure, startMs);
    if (this.#isHeld) return;
    this.#inRow = isFailure ? this.#inRow + 1 : 0;
    const { isTimed, clock } = this.settings;
    const tookMs = isTimed ? clock.monotonic() - startMs : 0;
    if (this.#isOpenedBy(isFailure, tookMs)) this.#open(clock.monotonic(), 'rule');
  }

  #isOpenedBy(isFailure: boolean, tookMs: number): boolean {
    try {
      return this.#memory.record(isFailure, tookMs, this.#inRow);
    } catch (thrown) {
      throw functionFailed(`${this.name}.opens`, thrown);
    }
  }

  #endProbe(generation: number, isFailure: boolean, startMs: number): void {
    const nowMs = this.#catchUp();
    if (generation !== this.generation) return;
    this.#forgetProbe(startMs);
    const { opens, successesToClose } = this.settings;
    if (isFailure || nowMs - startMs >= opens.slowMs) {
      this.#probeFailure++;
      this.#open(nowMs, 'probe-failed');
      return;
    }
    this.#probeSuccess++;
    if (++this.#inRow >= successesToClose) this.#close(nowMs, 'probes-succeeded');
  }

  #forgetProbe(startMs: number): void {
    this.#probes!.splice(this.#probes!.indexOf(startMs), 1);
  }

  /** Makes the changes that time alone has brought, each at its moment; returns the present one. */
  #catchUp(): number {
    const { clock, probeMsMax } = this.settings;
    const nowMs = clock.monotonic();
    if (this.#state === 'half-open' && this.#probes !== undefined && this.#probes.length > 0) {
      const dueMs = this.#probes[0]! + probeMsMax;
      if (nowMs >= dueMs) {
        this.#probeFailure++;
        this.#times[lastFailure] = Math.max(this.#times[lastFailure], dueMs);
        this.#open(dueMs, 'probe-expired');
      }
    }
    if (this.#state === 'open' && nowMs >= this.#times[until]) {
      this.#change('half-open', this.#times[until], 'time-passed');
    }
    return nowMs;
  }

  #open(atMs: number, reason: BreakerReason): void {
    const { jitter, random } = this.settings;
    const fullMs = this.#fullMs(++this.#opensInRow);
    this.#times[until] = atMs + (jitter === 0 ? fullMs : fullMs * (1 - jitter * random.next()));
    this.#openCount++;
    this.#change('open', atMs, reason);
  }

  /** How long an opening lasts, the first in a row being 1, before chance shortens it. */
  #fullMs(opensInRow: number): number {
    const { openMs, growth, openMsMax } = this.settings;
    return Math.min(openMs * growth ** Math.max(0, opensInRow - 1), openMsMax);
  }

  /** What a snapshot can have in a row: an open breaker counts nothing, one with enough has closed. */
  #inRowOf({ state, inRow, metrics }: CircuitBreakerSnapshot): number {
    if (state === 'open') return 0;
    if (state === 'closed') return Math.min(inRow, metrics.failure);
    return Math.min(inRow, this.settings.successesToClose - 1);
  }

  #close(atMs: number, reason: BreakerReason): void {
    const { opens, clock } = this.settings;
    this.#memory = opens.memory(clock);
    this.#opensInRow = 0;
    this.#change('closed', atMs, reason);
  }

  #change(to: BreakerState, atMs: number, reason: BreakerReason, inRow = 0): void {
    const from = this.#state;
    this.#times[timeOf[from]] += atMs;
    this.#times[timeOf[to]] -= atMs;
    this.#state = to;
    this.generation++;
    this.#inRow = inRow;
    this.#probes = undefined;
    const { name, onEvent } = this.settings;
    const all = listeners.get(this);
    if (onEvent === undefined && all === undefined) return;
    const event: PolicyEvent = { type: 'breaker.changed', name, from, to, reason };
    if (onEvent) tell(onEvent, event);
    all?.tell(event);
  }
}
