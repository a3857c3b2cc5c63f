/** What is kept, and how much of it. */
export interface FairShareOptions<T> {
  /** How many, each of at most `bytesEach`; one that is longer takes the place of several. */
  readonly max: number;
  readonly bytesEach: number;
  /** What it is one of: where there is too much, the oldest goes of the group that takes most. */
  readonly groupOf: (item: T) => string;
  readonly bytesOf: (item: T) => number;
}

/** What a line of a log is one of: an event of a component. */
export function groupOfLine({
  component,
  event,
}: {
  readonly component?: unknown;
  readonly event?: unknown;
}): string {
  return JSON.stringify([component, event]);
}

interface Kept<T> {
  readonly item: T;
  /** Counts from the first that ever came. */
  readonly at: number;
  readonly bytes: number;
}

interface Group<T> {
  readonly items: Kept<T>[];
  bytes: number;
}

/**
 * The newest of what comes, in bounded memory, where one that comes all the time leaves room for what
 * comes once. Used by the server and by the page, so it imports nothing.
 */
export class FairShare<T> {
  readonly #options: FairShareOptions<T>;
  readonly #groups = new Map<string, Group<T>>();
  #bytes = 0;
  #count = 0;
  #leftOut = 0;

  constructor(options: FairShareOptions<T>) {
    this.#options = options;
  }

  /** How many were taken away by now. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** All that is kept, in the order in which it came. */
  get list(): T[] {
    const kept = [...this.#groups.values()].flatMap(({ items }) => items);
    return kept.sort((a, b) => a.at - b.at).map(({ item }) => item);
  }

  add(item: T): void {
    const { max, bytesEach, groupOf, bytesOf } = this.#options;
    const name = groupOf(item);
    const group = this.#groups.get(name) ?? { items: [], bytes: 0 };
    const bytes = Math.max(bytesOf(item), bytesEach);
    this.#groups.set(name, group);
    group.items.push({ item, at: this.#count++, bytes });
    group.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > max * bytesEach) this.#leaveOut();
  }

  #leaveOut(): void {
    let [most, largest] = ['', { items: [], bytes: 0 } as Group<T>];
    for (const [name, group] of this.#groups) {
      const isOlder = group.items[0]!.at < (largest.items[0]?.at ?? Infinity);
      if (group.bytes > largest.bytes || (group.bytes === largest.bytes && isOlder)) {
        [most, largest] = [name, group];
      }
    }
    const { bytes } = largest.items.shift()!;
    largest.bytes -= bytes;
    if (largest.items.length === 0) this.#groups.delete(most);
    this.#bytes -= bytes;
    this.#leftOut++;
  }
}
