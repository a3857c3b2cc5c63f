/** How many names are kept apart; all further ones together are the last. */
const namesMax = 1000;

/** The name that something is kept under: its own while there is room, then `overflow`. */
export function boundedName(known: ReadonlyMap<string, unknown>, name: string): string {
  return known.has(name) || known.size < namesMax - 1 ? name : 'overflow';
}

/** Counts by name, of at most a thousand names. */
export class BoundedCounts extends Map<string, number> {
  add(name: string, count = 1): void {
    const kept = boundedName(this, name);
    this.set(kept, (this.get(kept) ?? 0) + count);
  }
}
