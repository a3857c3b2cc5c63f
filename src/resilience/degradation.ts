import { type Clock, systemClock } from '../core/index.ts';
import { ChainStrategy } from './degradation/chain.ts';
import { History } from './degradation/history.ts';
import { contiguous, lineAt, mean } from './degradation/interpolation.ts';
import {
  BuiltInStrategy,
  type DegradationStrategy,
  type Found,
  isPlainObject,
  type NotFound,
} from './degradation/strategy.ts';
import { badOption, checkNames, checkNumber, checkWord, shownOptions } from './options.ts';

/** What a strategy that remembers readings is told. */
export interface HistoryOptions {
  /** Keys to remember; the least recently used is forgotten for a new one. 10,000 unless given. */
  readonly keysMax?: number | undefined;
  /** The system's unless given. */
  readonly clock?: Clock | undefined;
}

/** Nothing is delivered: for readings that are worse stale than missing. */
export function dropStrategy<R = unknown>(): BuiltInStrategy<R> {
  return new Drop();
}

class Drop<R> extends BuiltInStrategy<R> {
  readonly name = 'drop';

  override get options(): unknown {
    return 'drop';
  }

  protected remember(): void {}

  protected find(): NotFound {
    return { dropReason: 'drop' };
  }
}

/** How old the last known good reading may be, and how many keys have one. */
export interface LastKnownGoodOptions extends HistoryOptions {
  /** An older reading is not delivered; no limit unless given. In milliseconds. */
  readonly ageMsMax?: number | undefined;
}

/**
 * Delivers a copy of the last reading of the key with `stale: true`: for physical values that change
 * slowly. Readings are plain objects; they are not to be changed once they have been delivered.
 */
export function lastKnownGood<R extends object>(
  options: LastKnownGoodOptions = {},
): BuiltInStrategy<R> {
  return new LastKnownGood(options);
}

class LastKnownGood<R> extends BuiltInStrategy<R> {
  readonly name = 'last-known-good';
  readonly #ageMsMax: number;
  readonly #clock: Clock;
  readonly #history: History<R>;

  constructor(options: LastKnownGoodOptions) {
    super();
    checkNames(this.name, options, ['ageMsMax', 'keysMax', 'clock']);
    const { ageMsMax, keysMax = 10_000, clock = systemClock } = options;
    checkNumber(this.name, 'ageMsMax', ageMsMax, 'positive');
    checkNumber(this.name, 'keysMax', keysMax, 'positive integer');
    this.#ageMsMax = ageMsMax ?? Infinity;
    this.#clock = clock;
    this.#history = new History(1, keysMax, clock);
  }

  override get options(): unknown {
    const { keysMax } = this.#history;
    return { lastKnownGood: shownOptions({ ageMsMax: this.#ageMsMax, keysMax }) };
  }

  /** What its times pass by. */
  get clock(): Clock {
    return this.#clock;
  }

  protected override get keysEvicted(): number {
    return this.#history.evicted;
  }

  protected remember(key: string, reading: R): void {
    this.#history.record(key, reading);
  }

  protected find(key: string): Found<R> | NotFound {
    const [last] = this.#history.last(key);
    if (last === undefined) return { dropReason: 'no-history' };
    if (!isPlainObject(last.reading)) return { dropReason: 'not-an-object' };
    if (this.#clock.monotonic() - last.atMs > this.#ageMsMax) return { dropReason: 'too-old' };
    return { reading: last.reading, quality: 'stale', sourceTimeMs: last.timeMs };
  }
}

/** What is interpolated, and how far. `N`: the names of numbers in a reading. */
export interface InterpolatedOptions<N extends string = string> extends HistoryOptions {
  /** The numbers that are interpolated; `['value']` unless given. All else is that of the last. */
  readonly fields?: readonly N[] | undefined;
  /** The mean of the last three, or the line through them, at this moment; `mean` unless given. */
  readonly method?: 'mean' | 'linear' | undefined;
  /**
   * The longest gap between two readings, or since the last, that is bridged: what lies beyond one
   * counts for nothing. No limit unless given. In milliseconds.
   */
  readonly gapMsMax?: number | undefined;
}

/**
 * Delivers a copy of the last reading of the key with its numbers interpolated from the last three,
 * or from as many as there are, and `interpolated: true`: for smooth signals. Readings are plain
 * objects; one without these numbers, or with NaN, is not remembered.
 */
export function interpolated<R extends object>(
  options: InterpolatedOptions<keyof R & string> = {},
): BuiltInStrategy<R> {
  return new Interpolated<R>(options);
}

class Interpolated<R> extends BuiltInStrategy<R> {
  readonly name = 'interpolated';
  readonly #fields: readonly string[];
  readonly #isLinear: boolean;
  readonly #gapMsMax: number;
  readonly #clock: Clock;
  readonly #history: History<Readonly<Record<string, number>>>;

  constructor(options: InterpolatedOptions) {
    super();
    checkNames(this.name, options, ['fields', 'method', 'gapMsMax', 'keysMax', 'clock']);
    const { fields = ['value'], method, gapMsMax, keysMax = 10_000, clock = systemClock } = options;
    if (!Array.isArray(fields) || fields.length === 0) {
      throw badOption(this.name, 'fields', fields, "a list of names, as `['value']`");
    }
    checkWord(this.name, 'method', method, ['mean', 'linear']);
    checkNumber(this.name, 'gapMsMax', gapMsMax, 'positive');
    checkNumber(this.name, 'keysMax', keysMax, 'positive integer');
    this.#fields = [...fields];
    this.#isLinear = method === 'linear';
    this.#gapMsMax = gapMsMax ?? Infinity;
    this.#clock = clock;
    this.#history = new History(3, keysMax, clock);
  }

  override get options(): unknown {
    const method = this.#isLinear ? 'linear' : 'mean';
    const { keysMax } = this.#history;
    const given = { fields: this.#fields, method, gapMsMax: this.#gapMsMax, keysMax };
    return { interpolated: shownOptions(given) };
  }

  /** What its times pass by. */
  get clock(): Clock {
    return this.#clock;
  }

  protected override get keysEvicted(): number {
    return this.#history.evicted;
  }

  protected remember(key: string, reading: R): void {
    if (!isPlainObject(reading)) return;
    const numbers = reading as Readonly<Record<string, number>>;
    for (const field of this.#fields) if (!Number.isFinite(numbers[field])) return;
    this.#history.record(key, numbers);
  }

  protected find(key: string): Found<R> | NotFound {
    const samples = this.#history.last(key);
    if (samples.length === 0) return { dropReason: 'no-history' };
    const nowMs = this.#clock.monotonic();
    const used = contiguous(samples, nowMs, this.#gapMsMax);
    const [newest] = used;
    if (newest === undefined) return { dropReason: 'gap-too-long' };
    const times = used.map(({ atMs }) => atMs - nowMs);
    const reading: Record<string, number> = { ...newest.reading };
    for (const field of this.#fields) {
      const values = used.map((sample) => sample.reading[field]!);
      reading[field] = this.#isLinear ? lineAt(times, values) : mean(values);
    }
    return { reading: reading as R, quality: 'interpolated', sourceTimeMs: newest.timeMs };
  }
}

/**
 * Delivers the same value each time. A plain object is copied and marked as other readings are;
 * anything else – a number, null, a list – is given as it is.
 */
export function constant<R>(value: R): BuiltInStrategy<R> {
  if ((value as unknown) === undefined)
    throw badOption('constant', 'value', value, 'any other value');
  return new Constant(value);
}

class Constant<R> extends BuiltInStrategy<R> {
  readonly name = 'constant';
  readonly #found: Found<R>;

  constructor(reading: R) {
    super();
    this.#found = { reading, quality: 'constant', sourceTimeMs: null };
  }

  protected remember(): void {}

  override get options(): unknown {
    return { constant: this.#found.reading };
  }

  protected find(): Found<R> {
    return this.#found;
  }
}

/** The first of these that has something to deliver: `chain(interpolated(…), lastKnownGood(…))`. */
export function chain<R>(
  ...strategies: readonly DegradationStrategy<R>[]
): DegradationStrategy<R> & Pick<BuiltInStrategy<R>, 'summary'> {
  return new ChainStrategy(strategies);
}
