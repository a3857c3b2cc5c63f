import { deepStrictEqual, strictEqual } from 'node:assert/strict';

import fc from 'fast-check';
import { test } from 'vitest';

import type { Clock } from '../../src/core/index.ts';
import { BulkheadFullError } from '../../src/resilience/errors.ts';
import {
  type BreakerReason,
  type CircuitBreaker,
  circuitBreaker,
  isCircuitOpenError,
} from '../../src/resilience/index.ts';
import {
  type Ending,
  type Happening,
  type Model,
  type ModelOptions,
  newModel,
  next,
  waitMs,
} from './circuit-breaker-model.ts';
import { rules, slowMs, windowMs } from './opening-rules-model.ts';

// 100,000 sequences a night.
const runs = process.env['MILLRACE_NIGHTLY'] ? 100_000 : 10_000;

/** What can happen, and how often against the others. */
const weights = {
  start: 4,
  succeed: 3,
  fail: 2,
  harmless: 1,
  abort: 1,
  'refused inside': 1,
  'pass time': 3,
  'wait until it is due': 2,
  'call at once': 3,
  'fail at once': 1,
  'fail slowly at once': 1,
  'hold open': 1,
  'hold closed': 1,
  release: 2,
  restore: 1,
  'restore elsewhere': 1,
};
type CommandName = keyof typeof weights;

/** What a breaker is told at random. */
interface Given {
  readonly rule: number;
  readonly growth: number;
  readonly probesMax: number;
  readonly successesToClose: number;
}

/** Of a call that the model lets in. */
type BegunCall = Pick<Happening & { type: 'end' }, 'era' | 'startMs'>;

interface OpenCall extends BegunCall {
  readonly result: Promise<string>;
  readonly resolve: (value: string) => void;
  readonly reject: (error: Error) => void;
  readonly caller: AbortController;
}

/** A breaker and the model of it, told the same. */
class Pair {
  readonly #options: ModelOptions;
  readonly #told: string[] = [];
  readonly #expected: string[] = [];
  readonly #count = {
    total: 0,
    success: 0,
    failure: 0,
    fastFail: 0,
    ignored: 0,
    openCount: 0,
    probeSuccess: 0,
    probeFailure: 0,
  };
  readonly #inStateMs = { closed: 0, open: 0, 'half-open': 0 };
  #failedAtMs: number | undefined;
  #model: Model = newModel;
  #nowMs = 0;
  #breaker: CircuitBreaker;
  #open: OpenCall[] = [];
  /** Where the monotonic clock of the present process starts. */
  #clockStartMs = 5;

  constructor({ rule, ...rest }: Given) {
    const [opens, opensBy] = rules[rule]!;
    this.#options = { ...rest, opens, opensBy, openMs: 10, openMsMax: 30, probeMsMax: 15 };
    this.#breaker = this.#createBreaker();
  }

  #createBreaker(): CircuitBreaker {
    const { opensBy: _, ...options } = this.#options;
    const startMs = this.#clockStartMs;
    return circuitBreaker({
      ...options,
      clock: { monotonic: () => startMs + this.#nowMs } as Clock,
      failureOn: (error) => (error as Error).message !== 'harmless',
      onEvent: (event) => {
        if (event.type !== 'breaker.changed') return;
        this.#told.push(`${event.from} → ${event.to}: ${event.reason}`);
      },
    });
  }

  async run(name: CommandName, argument: number): Promise<void> {
    switch (name) {
      case 'start':
        return this.#start();
      case 'succeed':
      case 'fail':
      case 'harmless':
      case 'abort':
      case 'refused inside':
        return this.#end(name, argument);
      case 'pass time':
        return this.#passTime(argument);
      case 'wait until it is due':
        return this.#passTime(this.#dueInMs(argument));
      case 'call at once':
      case 'fail at once':
      case 'fail slowly at once':
        return this.#callAtOnce(name);
      case 'hold open':
      case 'hold closed': {
        const to = name === 'hold open' ? 'open' : 'closed';
        this.#tell({ type: 'hold', to });
        return this.#breaker.hold(to);
      }
      case 'release':
        this.#tell({ type: 'release' });
        return this.#breaker.release();
      case 'restore':
      case 'restore elsewhere':
        return this.#restore(name === 'restore elsewhere');
    }
  }

  look(): void {
    const [model, nowMs, failedAtMs] = [this.#model, this.#nowMs, this.#failedAtMs];
    strictEqual(this.#breaker.state, model.state);
    strictEqual(this.#breaker.isHeld, model.isHeld);
    strictEqual(this.#breaker.retryAfterMs, waitMs(model, nowMs, this.#options));
    deepStrictEqual(this.#breaker.metrics, {
      ...this.#count,
      sinceLastFailureMs: failedAtMs === undefined ? null : nowMs - failedAtMs,
      closedMs: this.#inStateMs.closed,
      openMs: this.#inStateMs.open,
      halfOpenMs: this.#inStateMs['half-open'],
    });
    deepStrictEqual(this.#told, this.#expected);
  }

  /** Tells the model, and counts what comes of it. */
  #tell(what: Happening): void {
    const before = this.#model;
    const model = (this.#model = next(before, what, this.#nowMs, this.#options));
    if (model.era === before.era) {
      if (model.successes > before.successes) this.#count.probeSuccess++;
      return;
    }
    const { state, reason } = model as { state: string; reason: BreakerReason };
    this.#expected.push(`${before.state} → ${state}: ${reason}`);
    if (reason === 'probes-succeeded') this.#count.probeSuccess++;
    if (reason === 'probe-failed' || reason === 'probe-expired') this.#count.probeFailure++;
    if (reason === 'probe-expired') this.#failedAtMs = this.#nowMs;
    if (state === 'open' && before.state !== 'open') this.#count.openCount++;
  }

  /** Whether the model lets a call in, and as which. */
  #enter(): BegunCall | undefined {
    this.#count.total++;
    if (waitMs(this.#model, this.#nowMs, this.#options) > 0) {
      this.#count.fastFail++;
      return undefined;
    }
    const call = { era: this.#model.era, startMs: this.#nowMs };
    this.#tell({ type: 'enter' });
    return call;
  }

  #ended({ era, startMs }: BegunCall, as: Ending): void {
    this.#count[as]++;
    if (as === 'failure') this.#failedAtMs = this.#nowMs;
    this.#tell({ type: 'end', era, startMs, as });
  }

  async #start(): Promise<void> {
    const begun = this.#enter();
    const caller = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let isCalled = false;
    const result = this.#breaker.execute(() => {
      isCalled = true;
      return promise;
    }, caller.signal);
    strictEqual(isCalled, begun !== undefined);
    if (begun) this.#open.push({ ...begun, result, resolve, reject, caller });
    else strictEqual(isCircuitOpenError(await outcomeOf(result)), true);
  }

  async #end(how: string, argument: number): Promise<void> {
    const [call] = this.#open.splice(argument % Math.max(1, this.#open.length), 1);
    if (call === undefined) return;
    const error =
      how === 'refused inside' ? new BulkheadFullError({ place: how, fact: how }) : new Error(how);
    if (how === 'abort') call.caller.abort();
    if (how === 'succeed') call.resolve(how);
    else call.reject(error);
    strictEqual(await outcomeOf(call.result), how === 'succeed' ? how : error);
    if (how === 'fail') this.#ended(call, 'failure');
    else this.#ended(call, how === 'succeed' || how === 'harmless' ? 'success' : 'ignored');
  }

  #callAtOnce(how: 'call at once' | 'fail at once' | 'fail slowly at once'): void {
    const begun = this.#enter();
    const fn = this.#breaker.wrap((x: number): number => {
      if (how === 'call at once') return x + 1;
      if (how === 'fail slowly at once') this.#passTime(slowMs);
      throw new Error('at once');
    });
    let result: unknown;
    try {
      result = fn(1);
    } catch (error) {
      result = isCircuitOpenError(error) ? 'refused' : (error as Error).message;
    }
    const expected = how === 'call at once' ? 2 : 'at once';
    strictEqual(result, begun === undefined ? 'refused' : expected);
    if (begun) this.#ended(begun, how === 'call at once' ? 'success' : 'failure');
  }

  #restore(isElsewhere: boolean): void {
    const saved: unknown = JSON.parse(JSON.stringify(this.#breaker.snapshot()));
    if (isElsewhere) {
      // Whoever made the calls that are out is gone.
      this.#open = [];
      this.#clockStartMs += 1000;
      this.#breaker = this.#createBreaker();
    }
    this.#breaker.restore(saved);
    // That of the new one was closed; the model knows of one alone.
    const { state } = this.#model;
    if (isElsewhere) this.#told.push(this.#told.pop()!.replace('closed →', `${state} →`));
    this.#tell({ type: 'restore' });
  }

  /** Until time alone changes something, or a window is about to forget: where edges are. */
  #dueInMs(argument: number): number {
    const { state, untilMs, probes } = this.#model;
    const dueMs = state === 'open' ? untilMs : (probes[0] ?? NaN) + this.#options.probeMsMax;
    return Number.isFinite(dueMs) ? dueMs - this.#nowMs : windowMs - (argument % 6);
  }

  #passTime(ms: number): void {
    for (let passed = 0; passed < ms; passed++) {
      this.#inStateMs[this.#model.state]++;
      this.#nowMs++;
      this.#tell({ type: 'millisecond' });
    }
  }
}

/** The value of a promise, or what it rejects with. */
function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

const settings: fc.Arbitrary<Given> = fc.record({
  rule: fc.nat(rules.length - 1),
  growth: fc.constantFrom(1, 2),
  probesMax: fc.integer({ min: 1, max: 3 }),
  successesToClose: fc.integer({ min: 1, max: 3 }),
});

const weighted = Object.entries(weights).flatMap(([name, weight]) =>
  Array<CommandName>(weight).fill(name as CommandName),
);

/** What to do, with which call or for how long, and whether to look at the breaker after it. */
const commands = fc.array(fc.tuple(fc.constantFrom(...weighted), fc.nat(20), fc.boolean()), {
  minLength: 1,
  maxLength: 40,
  size: 'max',
});

test(
  'whatever happens to it, a breaker does what the model does',
  { timeout: 900_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(settings, commands, async (given, sequence) => {
        const pair = new Pair(given);
        for (const [name, argument, looks] of sequence) {
          await pair.run(name, argument);
          if (looks) pair.look();
        }
        pair.look();
      }),
      { numRuns: runs },
    );
  },
);
