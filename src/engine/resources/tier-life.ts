import type { Clock } from '../../core/index.ts';
import { reasonOf } from '../../errors.ts';
import type { Emit } from '../../observe/emitter.ts';
import { tierClosed, tierCloseFailed, tierFailed, tierOpened } from '../../observe/events.ts';
import type { TierHealth, TierState } from '../../observe/snapshot.ts';
import { unlessAborted, withinLimit } from '../limit.ts';

/** What is asked of a tier, and what holds for it. */
export interface TierParts<T> {
  readonly name: string;
  readonly open: (signal: AbortSignal) => T | Promise<T>;
  readonly close: (resource: T) => void | Promise<void>;
  readonly openMsMax: number;
  readonly closeMsMax: number;
  /** What exists before it is open, and so is closed even if it never is. */
  readonly made?: { readonly resource: T };
  /** Resolves when opening takes so long that nobody is to wait for it; then it has no limit. */
  readonly waits?: Promise<void>;
}

/** What the tiers of a run share. */
export interface TierContext {
  readonly clock: Clock;
  readonly emit: Emit;
}

/**
 * One tier from its opening to its end. What it gave, whenever that is, is closed once; what existed
 * before is closed in its turn, and again where it opens only then.
 */
export class TierLife<T = unknown> {
  readonly #parts: TierParts<T>;
  readonly #context: TierContext;
  #state: TierState = 'closed';
  #sinceMs: number;
  #reason: string | null = null;
  #resource: { readonly resource: T } | undefined;
  /** Settles when opening does, whoever still waits for it; undefined before. Never rejects. */
  #arrival: Promise<void> | undefined;
  /** Whether opening took longer than it may. */
  #isLate = false;
  /** Settles when its turn to be closed is over; undefined before that. */
  #left: Promise<void> | undefined;
  #failedTier: string | undefined;

  constructor(parts: TierParts<T>, context: TierContext) {
    this.#parts = parts;
    this.#context = context;
    this.#resource = parts.made;
    this.#sinceMs = context.clock.monotonic();
  }

  get name(): string {
    return this.#parts.name;
  }

  /** Whether it was ever asked to open. */
  get isBegun(): boolean {
    return this.#arrival !== undefined;
  }

  /** What it gave, where that is there and not closed. */
  get resource(): { readonly resource: T } | undefined {
    return this.#state === 'open' ? this.#resource : undefined;
  }

  health(): TierHealth {
    const { clock } = this.#context;
    const since = clock.now() - (clock.monotonic() - this.#sinceMs);
    return { tier: this.name, state: this.#state, since, reason: this.#reason };
  }

  /**
   * Resolves when it is open, or has to wait. Rejects with what opening failed with, with the reason
   * of the signal, and with `ERR_TIMEOUT`.
   */
  async open(signal: AbortSignal): Promise<void> {
    const { name: id, open, openMsMax: limitMs, waits } = this.#parts;
    const { clock } = this.#context;
    const givingUp = new AbortController();
    const startMs = clock.monotonic();
    this.#set('opening');
    const opening = (async () => open(AbortSignal.any([signal, givingUp.signal])))();
    this.#arrival = opening.then(
      (resource) => this.#arrived(resource, clock.monotonic() - startMs),
      (error: unknown) => this.#refused(error, signal),
    );
    const settled: Promise<unknown> =
      waits === undefined ? opening : Promise.race([opening, waits]);
    const call = (): Promise<unknown> => unlessAborted(settled, signal);
    try {
      await withinLimit(call, {
        id,
        what: 'open',
        limitMs,
        remedy: remedyOf('open'),
        clock,
        signal,
      });
      // What has arrived has said so already.
      if (this.#state === 'opening') this.#set('waiting');
    } catch (error) {
      this.#isLate = !signal.aborted;
      if (this.#state === 'opening') this.#refused(error, signal);
      givingUp.abort(error);
      throw error;
    }
  }

  /** Closes what is there. Rejects with what that fails with. `failedTier`: what failed before. */
  async close(failedTier: string | undefined): Promise<void> {
    const { clock } = this.#context;
    const { closeMsMax: limitMs, made, name: id } = this.#parts;
    this.#failedTier = failedTier;
    const arrival = this.#arrival;
    if (made === undefined && arrival !== undefined && !this.#isLate) {
      await withinLimit(() => arrival, { id, what: 'open', limitMs, clock }).catch(() => {});
    }
    const resource = this.#resource;
    this.#left = resource === undefined ? Promise.resolve() : this.#release(resource.resource);
    await this.#left;
  }

  #arrived(resource: T, durationMs: number): void {
    this.#resource = { resource };
    if (this.#left !== undefined) {
      // Nobody waits for it any more; it says itself what becomes of it.
      const close = (): Promise<void> => this.#release(resource);
      this.#left.then(close, close).catch(() => {});
      return;
    }
    if (this.#state !== 'opening' && this.#state !== 'waiting') return;
    this.#set('open');
    this.#context.emit(tierOpened, { tier: this.name, durationMs });
  }

  #refused(error: unknown, signal: AbortSignal): void {
    if (this.#state !== 'opening' && this.#state !== 'waiting') return;
    this.#set('failed', reasonOf(error));
    if (!signal.aborted) this.#context.emit(tierFailed, { tier: this.name, error });
  }

  async #release(resource: T): Promise<void> {
    const { close, closeMsMax: limitMs, name: id } = this.#parts;
    const { clock, emit } = this.#context;
    this.#set('closing');
    try {
      const call = async (): Promise<void> => close(resource);
      await withinLimit(call, { id, what: 'close', limitMs, remedy: remedyOf('close'), clock });
    } catch (error) {
      this.#set('failed', reasonOf(error));
      const failedTier = this.#failedTier ?? id;
      emit(tierCloseFailed, { tier: id, failedTier, error });
      throw error;
    }
    this.#set('closed');
    emit(tierClosed, { tier: id, failedTier: this.#failedTier });
  }

  #set(state: TierState, reason: string | null = null): void {
    this.#state = state;
    this.#sinceMs = this.#context.clock.monotonic();
    this.#reason = reason;
  }
}

function remedyOf(what: 'open' | 'close'): string {
  return `raise \`${what}MsMax\`, or see why it takes so long`;
}
