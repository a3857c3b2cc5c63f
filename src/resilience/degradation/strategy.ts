import { reasonOf } from '../../errors.ts';
import type { Shown } from '../policy.ts';

/** What a substitute was made of: the last reading, the last few, or nothing. */
export type Quality = 'stale' | 'interpolated' | 'constant';

/** What a substitute carries beside the fields of a reading; it takes the place of its own. */
export interface SubstituteMarks {
  readonly quality: Quality;
  /** What the failure said. */
  readonly reason: string;
  /**
   * When the reading was recorded that it was made from, the newest where there are several:
   * milliseconds since 1970. Null where it was made from none.
   */
  readonly sourceTimeMs: number | null;
  readonly stale?: true;
  readonly interpolated?: true;
}

/** What stands in for a reading. What is no object cannot be marked: only a constant is ever such. */
export type Substitute<R> = R extends object ? R & SubstituteMarks : R;

/** Why nothing stood in for a reading. */
export type DropReason = 'drop' | 'no-history' | 'too-old' | 'gap-too-long' | 'not-an-object';

/**
 * What to do about a reading that could not be had. Readings of one `key` – a sensor, a device –
 * stand in for each other only.
 */
export interface DegradationStrategy<R = unknown> extends Shown {
  /** As reports and events call it. */
  readonly name: string;
  /** What is delivered instead; undefined where nothing is. */
  handleFailure(key: string, error: unknown): Substitute<R> | undefined;
  /** A reading was had, and may stand in for a later one. */
  recordSuccess(key: string, reading: R): void;
  /** Why `handleFailure` gave nothing the last time that it did; `drop` where it does not say. */
  readonly dropReason?: string | undefined;
}

/** What a strategy has done. */
export interface DegradationSummary {
  readonly name: string;
  /** Readings as they were had. */
  readonly live: number;
  readonly stale: number;
  readonly interpolated: number;
  readonly constant: number;
  /** Failures for which nothing was delivered, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Keys that were forgotten for others. */
  readonly keysEvicted: number;
}

/** What was found to stand in, not yet marked. */
export interface Found<R> {
  readonly reading: R;
  readonly quality: Quality;
  readonly sourceTimeMs: number | null;
}

/** That there is nothing. */
export interface NotFound {
  readonly dropReason: DropReason;
}

/** Counts what a strategy does. */
export class DegradationCounts {
  #live = 0;
  #stale = 0;
  #interpolated = 0;
  #constant = 0;
  readonly #dropped = new Map<string, number>();

  recordLive(): void {
    this.#live++;
  }

  recordSubstitute(quality: Quality): void {
    if (quality === 'stale') this.#stale++;
    else if (quality === 'interpolated') this.#interpolated++;
    else this.#constant++;
  }

  recordDrop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }

  summary(name: string, keysEvicted: number): DegradationSummary {
    return {
      name,
      live: this.#live,
      stale: this.#stale,
      interpolated: this.#interpolated,
      constant: this.#constant,
      dropped: Object.fromEntries(this.#dropped),
      keysEvicted,
    };
  }
}

/** A strategy of Millrace: it counts what it does, and marks what it delivers. */
export abstract class BuiltInStrategy<R> implements DegradationStrategy<R> {
  abstract readonly name: string;
  /** As a pipeline file says it, with its defaults; to be shown. */
  abstract get options(): unknown;
  readonly #counts = new DegradationCounts();
  #dropReason: string | undefined;

  get dropReason(): string | undefined {
    return this.#dropReason;
  }

  handleFailure(key: string, error: unknown): Substitute<R> | undefined {
    const found = this.find(key);
    if ('dropReason' in found) {
      this.#dropReason = found.dropReason;
      this.#counts.recordDrop(found.dropReason);
      return undefined;
    }
    this.#counts.recordSubstitute(found.quality);
    return marked(found, error);
  }

  recordSuccess(key: string, reading: R): void {
    this.#counts.recordLive();
    this.remember(key, reading);
  }

  /** What it has done so far. */
  summary(): DegradationSummary {
    return this.#counts.summary(this.name, this.keysEvicted);
  }

  protected get keysEvicted(): number {
    return 0;
  }

  protected abstract remember(key: string, reading: R): void;

  protected abstract find(key: string): Found<R> | NotFound;
}

/** Whether a value can be copied with marks and stay what it is. */
export function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}

function marked<R>({ reading, quality, sourceTimeMs }: Found<R>, error: unknown): Substitute<R> {
  if (!isPlainObject(reading)) return reading as Substitute<R>;
  const marks: SubstituteMarks = { quality, reason: reasonOf(error), sourceTimeMs };
  const mark = quality === 'constant' ? {} : { [quality]: true };
  const copy = { ...reading, ...marks, ...mark };
  copies.add(copy);
  return copy as Substitute<R>;
}

const copies = new WeakSet<object>();

/** Whether it is a copy with marks, which a strategy has made. */
export function isMarked(value: unknown): boolean {
  return typeof value === 'object' && value !== null && copies.has(value);
}
