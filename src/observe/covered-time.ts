/** Time in which at least one of several things goes on: what overlaps counts once. */
export class CoveredTime {
  #going = 0;
  #sinceMs = 0;

  begin(nowMs: number): void {
    if (this.#going++ === 0) this.#sinceMs = nowMs;
  }

  /** One of them is over. Gives the milliseconds since the last were given. */
  end(nowMs: number): number {
    const ms = this.take(nowMs);
    this.#going--;
    return ms;
  }

  /** The milliseconds since the last were given. */
  take(nowMs: number): number {
    const ms = this.look(nowMs);
    this.#sinceMs = nowMs;
    return ms;
  }

  /** The same, which are given later. */
  look(nowMs: number): number {
    return this.#going === 0 ? 0 : nowMs - this.#sinceMs;
  }
}
