import { type Clock, type Logger, silentLogger, systemClock } from '../../core/index.ts';
import { PipelineError, reasonOf } from '../../errors.ts';
import { Emitter } from '../../observe/emitter.ts';
import type { TierHealth } from '../../observe/snapshot.ts';
import { withinLimit } from '../limit.ts';
import { checkTiers, type Tier, tierDefaults, type TiersOf } from './tier.ts';
import type { TierLife } from './tier-life.ts';
import { type ClosingFailure, TierStack } from './tier-stack.ts';

/** What a context is opened with, beside its tiers. */
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
 * Resources of a run, opened in tiers and closed in reverse, whatever happens. Made by `open`, for
 * `await using`.
 */
export class TieredPipelineContext<R extends object = object> implements AsyncDisposable {
  readonly pipelineId: string;
  /** What each tier gave, by its name. */
  readonly resources: Readonly<R>;
  readonly #stack: TierStack;
  readonly #tiers: readonly (readonly [TierLife, Tier<unknown>])[];
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #startedMs: number;
  #endedMs: number | undefined;
  #recordsIn = 0;
  #recordsOut = 0;

  private constructor(parts: ContextParts<R>) {
    this.pipelineId = parts.pipelineId;
    this.resources = parts.resources;
    this.#stack = parts.stack;
    this.#tiers = parts.tiers;
    this.#clock = parts.clock;
    this.#signal = parts.signal;
    this.#startedMs = parts.startedMs;
  }

  /**
   * Opens the tiers in the order in which they are written. Where one fails, those before it are
   * closed, and its error goes on; a `SuppressedError` around it where closing fails too. Throws
   * `ERR_TIER_INVALID` before anything is opened where a tier is described wrongly.
   */
  static async open<R extends object>(
    pipelineId: string,
    tiers: TiersOf<R>,
    { log = silentLogger, clock = systemClock, signal }: TieredOptions = {},
  ): Promise<TieredPipelineContext<R>> {
    checkTiers(pipelineId, tiers);
    const { emit } = new Emitter(log.bindContext({ pipeline: pipelineId }), clock);
    const stack = new TierStack({ clock, emit });
    const startedMs = clock.monotonic();
    const resources = Object.create(null) as Partial<Record<string, unknown>>;
    const opened: [TierLife, Tier<unknown>][] = [];
    try {
      for (const [name, tier] of Object.entries<Tier<unknown>>(tiers)) {
        const life = await stack.add({
          name,
          open: (giveUp) => tier.open(giveUp, Object.freeze({ ...resources })),
          close: (resource) => tier.close(resource),
          openMsMax: tier.openMsMax ?? tierDefaults.openMsMax,
          closeMsMax: tier.closeMsMax ?? tierDefaults.closeMsMax,
        });
        await stack.open(life, signal ?? new AbortController().signal);
        resources[name] = life.resource!.resource;
        opened.push([life, tier]);
      }
    } catch (error) {
      throw suppressing(await stack.close(), { error })!.error;
    }
    return new TieredPipelineContext({
      pipelineId,
      resources: Object.freeze(resources) as Readonly<R>,
      stack,
      tiers: opened,
      clock,
      signal,
      startedMs,
    });
  }

  /**
   * Takes each record through the stages, one record after another, and gives those that come out. The
   * name of a stage that throws is the `failedTier`; its error goes on as it is. Throws
   * `ERR_RUN_CLOSED` where the tiers are closed.
   */
  async run<T>(
    stages: readonly TieredStage<T>[],
    records: Iterable<T> | AsyncIterable<T>,
  ): Promise<T[]> {
    if (this.#stack.isClosing) {
      const fact = 'its tiers are closed: it runs nothing any more';
      throw new PipelineError({ code: 'ERR_RUN_CLOSED', place: this.pipelineId, fact });
    }
    const taken: T[] = [];
    let place = 'records';
    try {
      for await (const record of records) {
        this.#signal?.throwIfAborted();
        this.#recordsIn++;
        let current: T | undefined = record;
        for (const [index, stage] of stages.entries()) {
          place = stage.name === '' ? `stage ${index + 1}` : stage.name;
          current = await stage(current);
          if (current === undefined) break;
        }
        place = 'records';
        if (current === undefined) continue;
        taken.push(current);
        this.#recordsOut++;
      }
    } catch (error) {
      if (!this.#signal?.aborted) this.#stack.failed(place);
      throw error;
    }
    return taken;
  }

  /** The figures so far, or of all when it is closed; the same after a failure. Frozen. */
  summary(): TieredSummary {
    return Object.freeze({
      pipelineId: this.pipelineId,
      recordsIn: this.#recordsIn,
      recordsOut: this.#recordsOut,
      durationMs: (this.#endedMs ?? this.#clock.monotonic()) - this.#startedMs,
      tiersOpened: Object.freeze(this.#tiers.map(([{ name }]) => name)),
      failedTier: this.#stack.failedTier ?? null,
    });
  }

  /** How each tier is, in order; one that is open is asked, where it has a `check`. */
  health(): Promise<TierHealth[]> {
    return Promise.all(
      this.#tiers.map(async ([life, tier]) => {
        const reason = await this.#reasonOf(life, tier);
        const health = life.health();
        return reason === null ? health : { ...health, reason };
      }),
    );
  }

  async #reasonOf(life: TierLife, tier: Tier<unknown>): Promise<string | null> {
    const { resource: open } = life;
    if (open === undefined) return null;
    const call = async (): Promise<string | void> => tier.check?.(open.resource);
    const limit = { id: life.name, what: 'check', limitMs: checkMsMax, clock: this.#clock };
    try {
      return (await withinLimit(call, limit)) ?? null;
    } catch (error) {
      return reasonOf(error);
    }
  }

  /**
   * Closes all tiers, the last first, each once, whatever fails. Rejects with what closing failed
   * with; where several did, with a `SuppressedError`. Later calls wait for the same end.
   */
  async close(): Promise<void> {
    const isFirst = !this.#stack.isClosing;
    const failures = await this.#stack.close();
    this.#endedMs ??= this.#clock.monotonic();
    const failure = isFirst ? suppressing(failures) : undefined;
    if (failure !== undefined) throw failure.error;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

interface ContextParts<R> {
  readonly pipelineId: string;
  readonly resources: Readonly<R>;
  readonly stack: TierStack;
  readonly tiers: readonly (readonly [TierLife, Tier<unknown>])[];
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  readonly startedMs: number;
}

/** Each failure around what failed before it, as the language does it: nothing hides the first. */
function suppressing(
  failures: readonly ClosingFailure[],
  first?: { readonly error: unknown },
): { readonly error: unknown } | undefined {
  return failures.reduce<{ readonly error: unknown } | undefined>((before, { tier, error }) => {
    if (before === undefined) return { error };
    const message = `could not close \`${tier}\` (${reasonOf(error)}) after: ${reasonOf(before.error)}`;
    return { error: new SuppressedError(error, before.error, message) };
  }, first);
}
