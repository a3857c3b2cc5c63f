import { reasonOf } from '../../errors.ts';
import type { TierHealth } from '../../observe/snapshot.ts';
import { type TierContext, TierLife, type TierParts } from './tier-life.ts';

/** What closing a tier failed with. */
export interface ClosingFailure {
  readonly tier: string;
  readonly error: unknown;
}

/** The tiers of a run: opened in order, closed in reverse whatever happens. */
export class TierStack {
  readonly #context: TierContext;
  readonly #tiers: TierLife[] = [];
  #failedTier: string | undefined;
  #closing: Promise<readonly ClosingFailure[]> | undefined;

  constructor(context: TierContext) {
    this.#context = context;
  }

  /** The tier or stage that failed first; undefined where none has. */
  get failedTier(): string | undefined {
    return this.#failedTier;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** A tier or stage has failed. The first decides. */
  failed(name: string | undefined): void {
    this.#failedTier ??= name;
  }

  health(): readonly TierHealth[] {
    return this.#tiers.map((tier) => tier.health());
  }

  /**
   * From now on it is closed with the others, the last that was added first; at once where these are
   * closed already. It is not opened yet.
   */
  async add<T>(parts: TierParts<T>): Promise<TierLife<T>> {
    const tier = new TierLife(parts, this.#context);
    if (this.isClosing) await tier.close(this.#failedTier).catch(() => {});
    else this.#tiers.push(tier as unknown as TierLife);
    return tier;
  }

  /** Opens a tier. Rejects where it does not open, and is then the one that failed. */
  async open(tier: Pick<TierLife, 'name' | 'open'>, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    try {
      await tier.open(signal);
    } catch (error) {
      if (!signal.aborted) this.failed(tier.name);
      throw error;
    }
  }

  /** Opens all that were added and not opened yet, in order, up to the first that fails. */
  async openAll(signal: AbortSignal): Promise<void> {
    for (const tier of this.#tiers) if (!tier.isBegun) await this.open(tier, signal);
  }

  /** Closes all once, the last first, whatever fails. Gives what failed, in that order. */
  close(): Promise<readonly ClosingFailure[]> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<readonly ClosingFailure[]> {
    const failures: ClosingFailure[] = [];
    for (const tier of this.#tiers.toReversed()) {
      try {
        await tier.close(this.#failedTier);
      } catch (error) {
        failures.push({ tier: tier.name, error });
        this.failed(tier.name);
      }
    }
    return failures;
  }
}

/** Each failure around what failed before it, as the language does it: nothing hides the first. */
export function suppressing(
  failures: readonly ClosingFailure[],
  first?: { readonly error: unknown },
): { readonly error: unknown } | undefined {
  return failures.reduce<{ readonly error: unknown } | undefined>((before, { tier, error }) => {
    if (before === undefined) return { error };
    const message = `could not close \`${tier}\` (${reasonOf(error)}) after: ${reasonOf(before.error)}`;
    return { error: new SuppressedError(error, before.error, message) };
  }, first);
}
