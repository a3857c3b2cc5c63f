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

/** Entries that a trail keeps. */
const entriesMax = 1000;
/** One more: what the oldest entry was changed from. */
export const slots: number = entriesMax + 1;

/**
 * The changes of one value: the newest 1,000, and exact counts. In columns, because a change is noted
 * often and read seldom; a value is kept once, as what it was changed to.
 */
export class ChangeTrail<T = unknown> {
  /** When each change was, by slot. With what else is not private, for setters that add in place. */
  readonly times: number[] = [];
  /** What was changed to, by slot; behind the oldest, what that was changed from. */
  readonly values: T[] = [];
  /** The slot of the newest change. */
  newest = 0;
  /** Changes ever. */
  changes = 0;
  /** Whether a change by nobody, from what the newest made, is no more than a slot taken. */
  isPlain = false;
  /** Made when the first change has an author. */
  #authors: (string | null)[] | undefined;
  /** By the number of the change: what it was changed from, where the one before made something else. */
  #jumps: Map<number, T> | undefined;

  /** Adds a change; the oldest goes where there is no room. */
  add(at: number, from: T, to: T, by: string | null): void {
    const { values, times } = this;
    if (values.length === 0) {
      values.push(from);
      times.push(at);
    }
    if (!Object.is(from, values[this.newest])) {
      this.#jumps ??= new Map<number, T>();
      this.#jumps.set(this.changes, from);
    }
    const slot = this.newest + 1 === slots ? 0 : this.newest + 1;
    values[slot] = to;
    times[slot] = at;
    if (by !== null) this.#authors ??= times.map(() => null);
    if (this.#authors !== undefined) this.#authors[slot] = by;
    if (this.#jumps !== undefined) this.#jumps.delete(this.changes - entriesMax);
    this.isPlain = this.#authors === undefined && this.#jumps === undefined;
    this.newest = slot;
    this.changes++;
  }

  /** A frozen copy, which later changes leave as it is. */
  log(): ChangeLog<T> {
    const count = Math.min(this.changes, entriesMax);
    const discarded = this.changes - count;
    const entries = Array.from({ length: count }, (_, at): Change<T> => {
      const slot = (this.newest - count + 1 + at + slots) % slots;
      const from = this.#jumps?.has(discarded + at)
        ? this.#jumps.get(discarded + at)
        : this.values[(slot + slots - 1) % slots];
      return Object.freeze({
        at: this.times[slot]!,
        from: from as T,
        to: this.values[slot] as T,
        by: this.#authors?.[slot] ?? null,
      });
    });
    return Object.freeze({ entries: Object.freeze(entries), changes: this.changes, discarded });
  }
}
