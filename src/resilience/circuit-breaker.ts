import type { Policy } from '../core/index.ts';
import { between, type Ends } from './between.ts';
import { BreakerMachine } from './circuit-breaker/machine.ts';
import type { BreakerSettings, CircuitBreakerOptions } from './circuit-breaker/options.ts';
import { markCounted } from './counted.ts';
import { isRefusal, shownMatch } from './error-match.ts';
import { checkWrapped, noFunction } from './given-function.ts';
import { shownOptions } from './options.ts';
import { type Attempt, neverAborted, started } from './policy.ts';

/** The ends of all calls that begin alike. */
interface SharedEnds extends Ends {
  readonly breaker: CircuitBreaker;
  readonly generation: number;
  readonly startMs: number;
  readonly signal: AbortSignal;
  readonly fail: (error: unknown) => never;
}

// Calls that begin alike end alike, so that those of a closed breaker, which nobody times, make
// nothing anew. One for each settings and none in a breaker: a hundred thousand are to stay small.
const lastEnds = new WeakMap<BreakerSettings, SharedEnds>();

/**
 * Lets calls through while what they call works, refuses them with `CircuitOpenError` while it does
 * not, and finds out by probes when it works again. Times pass by the monotonic clock; a change that
 * is due is made when the breaker is next called or asked.
 */
export class CircuitBreaker extends BreakerMachine implements Policy {
  // Not a field: there may be a hundred thousand.
  get kind(): 'circuitBreaker' {
    return 'circuitBreaker';
  }

  get takesInner(): boolean {
    return true;
  }

  /** What it was made with, the defaults too: plain data, to be shown. */
  get options(): object {
    const { opens, openMs, growth, openMsMax, jitter, failureOn } = this.settings;
    const { probesMax, successesToClose, probeMsMax } = this.settings;
    return shownOptions({
      opens: opens.options ?? '[custom]',
      openMs,
      growth,
      openMsMax,
      jitter,
      probesMax,
      successesToClose,
      probeMsMax,
      failureOn: shownMatch(failureOn),
    });
  }

  /**
   * Calls `attempt` unless the breaker is open; rejects with `CircuitOpenError` where it is. Never
   * throws at once. A call that fails after `signal` aborted is neither success nor failure.
   */
  execute<T>(attempt: Attempt<T>, signal: AbortSignal = neverAborted, inner?: Policy): Promise<T> {
    if (typeof attempt !== 'function') {
      return Promise.reject(noFunction(this.name, 'execute', attempt));
    }
    let ends: SharedEnds;
    try {
      ends = this.#begin(signal);
    } catch (refusal) {
      return Promise.reject(refusal as Error);
    }
    return started(attempt, signal, inner).then(ends.succeed, ends.fail);
  }

  /**
   * The function under this breaker: a synchronous one stays so and throws `CircuitOpenError`, one
   * that returns promises rejects with it. Where its last argument is an `AbortSignal`, that is the
   * one by which the caller gives up.
   */
  wrap<This, A extends unknown[], R>(
    fn: (this: This, ...args: A) => R,
  ): (this: This, ...args: A) => R {
    checkWrapped(this.name, fn);
    return between(fn, (_args, signal) => this.#begin(signal));
  }

  #begin(signal: AbortSignal): SharedEnds {
    if (signal.aborted) throw signal.reason;
    const startMs = this.enter();
    const last = lastEnds.get(this.settings);
    if (
      last !== undefined &&
      last.breaker === this &&
      last.generation === this.generation &&
      last.startMs === startMs &&
      last.signal === signal
    ) {
      return last;
    }
    const ends = this.#createEnds(startMs, signal);
    lastEnds.set(this.settings, ends);
    return ends;
  }

  #createEnds(startMs: number, signal: AbortSignal): SharedEnds {
    const { generation } = this;
    return {
      breaker: this,
      generation,
      startMs,
      signal,
      succeed: (value) => {
        this.succeed(generation, startMs);
        return value;
      },
      fail: (error) => {
        if (signal.aborted || isRefusal(error)) this.ignore(generation, startMs);
        else this.#endFailed(generation, startMs, error);
        throw error;
      },
    };
  }

  #endFailed(generation: number, startMs: number, error: unknown): void {
    let isFailure: boolean;
    try {
      isFailure = this.settings.isFailure(error);
    } catch (failed) {
      // It has not said that the error is harmless.
      this.fail(generation, startMs);
      throw failed;
    }
    if (isFailure) {
      markCounted(error);
      this.fail(generation, startMs);
    } else this.succeed(generation, startMs);
  }
}

/** A breaker in front of one dependency; give all that call it the same one. */
export function circuitBreaker(options: CircuitBreakerOptions = noOptions): CircuitBreaker {
  return new CircuitBreaker(options);
}

const noOptions: CircuitBreakerOptions = {};
