/** A moment by both clocks, in milliseconds: wall time, and the monotonic time that nobody sets. */
export interface Moment {
  readonly at: number;
  readonly monotonicMs: number;
}

/** The wall time of another moment, as the clock stands now, however it was set meanwhile. */
export function wallTimeOf(now: Moment, monotonicMs: number): number {
  return Math.round(now.at - (now.monotonicMs - monotonicMs));
}
