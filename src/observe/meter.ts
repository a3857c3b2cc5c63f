import { Histogram } from './histogram.ts';

/** What is measured of one component, by the wrapper around it and never by itself. */
export class Meter {
  /** Rows that came in over its edges; for a source, records read. */
  rowsIn = 0;
  /** Rows that went out; for a sink, rows taken. */
  rowsOut = 0;
  /** Milliseconds at work, waiting for room downstream, waiting for input; none counted twice. */
  busyMs = 0;
  blockedMs = 0;
  idleMs = 0;
  /** Seconds of work per batch. */
  readonly work: Histogram = new Histogram();

  worked(ms: number): void {
    this.busyMs += ms;
    this.work.record(ms / 1000);
  }
}
