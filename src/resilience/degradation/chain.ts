import { badOption } from '../options.ts';
import {
  DegradationCounts,
  type DegradationStrategy,
  type DegradationSummary,
  isPlainObject,
  type Substitute,
  type SubstituteMarks,
} from './strategy.ts';

/** Asks several strategies in order. Each counts what it does, the chain what came of it. */
export class ChainStrategy<R> implements DegradationStrategy<R> {
  readonly name: string;
  readonly #strategies: readonly DegradationStrategy<R>[];
  readonly #counts = new DegradationCounts();
  #dropReason: string | undefined;

  constructor(strategies: readonly DegradationStrategy<R>[]) {
    if (strategies.length === 0) {
      throw badOption('chain', 'strategies', strategies, 'one strategy or more');
    }
    for (const strategy of strategies) checkStrategy('chain', strategy);
    this.name = strategies.map(({ name }) => name).join(', ');
    this.#strategies = [...strategies];
  }

  get options(): unknown {
    return this.#strategies.map(({ name, options = name }) => options);
  }

  get dropReason(): string | undefined {
    return this.#dropReason;
  }

  handleFailure(key: string, error: unknown): Substitute<R> | undefined {
    for (const strategy of this.#strategies) {
      const substitute = this.#ask(strategy, key, error);
      if (substitute !== undefined) {
        // Only a constant can be something that carries no mark.
        const marks = substitute as Partial<SubstituteMarks>;
        this.#counts.recordSubstitute((isPlainObject(marks) && marks.quality) || 'constant');
        return substitute;
      }
      this.#dropReason = strategy.dropReason ?? 'drop';
    }
    this.#counts.recordDrop(this.#dropReason!);
    return undefined;
  }

  #ask(strategy: DegradationStrategy<R>, key: string, error: unknown): Substitute<R> | undefined {
    try {
      return strategy.handleFailure(key, error);
    } catch (thrown) {
      this.#counts.recordDrop('threw');
      throw thrown;
    }
  }

  recordSuccess(key: string, reading: R): void {
    this.#counts.recordLive();
    for (const strategy of this.#strategies) strategy.recordSuccess(key, reading);
  }

  /** What it has done so far; evicted keys are counted by the strategies that have them. */
  summary(): DegradationSummary {
    return this.#counts.summary(this.name, 0);
  }
}

/** Throws `ERR_CONFIG_INVALID` where a value is no strategy. */
export function checkStrategy(policy: string, value: unknown): void {
  const { handleFailure, recordSuccess } = (value ?? {}) as Partial<DegradationStrategy>;
  if (typeof handleFailure === 'function' && typeof recordSuccess === 'function') return;
  throw badOption(policy, 'strategy', value, 'a strategy, as `lastKnownGood()`');
}
