/** How full a queue is, from 0 to 1, when something is said of it. */
export const queueLimits: {
  /** Where a source is paced, and it lasts: the run is overloaded. */
  readonly high: number;
  /** Its producers have to wait, or soon will. */
  readonly warn: number;
  readonly critical: number;
} = { high: 0.5, warn: 0.75, critical: 0.95 };
