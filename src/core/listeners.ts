/** Who is told of something, at once and in order. */
export class Listeners<T> {
  readonly #all = new Set<(news: T) => void>();

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /** Gives what ends it. */
  add(listener: (news: T) => void): () => void {
    this.#all.add(listener);
    return () => void this.#all.delete(listener);
  }

  tell(news: T): void {
    for (const listener of this.#all) tell(listener, news);
  }
}

/** Tells a listener: what it throws, now or later, is its own affair, unless somebody wants it. */
export function tell<T>(
  listener: (news: T) => void,
  news: T,
  failed: (error: unknown) => void = () => {},
): void {
  try {
    const told: unknown = listener(news);
    if (told instanceof Promise) told.catch(failed);
  } catch (error) {
    failed(error);
  }
}
