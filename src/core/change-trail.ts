import { PipelineError } from '../errors.ts';

/** One change of a value. */
export interface Change<T = unknown> {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly from: T;
  readonly to: T;
  /** Who made it; null where nobody said. */
  readonly by: string | null;
}

/** The newest changes of a value, oldest first, and how many there ever were. */
export interface ChangeLog<T = unknown> {
  readonly entries: readonly Change<T>[];
  /** Changes ever. */
  readonly changes: number;
  /** Changes that are no longer in `entries`. */
  readonly discarded: number;
}

/** How much a trail keeps. */
export interface ChangeTrailOptions {
  /** Entries kept; older ones are discarded, and counted. */
  readonly entriesMax?: number | undefined;
}

/** The changes of one value: bounded, with exact counts. */
export class ChangeTrail<T = unknown> {
  // Written over where it is full, so that a change allocates nothing; no entry leaves.
  readonly #entries: { at: number; from: T; to: T; by: string | null }[] = [];
  readonly #entriesMax: number;
  #next = 0;
  #changes = 0;

  /** `entriesMax`: 1,000 unless given. Throws where it is no whole number above 0. */
  constructor({ entriesMax = 1000 }: ChangeTrailOptions = {}) {
    if (!Number.isSafeInteger(entriesMax) || entriesMax < 1) {
      throw new PipelineError({
        code: 'ERR_CONFIG_INVALID',
        place: 'ChangeTrail',
        fact: `has \`entriesMax: ${String(entriesMax)}\``,
        remedy: 'give a whole number from 1',
      });
    }
    this.#entriesMax = entriesMax;
  }

  /** Changes ever. */
  get changes(): number {
    return this.#changes;
  }

  /** Appends a change; the oldest goes where there is no room. */
  add(at: number, from: T, to: T, by: string | null): void {
    this.#changes++;
    const entries = this.#entries;
    if (entries.length < this.#entriesMax) {
      entries.push({ at, from, to, by });
      return;
    }
    const entry = entries[this.#next]!;
    this.#next = this.#next + 1 === entries.length ? 0 : this.#next + 1;
    entry.at = at;
    entry.from = from;
    entry.to = to;
    entry.by = by;
  }

  /** A frozen copy, which later changes leave as it is. */
  log(): ChangeLog<T> {
    const entries = [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)];
    return Object.freeze({
      entries: Object.freeze(entries.map((entry) => Object.freeze({ ...entry }))),
      changes: this.#changes,
      discarded: this.#changes - entries.length,
    });
  }
}
