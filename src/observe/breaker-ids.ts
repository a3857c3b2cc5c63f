/** What tells the breakers of one component apart, in its figures and events. */
export class BreakerIds {
  readonly #ids = new Map<Named, string>();
  readonly #taken = new Set<string>();
  readonly #counts = new Map<string, number>();

  /** The name of a breaker; from the second of a name on with its number, which is free. */
  of(breaker: Named): string {
    const known = this.#ids.get(breaker);
    if (known !== undefined) return known;
    const { name } = breaker;
    let count = this.#counts.get(name) ?? 0;
    let id: string;
    do {
      count++;
      id = count === 1 ? name : `${name}#${count}`;
    } while (this.#taken.has(id));
    this.#counts.set(name, count);
    this.#taken.add(id);
    this.#ids.set(breaker, id);
    return id;
  }
}

interface Named {
  readonly name: string;
}
