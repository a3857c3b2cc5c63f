import { computed, type Signal, signal } from '@preact/signals';

import type {
  AlertsDocument,
  BreakerTransition,
  HistoryPoint,
  LogEntry,
} from '../../src/server/api-types.ts';
import type { Health } from '../../src/observe/health.ts';
import type { RunStats, RunStatus } from '../../src/observe/snapshot.ts';

/** What the page knows of the pipeline, as it was told last. */
export const snapshot: Signal<RunStats | undefined> = signal(undefined);
export const health: Signal<Health | undefined> = signal(undefined);
export const alerts: Signal<AlertsDocument | undefined> = signal(undefined);
export const point: Signal<HistoryPoint | undefined> = signal(undefined);

/** How the run stood last that was here before the one that is shown; undefined where none was. */
export const previous: Signal<RunStats | undefined> = signal(undefined);

/** Whether the server tells what happens, and since when: as `performance.now()`. */
export const connection: Signal<{ readonly isLive: boolean; readonly since: number }> = signal({
  isLive: false,
  since: performance.now(),
});

/** Now, as `performance.now()`, once a second. */
export const tick: Signal<number> = signal(performance.now());

const works: ReadonlySet<RunStatus> = new Set(['starting', 'running', 'paused', 'draining']);

/** Whether the run has come to its end, and the page was told so. */
export const isOver = computed(() => !works.has(snapshot.value?.status ?? 'starting'));

/** When it did; undefined where it has not. */
export const endedAt = computed(() => snapshot.value?.endedAt ?? undefined);

/** For how long nobody has answered; a short while is none. */
export const awayMs = computed(() => {
  const { isLive, since } = connection.value;
  const ms = tick.value - since;
  return isLive || ms < awayFromMs ? 0 : ms;
});
const awayFromMs = 1500;

/** Whether nothing of what the page shows is as it is now. */
export const isStill = computed(() => isOver.value || awayMs.value > 0);

/** Up to when anything was told, where nothing more comes: the end of the run, or the last figures. */
export const stillAt = computed(
  () => endedAt.value ?? (isStill.value ? snapshot.value?.at : undefined),
);

/** How old the figures are; those of a run that has ended stay new. */
export const ageMs = computed(() => (isOver.value ? 0 : tick.value - lastHeard.value));

/**
 * The wall time of the pipeline, once a second: what says how long ago something was. The clock of
 * this machine may be another, and be set; only before any figures there is none better.
 */
export const now = computed(() => {
  const told = snapshot.value;
  return told === undefined ? Date.now() : told.at + Math.max(0, tick.value - lastHeard.value);
});

/** When the figures were taken, as `performance.now()`. */
const lastHeard = signal(performance.now());
const recentPoints: HistoryPoint[] = [];
/** Seconds for which a history may be asked before points are missed. */
const pointsMax = 32;
const lineListeners = new Set<(line: LogEntry) => void>();
const breakerListeners = new Set<(transition: BreakerTransition) => void>();
let source: EventSource | undefined;

/** Is told every log line as it comes. Gives what ends that. */
export function onLine(listener: (line: LogEntry) => void): () => void {
  lineListeners.add(listener);
  return () => lineListeners.delete(listener);
}

/** Is told every change of a breaker as it happens. Gives what ends that. */
export function onBreaker(listener: (transition: BreakerTransition) => void): () => void {
  breakerListeners.add(listener);
  return () => breakerListeners.delete(listener);
}

/** The newest points behind that time: of those that come at once `point` has only the last. */
export function pointsAfter(monotonicMs: number): readonly HistoryPoint[] {
  return recentPoints.filter((one) => one.monotonicMs > monotonicMs);
}

/** Hears what the server tells from now on. `refused`: it does not tell this page any more. */
export function follow(refused: () => void): void {
  source?.close();
  const events = new EventSource('api/v1/events');
  source = events;
  events.addEventListener('open', () => {
    leastMs = Infinity;
    setLive(true);
  });
  events.addEventListener('error', () => {
    setLive(false);
    // Where it was only away, the browser asks again by itself.
    if (events.readyState !== EventSource.CLOSED) return;
    events.close();
    setTimeout(refused, againMs);
  });
  hear(events, 'snapshot', (stats: RunStats) => {
    const { monotonicMs: tookMs } = stats;
    const before = snapshot.peek();
    if (before !== undefined && before.startedAt !== stats.startedAt) {
      previous.value = before;
      // By another clock.
      point.value = undefined;
      recentPoints.length = 0;
    }
    // Whoever connects is told what was last, however long ago that was.
    if (tookMs !== snapshot.peek()?.monotonicMs) {
      // Two clocks: the way that took least is taken for none.
      leastMs = Math.min(leastMs, performance.now() - tookMs);
      lastHeard.value = tookMs + leastMs;
    }
    snapshot.value = stats;
  });
  hear(events, 'health', (judged: Health) => (health.value = judged));
  hear(events, 'alerts', (told: AlertsDocument) => (alerts.value = told));
  hear(events, 'point', (next: HistoryPoint) => {
    recentPoints.push(next);
    if (recentPoints.length > pointsMax) recentPoints.shift();
    point.value = next;
  });
  hear(events, 'log', (line: LogEntry) => lineListeners.forEach((tell) => tell(line)));
  hear(events, 'breaker', (change: BreakerTransition) =>
    breakerListeners.forEach((tell) => tell(change)),
  );
  openedMs = performance.now();
  clock ??= setInterval(() => {
    tick.value = performance.now();
    const isRefused = source?.readyState === EventSource.CLOSED;
    if (isRefused || Math.min(ageMs.peek(), tick.peek() - openedMs) < silentMsMax) return;
    // A connection may be dead without a word; a new one tells.
    setLive(false);
    follow(refused);
  }, 1000);
}

/** Hears nothing more. */
export function unfollow(): void {
  source?.close();
  setLive(false);
}

let openedMs = 0;
/** Between the clock of the pipeline and that of the page, as far as this connection tells. */
let leastMs = Infinity;
const silentMsMax = 10_000;

let clock: ReturnType<typeof setInterval> | undefined;
const againMs = 2000;

function hear<T>(events: EventSource, type: string, take: (data: T) => void): void {
  events.addEventListener(type, ({ data }: MessageEvent<string>) => {
    setLive(true);
    take(JSON.parse(data) as T);
  });
}

function setLive(isLive: boolean): void {
  if (connection.peek().isLive !== isLive) connection.value = { isLive, since: performance.now() };
}
