import type { Policy } from '../core/index.ts';
import { tell } from '../core/listeners.ts';
import { PipelineError } from '../errors.ts';
import { between, type Ends } from './between.ts';
import { checkStrategy } from './degradation/chain.ts';
import { type DegradationStrategy, isMarked } from './degradation/strategy.ts';
import { type ErrorMatch, errorTest, shownMatch } from './error-match.ts';
import type { PolicyListener } from './events.ts';
import { checkWrapped, functionFailed, noFunction } from './given-function.ts';
import { badOption, checkNames, shownFunction, shownOptions } from './options.ts';
import { type Attempt, neverAborted, type PolicyOptions, started } from './policy.ts';
import { markUndelivered } from './undelivered.ts';

/** What stands in for a call that fails, and for which. */
export interface FallbackOptions extends Pick<PolicyOptions, 'name' | 'onEvent' | 'execute'> {
  /** What is delivered where a call fails. */
  readonly strategy: DegradationStrategy;
  /**
   * Whose readings stand in for each other: a text, or a function of the arguments of what `wrap` was
   * given. The policy's name unless given, so that a policy without has readings of one thing only.
   */
  readonly key?: string | ((...args: never[]) => string) | undefined;
  /** The errors that something is delivered for; all unless given. */
  readonly substituteOn?: ErrorMatch | undefined;
}

/** The ends of all calls of a key. */
interface SharedEnds extends Ends {
  readonly key: string;
  readonly signal: AbortSignal;
}

/**
 * Delivers what a strategy finds where a call fails. Where it finds nothing, where the error is not
 * one of `substituteOn`, and where the caller has given up, the call fails with its own error.
 */
export class Fallback implements Policy {
  readonly kind = 'fallback';
  readonly name: string;
  readonly strategy: DegradationStrategy;
  readonly #substituteOn: ErrorMatch | undefined;
  readonly #key: string | ((...args: never[]) => string);
  readonly #isSubstituted: (error: unknown) => boolean;
  readonly #onEvent: PolicyListener | undefined;
  // Calls of the same key end alike, so that most of them make nothing anew.
  #lastEnds: SharedEnds | undefined;

  /** Use `fallback(options)`. */
  constructor(options: FallbackOptions) {
    checkNames('fallback', options, ['name', 'strategy', 'key', 'substituteOn', 'onEvent']);
    const { name = 'fallback', strategy, key = name, substituteOn } = options as FallbackOptions;
    checkStrategy(name, strategy);
    if (typeof key !== 'string' && typeof key !== 'function') {
      throw badOption(name, 'key', key, 'a text, or a function of the arguments');
    }
    this.name = name;
    this.strategy = strategy;
    this.#key = key;
    this.#substituteOn = substituteOn;
    this.#isSubstituted =
      substituteOn === undefined ? () => true : errorTest(name, 'substituteOn', substituteOn);
    this.#onEvent = options.onEvent;
  }

  /** What it was made with, the defaults too: plain data, to be shown. */
  get options(): object {
    const key = this.#key;
    return shownOptions({
      strategy: this.strategy.options ?? this.strategy.name,
      key: typeof key === 'function' ? shownFunction(key) : key,
      substituteOn: shownMatch(this.#substituteOn),
    });
  }

  /** Whether `execute` takes, third, the policy that stands between it and the call. */
  get takesInner(): boolean {
    return true;
  }

  /** The substitute is taken to be of the type of what it stands in for. */
  execute<T>(attempt: Attempt<T>, signal: AbortSignal = neverAborted, inner?: Policy): Promise<T> {
    if (typeof this.#key === 'function') return Promise.reject(this.#withoutArguments());
    return this.executeWith([], attempt, signal, inner);
  }

  /** As `execute`, for a call with these arguments: a `key` that is a function is made of them. */
  executeWith<T>(
    args: readonly unknown[],
    attempt: Attempt<T>,
    signal: AbortSignal = neverAborted,
    inner?: Policy,
  ): Promise<T> {
    if (typeof attempt !== 'function') {
      return Promise.reject(noFunction(this.name, 'execute', attempt));
    }
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    let ends: Ends;
    try {
      ends = this.#endsOf(this.#keyOf(args), signal);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return started(attempt, signal, inner).then(ends.succeed, ends.fail) as Promise<T>;
  }

  /**
   * The function under this policy: a synchronous one stays so. Where its last argument is an
   * `AbortSignal`, that is the one by which the caller gives up.
   */
  wrap<This, A extends unknown[], R>(
    fn: (this: This, ...args: A) => R,
  ): (this: This, ...args: A) => R {
    checkWrapped(this.name, fn);
    return between(fn, (args, signal) => this.#endsOf(this.#keyOf(args), signal));
  }

  #keyOf(args: readonly unknown[]): string {
    if (typeof this.#key === 'string') return this.#key;
    try {
      return this.#key(...(args as readonly never[]));
    } catch (thrown) {
      throw functionFailed(`${this.name}.key`, thrown);
    }
  }

  #endsOf(key: string, signal: AbortSignal): SharedEnds {
    const last = this.#lastEnds;
    if (last !== undefined && last.key === key && last.signal === signal) return last;
    const ends: SharedEnds = {
      key,
      signal,
      succeed: (value) => {
        // What a fallback within delivered was not had.
        if (!isMarked(value)) this.#remember(key, value);
        return value;
      },
      fail: (error) => {
        if (signal.aborted || !this.#isSubstituted(error)) throw error;
        return this.#substitute(key, error);
      },
    };
    this.#lastEnds = ends;
    return ends;
  }

  #remember(key: string, value: unknown): void {
    try {
      this.strategy.recordSuccess(key, value);
    } catch (thrown) {
      throw functionFailed(`${this.name}.strategy`, thrown);
    }
  }

  #find(key: string, error: unknown): unknown {
    try {
      return this.strategy.handleFailure(key, error);
    } catch (thrown) {
      throw functionFailed(`${this.name}.strategy`, thrown, error);
    }
  }

  #substitute(key: string, error: unknown): unknown {
    const { name, strategy } = this;
    const substitute = this.#find(key, error);
    if (this.#onEvent !== undefined) {
      tellSubstitute(this.#onEvent, { name, key, strategy, error, substitute });
    }
    if (substitute !== undefined) return substitute;
    markUndelivered(error, strategy.dropReason ?? 'drop');
    throw error;
  }

  #withoutArguments(): PipelineError {
    return new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: `${this.name}.key`,
      fact: 'is a function of the arguments, and `execute` is given none',
      remedy: 'use `wrap`, or a fallback for each key with the same strategy',
    });
  }
}

/** A policy that delivers the last known good value, an interpolated one, a constant … instead. */
export function fallback(options: FallbackOptions): Fallback {
  return new Fallback(options);
}

/** What came of a failure, for whoever listens. */
interface Substitution {
  readonly name: string;
  readonly key: string;
  readonly strategy: DegradationStrategy;
  readonly error: unknown;
  readonly substitute: unknown;
}

export function tellSubstitute(
  onEvent: PolicyListener,
  { name, key, strategy, error, substitute }: Substitution,
): void {
  const facts = { name, key, strategy: strategy.name, error };
  if (substitute !== undefined) tell(onEvent, { type: 'fallback.substituted', ...facts });
  else {
    const reason = strategy.dropReason ?? 'drop';
    tell(onEvent, { type: 'fallback.dropped', ...facts, reason });
  }
}
