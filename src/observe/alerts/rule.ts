import type { BadSide } from '../beyond.ts';
import type { RunStats } from '../snapshot.ts';

/** From where on a figure is bad, and how far it must come back to be well again. */
export interface AlertLimits {
  readonly warn?: number | undefined;
  readonly critical?: number | undefined;
  /** Apart from the others, so that a figure that swings around them does not fire each time. */
  readonly clear: number;
}

/** One figure of a component, or of the run as a whole; null where it is not known. */
export interface AlertReading {
  /** The component's id; empty for the run. */
  readonly component: string;
  readonly value: number | null;
  /** Over how many milliseconds it was counted, where that differs from look to look. */
  readonly overMs?: number;
}

/** What a rule reads its figures from: two looks at one run, the earlier undefined at the first. */
export interface AlertLooks {
  readonly stats: RunStats;
  readonly before: RunStats | undefined;
}

/** What is watched, and when it is told. */
export interface AlertRule {
  /** In kebab-case. */
  readonly name: string;
  /** What it means for whoever is called at night, in one sentence. */
  readonly summary: string;
  /** Of the figure and its limits: `%`, `s`, `MiB`. */
  readonly unit: string;
  /** Which side of the limits is bad; `above` unless given. */
  readonly bad?: BadSide;
  readonly limits: AlertLimits;
  /** Fires when `m` of the last `n` looks are bad, and clears when as many are good. */
  readonly of: { readonly m: number; readonly n: number };
  /**
   * Fires also when the figure will reach its highest limit within that time, at the slope of its
   * last looks.
   */
  readonly forecastMs?: number;
  /** The figures at a look. A rule with a memory of its own is made anew for each run. */
  readonly read: (looks: AlertLooks) => Iterable<AlertReading>;
}
