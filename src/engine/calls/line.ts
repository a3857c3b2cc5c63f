/**
 * Calls that wait for a breaker. The first watches it, and makes its call when that lets it in; then
 * it is the turn of the next. Those that have failed already stand behind those that have not.
 */
export class Line {
  #hasFirst = false;
  readonly #fresh: PromiseWithResolvers<void>[] = [];
  readonly #failed: PromiseWithResolvers<void>[] = [];

  /** Whether one waits that has not failed yet. */
  get hasFresh(): boolean {
    return this.#fresh.length > 0;
  }

  /** Resolves when it is the first: at once, false, or after a wait, true. */
  async stepUp(hasFailed: boolean, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (!this.#hasFirst) {
      this.#hasFirst = true;
      return false;
    }
    const turn = Promise.withResolvers<void>();
    const waiting = hasFailed ? this.#failed : this.#fresh;
    const giveUp = (): void => {
      const at = waiting.indexOf(turn);
      // Its turn may have come just now: then it steps down as the first.
      if (at < 0) return;
      waiting.splice(at, 1);
      turn.reject(signal.reason);
    };
    waiting.push(turn);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
    return true;
  }

  /** The first has begun its call, lets others go before it, or has given up. */
  stepDown(): void {
    const next = this.#fresh.shift() ?? this.#failed.shift();
    this.#hasFirst = next !== undefined;
    next?.resolve();
  }
}
