const windowMs = 3000;

/** How fast a count grows, over the last three seconds. */
export class Rate {
  readonly #samples: { readonly count: number; readonly timeMs: number }[] = [];

  /** Takes a count and gives what it grows by in a second; 0 at first. */
  add(count: number, timeMs: number): number {
    const samples = this.#samples;
    samples.push({ count, timeMs });
    while (samples.length > 2 && timeMs - samples[1]!.timeMs >= windowMs) samples.shift();
    const [first] = samples;
    const elapsedMs = timeMs - first!.timeMs;
    return elapsedMs > 0 ? ((count - first!.count) * 1000) / elapsedMs : 0;
  }
}
