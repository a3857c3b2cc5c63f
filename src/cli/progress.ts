import type { Clock } from '../core/index.ts';
import { escapeControls } from '../core/plain-text.ts';
import type { Run } from '../engine/index.ts';
import { runProgressed } from '../observe/events.ts';
import type { RunStats } from '../observe/snapshot.ts';
import type { LiveView } from './live-view.ts';
import { recordsPerSecond } from './rate.ts';
import type { Terminal } from './terminal.ts';
import { formatBytes, formatCount, formatDuration } from './text.ts';

/** Where a run is to end, as far as it was told. */
export interface Goal {
  readonly durationMsMax: number | undefined;
  readonly recordsMax: number | undefined;
}

const lineEveryMs = 250;
const logEveryMs = 10_000;

/** Where progress is shown, and by which clock. */
export interface ProgressParts {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Shown on a terminal in place of the progress line. */
  readonly view: LiveView | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Shows how a run is doing: a line or a picture on a terminal, log lines in a pipe. */
export async function showProgress(
  run: Run,
  goal: Goal,
  { terminal, clock, view, signal }: ProgressParts,
): Promise<void> {
  const isLive = terminal.err.isTTY;
  const estimate = new Estimate(goal);
  while (await slept(clock, isLive ? lineEveryMs : logEveryMs, signal)) {
    const stats = run.stats();
    const rate = recordsPerSecond(stats);
    const leftMs = estimate.leftMs(stats);
    if (!isLive) {
      const { recordsIn, recordsOut, bytesIn, deadLetters } = stats;
      const perSecond = Math.round(rate);
      run.emit(runProgressed, { recordsIn, recordsOut, bytesIn, deadLetters, perSecond });
    } else if (view !== undefined) {
      terminal.showStatus((columns, rows) => view.lines(stats, columns, rows));
    } else {
      const line = escapeControls(progressLine(stats, rate, leftMs));
      terminal.showStatus((columns) => [line.slice(0, columns - 1)]);
    }
  }
}

/** False when it was woken before its time. */
function slept(clock: Clock, delayMs: number, signal: AbortSignal): Promise<boolean> {
  return clock.sleep(delayMs, { signal }).then(
    () => true,
    () => false,
  );
}

/** `1,234,567 records  411,522/s  85.3 MB  3.20 s left  2 dead letters` */
export function progressLine(stats: RunStats, rate: number, leftMs: number | undefined): string {
  const parts = [`${formatCount(stats.recordsIn)} records`, `${formatCount(rate)}/s`];
  if (stats.bytesIn > 0) parts.push(formatBytes(stats.bytesIn));
  if (leftMs !== undefined) parts.push(`${formatDuration(leftMs)} left`);
  if (stats.deadLetters > 0) parts.push(`${formatCount(stats.deadLetters)} dead letters`);
  const degraded = Object.entries(stats.degraded).map(([id, reason]) => `${id}: ${reason}`);
  return [...parts, ...(stats.status === 'draining' ? ['stopping'] : []), ...degraded].join('  ');
}

/** Guesses the time left from the goal and from how fast the sources' lag shrinks. */
export class Estimate {
  readonly #goal: Goal;
  #first: { readonly lag: number; readonly durationMs: number } | undefined;

  constructor(goal: Goal) {
    this.#goal = goal;
  }

  /** Undefined where it cannot be known. */
  leftMs(stats: RunStats): number | undefined {
    const { durationMsMax, recordsMax } = this.#goal;
    const { durationMs, recordsIn } = stats;
    const guesses: number[] = [];
    if (durationMsMax !== undefined) guesses.push(Math.max(0, durationMsMax - durationMs));
    if (recordsMax !== undefined && recordsIn > 0) {
      guesses.push((Math.max(0, recordsMax - recordsIn) * durationMs) / recordsIn);
    }
    const byLag = this.#leftByLag(stats);
    if (byLag !== undefined) guesses.push(byLag);
    return guesses.length === 0 ? undefined : Math.min(...guesses);
  }

  #leftByLag({ components, durationMs }: RunStats): number | undefined {
    const lags = components.flatMap(({ source }) => (source === undefined ? [] : [source.lag]));
    const [first] = lags;
    if (first === undefined || lags.some((lag) => lag?.unit !== first.unit)) return undefined;
    const left = lags.reduce((sum, lag) => sum + lag!.value, 0);
    this.#first ??= { lag: left, durationMs };
    const done = this.#first.lag - left;
    return done <= 0 ? undefined : (left * (durationMs - this.#first.durationMs)) / done;
  }
}
