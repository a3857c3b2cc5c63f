import { deepStrictEqual, strictEqual } from 'node:assert/strict';

import type { Clock } from '../../src/core/index.ts';
import { BulkheadFullError } from '../../src/resilience/errors.ts';
import {
  anyOf,
  type CircuitBreaker,
  circuitBreaker,
  consecutiveFailures,
  failureRate,
  isCircuitOpenError,
  type OpeningRule,
  slowCallRate,
} from '../../src/resilience/index.ts';
import {
  BreakerModel,
  type EndedCall,
  type ModelCall,
  type ModelOptions,
  type OpensBy,
} from './circuit-breaker-model.ts';

const slowMs = 7;
const windowMs = 40;

const failuresAtEnd = (calls: readonly EndedCall[], failures: number): boolean =>
  calls.length >= failures && calls.slice(-failures).every(({ failed }) => failed);
const atLeastHalf = (isBad: (call: EndedCall) => boolean, calls: readonly EndedCall[]): boolean =>
  calls.length >= 2 && isBad(calls.at(-1)!) && calls.filter(isBad).length >= calls.length / 2;
const failed = (call: EndedCall): boolean => call.failed;
const slow = (call: EndedCall): boolean => call.tookMs >= slowMs;

/** Each rule, and what it says, of all calls since the breaker closed. */
export const rules: readonly (readonly [OpeningRule, OpensBy])[] = [
  [consecutiveFailures(1), (calls) => failuresAtEnd(calls, 1)],
  [consecutiveFailures(3), (calls) => failuresAtEnd(calls, 3)],
  [
    failureRate({ rate: 0.5, callsMin: 2, window: { calls: 4 } }),
    (calls) => atLeastHalf(failed, calls.slice(-4)),
  ],
  [
    failureRate({ rate: 0.5, callsMin: 2, window: { ms: windowMs } }),
    (calls, closedAtMs) => {
      const bucket = ({ endMs }: EndedCall): number => Math.floor((endMs - closedAtMs) / 4);
      return atLeastHalf(
        failed,
        calls.filter((call) => bucket(calls.at(-1)!) - bucket(call) < 10),
      );
    },
  ],
  [
    anyOf(
      consecutiveFailures(2),
      slowCallRate({ slowMs, rate: 0.5, callsMin: 2, window: { calls: 4 } }),
    ),
    (calls) => failuresAtEnd(calls, 2) || atLeastHalf(slow, calls.slice(-4)),
  ],
];

/** What a breaker is told at random. */
export interface Given {
  readonly rule: number;
  readonly growth: number;
  readonly probesMax: number;
  readonly successesToClose: number;
}

/** What can happen, and how often against the others. */
export const weights = {
  start: 4,
  succeed: 3,
  fail: 2,
  harmless: 1,
  abort: 1,
  'refused inside': 1,
  'pass time': 3,
  'call at once': 1,
  'fail at once': 1,
  'fail slowly at once': 1,
  'hold open': 1,
  'hold closed': 1,
  release: 2,
  restore: 1,
  'restore elsewhere': 1,
};
export type CommandName = keyof typeof weights;
interface OpenCall {
  readonly inModel: ModelCall;
  readonly result: Promise<string>;
  readonly resolve: (value: string) => void;
  readonly reject: (error: Error) => void;
  readonly caller: AbortController;
}

/** A breaker and the model of it, told the same. */
export class Pair {
  readonly #options: ModelOptions;
  readonly #model: BreakerModel;
  readonly #told: string[] = [];
  #breaker: CircuitBreaker;
  #open: OpenCall[] = [];
  /** Where the monotonic clock of the present process starts. */
  #clockStartMs = 5;

  constructor({ rule, ...rest }: Given) {
    const [opens, opensBy] = rules[rule]!;
    this.#options = {
      opens,
      ...rest,
      openMs: 10,
      openMsMax: 30,
      probeMsMax: 15,
      failureOn: (error) => (error as Error).message !== 'harmless',
      onEvent: (event) => {
        if (event.type !== 'breaker.changed') return;
        this.#told.push(`${event.from} → ${event.to}: ${event.reason}`);
      },
    };
    this.#model = new BreakerModel(this.#options, opensBy);
    this.#breaker = this.#createBreaker();
  }

  #createBreaker(): CircuitBreaker {
    const startMs = this.#clockStartMs;
    const clock = { monotonic: () => startMs + this.#model.nowMs } as Clock;
    return circuitBreaker({ ...this.#options, clock });
  }

  async run(name: CommandName, argument: number): Promise<void> {
    const model = this.#model;
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
        return this.#passTime(2 * argument);
      case 'call at once':
      case 'fail at once':
      case 'fail slowly at once':
        return this.#callAtOnce(name);
      case 'hold open':
      case 'hold closed': {
        const state = name === 'hold open' ? 'open' : 'closed';
        model.hold(state);
        return this.#breaker.hold(state);
      }
      case 'release':
        model.release();
        return this.#breaker.release();
      case 'restore':
      case 'restore elsewhere': {
        const saved: unknown = JSON.parse(JSON.stringify(this.#breaker.snapshot()));
        if (name === 'restore elsewhere') {
          // Whoever made the calls that are out is gone.
          this.#open = [];
          this.#clockStartMs += 1000;
          this.#breaker = this.#createBreaker();
          this.#breaker.restore(saved);
          // That of the new one was closed; the model knows of one alone.
          this.#told.push(this.#told.pop()!.replace('closed →', `${model.state} →`));
        } else {
          this.#breaker.restore(saved);
        }
        model.restore();
      }
    }
  }

  look(): void {
    const { count, inStateMs, failedAtMs, nowMs, state, isHeld, retryAfterMs } = this.#model;
    strictEqual(this.#breaker.state, state);
    strictEqual(this.#breaker.isHeld, isHeld);
    strictEqual(this.#breaker.retryAfterMs, retryAfterMs);
    deepStrictEqual(this.#breaker.metrics, {
      ...count,
      sinceLastFailureMs: failedAtMs === undefined ? null : nowMs - failedAtMs,
      closedMs: inStateMs.closed,
      openMs: inStateMs.open,
      halfOpenMs: inStateMs['half-open'],
    });
    deepStrictEqual(this.#told, this.#model.log);
  }

  async #start(): Promise<void> {
    const inModel = this.#model.enter();
    const caller = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let isCalled = false;
    const result = this.#breaker.execute(() => {
      isCalled = true;
      return promise;
    }, caller.signal);
    strictEqual(isCalled, inModel !== undefined);
    if (inModel) this.#open.push({ inModel, result, resolve, reject, caller });
    else strictEqual(isCircuitOpenError(await outcomeOf(result)), true);
  }

  async #end(how: string, argument: number): Promise<void> {
    const [call] = this.#open.splice(argument % Math.max(1, this.#open.length), 1);
    if (call === undefined) return;
    const { inModel, result, resolve, reject, caller } = call;
    const error =
      how === 'refused inside' ? new BulkheadFullError({ place: how, fact: how }) : new Error(how);
    if (how === 'abort') caller.abort();
    if (how === 'succeed') resolve(how);
    else reject(error);
    strictEqual(await outcomeOf(result), how === 'succeed' ? how : error);
    if (how === 'fail') this.#model.end(inModel, 'failure');
    else if (how === 'succeed' || how === 'harmless') this.#model.end(inModel, 'success');
    else this.#model.end(inModel, 'ignored');
  }

  #callAtOnce(how: 'call at once' | 'fail at once' | 'fail slowly at once'): void {
    const inModel = this.#model.enter();
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
    strictEqual(result, inModel === undefined ? 'refused' : expected);
    if (inModel) this.#model.end(inModel, how === 'call at once' ? 'success' : 'failure');
  }

  #passTime(ms: number): void {
    for (let passed = 0; passed < ms; passed++) this.#model.passMillisecond();
  }
}

/** The value of a promise, or what it rejects with. */
function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}
