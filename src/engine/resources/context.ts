import { type Clock, type Logger, silentLogger, systemClock } from '../../core/index.ts';
import { PipelineError, reasonOf } from '../../errors.ts';
import { Emitter } from '../../observe/emitter.ts';
import { GuardedLogger } from '../../observe/guarded-logger.ts';
import type { TierHealth } from '../../observe/snapshot.ts';
import { withinLimit } from '../limit.ts';
import { type Tier, tierDefaults, tierProblems } from './tier.ts';
import type { TierLife } from './tier-life.ts';
import { suppressing, TierStack } from './tier-stack.ts';

/** What a context has beside its tiers. */
export interface TieredOptions {
  /** Where opening, closing and failing are told; nowhere unless given. */
  readonly log?: Logger;
  /** The machine's unless given. */
  readonly clock?: Clock;
  /** Gives up opening, and a run before its next record. What was opened is closed as ever. */
  readonly signal?: AbortSignal;
}

/** A plain function of one record. It gives the record that goes on, or nothing to leave it out. */
export type TieredStage<T> = (record: T) => T | undefined | Promise<T | undefined>;

/** What became of a context. */
export interface TieredSummary {
  readonly pipelineId: string;
  /** Records that were taken in. */
  readonly recordsIn: number;
  /** Records that came out behind the last stage. */
  readonly recordsOut: number;
  /** From the opening of the first tier to the end of the last, or until now. */
  readonly durationMs: number;
  /** The names of the tiers that were opened, in that order. */
  readonly tiersOpened: readonly string[];
  /** The tier or stage that failed first; `records` where the input did; null where nothing has. */
  readonly failedTier: string | null;
}

/** How long a tier may take to say how it is. */
const checkMsMax = 5000;

/**
 * Resources of a run, described by `tier`, opened in that order by `open` and closed in reverse,
 * whatever happens. For `await using`.
 */
export class TieredPipelineContext<R extends object = object> implements AsyncDisposable {
  readonly pipelineId: string;
  readonly #clock: Clock;
  readonly #stack: TierStack;
  /** Of whoever gives up opening: the caller, or `close`. The caller's gives up running too. */
  readonly #signal: AbortSignal;
  readonly #givingUp = new AbortController();
  /** Why nothing more is run, since it is closing. */
  #ending: PipelineError | undefined;
  readonly #described = new Map<string, Tier<unknown>>();
  readonly #begun: (readonly [TierLife, Tier<unknown>])[] = [];
  readonly #opened = new Map<string, unknown>();
  #opening: Promise<void> | undefined;
  #resources: Readonly<R> | undefined;
  #startedMs: number | undefined;
  #endedMs: number | undefined;
  #recordsIn = 0;
  #recordsOut = 0;
  /** Records that stages are at work on. */
  #inHand = 0;
  /** Resolved when there is none, for whoever closes. */
  #handled: PromiseWithResolvers<void> | undefined;

  constructor(
    pipelineId: string,
    { log = silentLogger, clock = systemClock, signal }: TieredOptions = {},
  ) {
    this.pipelineId = pipelineId;
    this.#clock = clock;
    const bound = new GuardedLogger(log).bindContext({ pipeline: pipelineId });
    this.#stack = new TierStack({ clock, emit: new Emitter(bound, clock).emit });
    const closing = this.#givingUp.signal;
    this.#signal = signal === undefined ? closing : AbortSignal.any([signal, closing]);
  }

  /**
   * Adds a tier behind the others; gives the same context, whose type knows it. Throws
   * `ERR_TIER_INVALID` where it is described wrongly, its name is taken, or `open` was called.
   */
  tier<Name extends string, T>(
    name: Name,
    tier: Tier<T, R>,
  ): TieredPipelineContext<R & { readonly [K in Name]: T }> {
    const problems = tierProblems(tier);
    if (typeof name !== 'string' || name.trim() === '') problems.unshift('is no name');
    if (this.#described.has(name)) problems.push('is there already');
    if (this.#opening !== undefined) problems.push('comes after `open`');
    if (problems.length > 0) {
      throw new PipelineError({
        code: 'ERR_TIER_INVALID',
        place: this.pipelineId,
        fact: problems.map((problem) => `\`${String(name)}\` ${problem}`).join('; '),
        remedy: 'give each tier as `{ open, close }`, by a name of its own, before `open`',
      });
    }
    this.#described.set(name, tier as unknown as Tier<unknown>);
    return this as unknown as TieredPipelineContext<R & { readonly [K in Name]: T }>;
  }

  /**
   * What each tier gave, by its name. Throws `ERR_RUN_CLOSED` where `open` did not come to its end, and
   * when they are closed.
   */
  get resources(): Readonly<R> {
    // Until then the record in hand may need them.
    if (this.#ending !== undefined && this.#stack.isClosing) throw this.#ending;
    if (this.#resources === undefined) throw this.#closed('its tiers are not open');
    return this.#resources;
  }

  /**
   * Opens the tiers in order; gives the context. Where one fails, those before it are closed, and its
   * error goes on; a `SuppressedError` around it where closing fails too. Later calls wait for the same.
   */
  async open(): Promise<this> {
    await (this.#opening ??= this.#open());
    return this;
  }

  async #open(): Promise<void> {
    this.#startedMs = this.#clock.monotonic();
    try {
      this.#proceed();
      for (const [name, tier] of this.#described) await this.#openTier(name, tier);
      this.#resources = this.#given() as Readonly<R>;
    } catch (error) {
      const failures = await this.#stack.close();
      this.#endedMs ??= this.#clock.monotonic();
      throw suppressing(failures, { error })!.error;
    }
  }

  async #openTier(name: string, tier: Tier<unknown>): Promise<void> {
    const life = await this.#stack.add({
      name,
      open: (giveUp) => tier.open(giveUp, this.#given()),
      close: (resource) => tier.close(resource),
      openMsMax: tier.openMsMax ?? tierDefaults.openMsMax,
      closeMsMax: tier.closeMsMax ?? tierDefaults.closeMsMax,
    });
    this.#begun.push([life, tier]);
    await this.#stack.open(life, this.#signal);
    this.#opened.set(name, life.resource!.resource);
  }

  #given(): object {
    const given = Object.fromEntries(this.#opened);
    return Object.freeze(Object.setPrototypeOf(given, null) as object);
  }

  /**
   * Takes each record through the stages, one record after another, and gives those that come out. The
   * name of a stage that throws is the `failedTier`; its error goes on as it is. Throws
   * `ERR_RUN_CLOSED` where the tiers are not open, and before the next record when they are closed;
   * `ERR_CONFIG_INVALID`, before the first record, where a stage is no function.
   */
  async run<T>(
    stages: readonly TieredStage<T>[],
    records: Iterable<T> | AsyncIterable<T>,
  ): Promise<T[]> {
    if (this.#resources === undefined) throw this.#closed('its tiers are not open');
    if (this.#ending !== undefined) throw this.#ending;
    const taken: T[] = [];
    let place = 'stages';
    try {
      const steps: (readonly [string, TieredStage<T>])[] = [];
      if (!Array.isArray(stages)) throw this.#misused('was given no list of stages');
      for (const [index, stage] of stages.entries()) {
        place = `stage ${index + 1}`;
        if (typeof stage !== 'function') throw this.#misused(`${place} is no function`);
        const { name }: { readonly name: unknown } = stage;
        steps.push([typeof name === 'string' && name !== '' ? name : place, stage]);
      }
      place = 'records';
      for await (const record of records) {
        this.#proceed();
        this.#recordsIn++;
        this.#inHand++;
        let current: T | undefined = record;
        try {
          for (const [name, stage] of steps) {
            place = name;
            current = await stage(current);
            if (current === undefined) break;
          }
        } finally {
          if (--this.#inHand === 0) this.#handled?.resolve();
        }
        place = 'records';
        if (current === undefined) continue;
        taken.push(current);
        this.#recordsOut++;
      }
    } catch (error) {
      if (!this.#isGivenUp(error)) this.#stack.failed(place);
      throw error;
    }
    return taken;
  }

  /** Throws where it is to go no further. */
  #proceed(): void {
    if (this.#ending !== undefined) throw this.#ending;
    this.#signal.throwIfAborted();
  }

  /** Whether an error only says that the run was given up: the reason, or an `AbortError` of it. */
  #isGivenUp(error: unknown): boolean {
    const { aborted, reason } = this.#signal;
    if (error !== undefined && error === this.#ending) return true;
    return aborted && (error === reason || (error as { cause?: unknown } | null)?.cause === reason);
  }

  #closed(fact: string): PipelineError {
    return new PipelineError({ code: 'ERR_RUN_CLOSED', place: this.pipelineId, fact });
  }

  #misused(fact: string): PipelineError {
    return new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: this.pipelineId,
      fact,
      remedy: 'write `run([(record) => record], records)`',
    });
  }

  /** The figures so far, or of all when it is closed; the same after a failure. Frozen. */
  summary(): TieredSummary {
    const nowMs = this.#clock.monotonic();
    return Object.freeze({
      pipelineId: this.pipelineId,
      recordsIn: this.#recordsIn,
      recordsOut: this.#recordsOut,
      durationMs: this.#startedMs === undefined ? 0 : (this.#endedMs ?? nowMs) - this.#startedMs,
      tiersOpened: Object.freeze([...this.#opened.keys()]),
      failedTier: this.#stack.failedTier ?? null,
    });
  }

  /** How each tier is that was begun, in order; one that is open is asked, where it has a `check`. */
  health(): Promise<TierHealth[]> {
    return Promise.all(
      this.#begun.map(async ([life, tier]) => {
        const reason = await this.#reasonOf(life, tier);
        const health = life.health();
        return reason === null ? health : { ...health, reason };
      }),
    );
  }

  async #reasonOf(life: TierLife, tier: Tier<unknown>): Promise<string | null> {
    const { resource: open } = life;
    if (open === undefined) return null;
    const call = async (): Promise<unknown> => tier.check?.(open.resource);
    const limit = { id: life.name, what: 'check', limitMs: checkMsMax, clock: this.#clock };
    try {
      const said = (await withinLimit(call, limit)) ?? null;
      if (said === null || typeof said === 'string') return said;
      return 'its `check` gave something that is no text';
    } catch (error) {
      return reasonOf(error);
    }
  }

  /**
   * Ends a run before its next record, waits up to 5,000 ms for the one in hand, then closes all tiers,
   * the last first, each once, whatever fails. Rejects with what closing failed with; where several
   * did, with a `SuppressedError`. Later calls wait for the same end.
   */
  async close(): Promise<void> {
    const isFirst = !this.#stack.isClosing && this.#ending === undefined;
    this.#ending ??= this.#closed('its tiers are closed: it runs nothing any more');
    // What is open may be at work under its signal still: it has its own way to close.
    if (this.#resources === undefined) this.#givingUp.abort(this.#ending);
    const late = await this.#handOut();
    const failures = await this.#stack.close();
    // One that was never asked to open has no time.
    if (this.#startedMs !== undefined) this.#endedMs ??= this.#clock.monotonic();
    const failure = isFirst ? suppressing(failures, late) : undefined;
    if (failure !== undefined) throw failure.error;
  }

  /** Waits for the records in hand. Gives the error of those that take too long. */
  async #handOut(): Promise<{ readonly error: unknown } | undefined> {
    if (this.#inHand === 0) return undefined;
    const { promise } = (this.#handled ??= Promise.withResolvers<void>());
    const limitMs = tierDefaults.closeMsMax;
    const limit = { id: this.pipelineId, what: 'end the record in hand', limitMs };
    try {
      await withinLimit(() => promise, { ...limit, clock: this.#clock });
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
