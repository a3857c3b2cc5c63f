/** Fewer looks than these say nothing of a slope. */
const looksMin = 8;
const looksMax = 30;

/** The last looks at a figure, and where they lead. */
export class Slope {
  readonly #times: number[] = [];
  readonly #values: number[] = [];

  add(atMs: number, value: number): void {
    this.#times.push(atMs);
    this.#values.push(value);
    if (this.#times.length > looksMax) {
      this.#times.shift();
      this.#values.shift();
    }
  }

  /**
   * Milliseconds until it reaches the limit, by least squares; undefined where it does not move
   * there, or not clearly: the line must explain most of how the looks differ.
   */
  msUntil(limit: number): number | undefined {
    const count = this.#times.length;
    if (count < looksMin) return undefined;
    const meanTime = mean(this.#times);
    const meanValue = mean(this.#values);
    let [timeTime, timeValue, valueValue] = [0, 0, 0];
    for (let at = 0; at < count; at++) {
      const [time, value] = [this.#times[at]! - meanTime, this.#values[at]! - meanValue];
      timeTime += time * time;
      timeValue += time * value;
      valueValue += value * value;
    }
    const explained = (timeValue * timeValue) / (timeTime * valueValue);
    if (!(explained >= 0.5)) return undefined;
    const perMs = timeValue / timeTime;
    const untilMs = (limit - this.#values.at(-1)!) / perMs;
    return untilMs > 0 ? untilMs : undefined;
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
