import type { Clock } from '../../core/index.ts';
import { badOption, checkNames, checkNumber, requireNumber } from '../options.ts';
import type { Shown } from '../policy.ts';
import { type CallWindow, CountWindow, TimeWindow, type WindowSize } from './windows.ts';

/** When a closed breaker opens. Many breakers may share a rule: it holds nothing of any of them. */
export interface OpeningRule extends Shown {
  /** From here a call is slow, and a probe that is slow has failed; Infinity where none ever is. */
  readonly slowMs: number;
  /** What one breaker remembers, empty: made anew each time that it closes. */
  memory(clock: Clock): RuleMemory;
}

/** What one closed breaker remembers of its calls. */
export interface RuleMemory {
  /**
   * Takes in a call that has ended; true where the breaker opens by it. `tookMs` is measured only
   * for a rule with a `slowMs`; `failuresInRow` counts this call.
   */
  record(isFailure: boolean, tookMs: number, failuresInRow: number): boolean;
  /** As JSON, for `snapshot()`. */
  save(): unknown;
  /** Takes over what was saved; false where that was of another rule. */
  load(saved: unknown): boolean;
}

/** Opens at so many failures with no success between them. */
export function consecutiveFailures(failures: number): OpeningRule {
  requireNumber('consecutiveFailures', 'failures', failures, 'positive integer');
  // The breaker counts them; there is nothing else to remember.
  const memory: RuleMemory = {
    record: (isFailure, _tookMs, failuresInRow) => isFailure && failuresInRow >= failures,
    save: () => null,
    load: (saved) => saved === null,
  };
  const options = { consecutiveFailures: failures };
  return { options, slowMs: Infinity, memory: () => memory };
}

/** When the share of failures opens a breaker. */
export interface FailureRateOptions {
  /** The share of calls that fail from which it opens: above 0, at most 1. */
  readonly rate: number;
  /** Fewer calls in the window than this say nothing; 10 unless given. */
  readonly callsMin?: number | undefined;
  readonly window: WindowSize;
}

/** Opens at a failure when this share of the last calls, or of those of the last time, failed. */
export function failureRate(options: FailureRateOptions): OpeningRule {
  const { rate, callsMin, createWindow } = checkRate('failureRate', options, []);
  return {
    options: { failureRate: { rate, callsMin, window: { ...options.window } } },
    slowMs: Infinity,
    memory: (clock) => new RateMemory(createWindow(clock), rate, callsMin, Infinity),
  };
}

/** When the share of slow calls opens a breaker. */
export interface SlowCallRateOptions {
  /** A call that takes as long is slow, whether it fails or not. */
  readonly slowMs: number;
  /** The share of calls that are slow from which it opens: above 0, at most 1. */
  readonly rate: number;
  /** Fewer calls in the window than this say nothing; 10 unless given. */
  readonly callsMin?: number | undefined;
  readonly window: WindowSize;
}

/** Opens at a slow call when this share of the last calls, or of those of the last time, was slow. */
export function slowCallRate(options: SlowCallRateOptions): OpeningRule {
  const { rate, callsMin, createWindow } = checkRate('slowCallRate', options, ['slowMs']);
  const { slowMs } = options;
  if (slowMs === undefined) throw badOption('slowCallRate', 'slowMs', slowMs, 'milliseconds');
  requireNumber('slowCallRate', 'slowMs', slowMs, 'positive');
  return {
    options: { slowCallRate: { slowMs, rate, callsMin, window: { ...options.window } } },
    slowMs,
    memory: (clock) => new RateMemory(createWindow(clock), rate, callsMin, slowMs),
  };
}

/** Opens when one of the rules does. */
export function anyOf(...rules: readonly OpeningRule[]): OpeningRule {
  if (rules.length === 0 || !rules.every(isOpeningRule)) {
    throw badOption('anyOf', 'rules', rules, 'one rule or more, as `consecutiveFailures(5)`');
  }
  return {
    options: { anyOf: rules.map(({ options = '[custom]' }) => options) },
    slowMs: Math.min(...rules.map(({ slowMs }) => slowMs)),
    memory: (clock) => new AnyMemory(rules.map((rule) => rule.memory(clock))),
  };
}

export function isOpeningRule(value: unknown): value is OpeningRule {
  if (typeof value !== 'object' || value === null) return false;
  const { slowMs, memory } = value as Partial<OpeningRule>;
  return typeof slowMs === 'number' && slowMs > 0 && typeof memory === 'function';
}

class RateMemory implements RuleMemory {
  readonly #window: CallWindow;
  readonly #rate: number;
  readonly #callsMin: number;
  /** Infinity where failed calls are the bad ones, not slow ones. */
  readonly #slowMs: number;

  constructor(window: CallWindow, rate: number, callsMin: number, slowMs: number) {
    this.#window = window;
    this.#rate = rate;
    this.#callsMin = callsMin;
    this.#slowMs = slowMs;
  }

  record(isFailure: boolean, tookMs: number): boolean {
    const window = this.#window;
    const isBad = this.#slowMs === Infinity ? isFailure : tookMs >= this.#slowMs;
    window.add(isBad);
    // A good call never opens, even if it is the one that makes the calls enough.
    return isBad && window.calls >= this.#callsMin && window.bad / window.calls >= this.#rate;
  }

  save(): unknown {
    return this.#window.save();
  }

  load(saved: unknown): boolean {
    return this.#window.load(saved);
  }
}

class AnyMemory implements RuleMemory {
  readonly #memories: readonly RuleMemory[];

  constructor(memories: readonly RuleMemory[]) {
    this.#memories = memories;
  }

  record(isFailure: boolean, tookMs: number, failuresInRow: number): boolean {
    // Once one opens the others are forgotten with it.
    for (const memory of this.#memories) {
      if (memory.record(isFailure, tookMs, failuresInRow)) return true;
    }
    return false;
  }

  save(): unknown {
    return this.#memories.map((memory) => memory.save());
  }

  load(saved: unknown): boolean {
    const memories = this.#memories;
    if (!Array.isArray(saved) || saved.length !== memories.length) return false;
    return memories.every((memory, at) => memory.load(saved[at]));
  }
}

interface Rate {
  readonly rate: number;
  readonly callsMin: number;
  readonly createWindow: (clock: Clock) => CallWindow;
}

/** A window has a byte for each. */
const callsMax = 1_000_000;

/** Checks what the options of a rate share with each other. */
function checkRate(rule: string, options: FailureRateOptions, more: readonly string[]): Rate {
  checkNames(rule, options, ['rate', 'callsMin', 'window', ...more]);
  const { rate, callsMin: given, window } = options;
  requireNumber(rule, 'rate', rate, 'share');
  checkNumber(rule, 'callsMin', given, 'positive integer');
  const { calls, ms } = (window ?? {}) as { calls?: number; ms?: number };
  if ((calls === undefined) === (ms === undefined)) {
    throw badOption(rule, 'window', window, '`{ calls: … }` or `{ ms: … }`');
  }
  checkNames(`${rule}.window`, window, ['calls', 'ms']);
  checkNumber(rule, 'window.calls', calls, 'positive integer');
  if (calls !== undefined && calls > callsMax) {
    throw badOption(rule, 'window.calls', calls, `a whole number from 1 to ${callsMax}`);
  }
  checkNumber(rule, 'window.ms', ms, 'positive');
  if (given !== undefined && calls !== undefined && given > calls) {
    throw badOption(rule, 'callsMin', given, `at most the ${calls} calls of the window`);
  }
  const callsMin = given ?? Math.min(10, calls ?? 10);
  if (calls !== undefined) return { rate, callsMin, createWindow: () => new CountWindow(calls) };
  return { rate, callsMin, createWindow: (clock) => new TimeWindow(ms!, clock) };
}
