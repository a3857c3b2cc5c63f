/** Limits of a healthy run. */
export interface HealthSettings {
  /** A loop that has stood still for so long is not alive; 10,000 unless given. */
  readonly stallMsMax?: number | undefined;
  /** A loop that has stood still for so long is told of, as overloaded; 1,000 unless given. */
  readonly stallMsMin?: number | undefined;
  /** Batches in a queue from which it is too full; half of what it may hold unless given. */
  readonly queueDepthMax?: number | undefined;
  /** How long a queue may be too full; 3,000 unless given. */
  readonly queueFullMsMax?: number | undefined;
}

/** The limits where no others are given; `queueDepthMax` is half of what a queue may hold. */
export const healthDefaults: {
  readonly stallMsMax: number;
  readonly stallMsMin: number;
  readonly queueFullMsMax: number;
} = { stallMsMax: 10_000, stallMsMin: 1000, queueFullMsMax: 3000 };
