import type {
  ComponentHistory,
  FigureLists,
  HistoryPoint,
  LaneSeries,
  RunHistory,
} from '../../src/server/api-types.ts';

export type History = RunHistory | ComponentHistory;

/** Slots of the finest history. */
const slotsMax = 300;

/** How many seconds there are between the newest slot and a point, of which nothing is known here. */
export function missedBefore({ monotonicMs, everyMs }: History, next: HistoryPoint): number {
  if (monotonicMs === null) return 0;
  const slots = Math.round((next.monotonicMs - monotonicMs) / everyMs);
  return Math.min(slotsMax, Math.max(0, slots - 1));
}

/** The history of the run with a point more; seconds that were missed are empty slots. */
export function grownRun(history: RunHistory, next: HistoryPoint): RunHistory {
  const { state, reasons, reasonsLeftOut } = history;
  const length = history.at.length + missedBefore(history, next) + 1;
  const newest = Math.min(length, slotsMax) - 1;
  const gone = length - 1 - newest;
  const hasReasons = next.reasons.length > 0;
  return {
    ...grown(history, next, next.run),
    lanes: grownLanes(history, next),
    state: longer(state, missedBefore(history, next), next.state),
    reasons: { ...shifted(reasons, gone), ...(hasReasons && { [newest]: next.reasons }) },
    reasonsLeftOut: {
      ...shifted(reasonsLeftOut, gone),
      ...(next.reasonsLeftOut > 0 && { [newest]: next.reasonsLeftOut }),
    },
  };
}

/** Lanes may come and go: each has a value for every slot. */
function grownLanes(history: RunHistory, next: HistoryPoint): RunHistory['lanes'] {
  const missed = missedBefore(history, next);
  const unknown = history.at.map(() => null);
  const ids = new Set([...Object.keys(history.lanes), ...Object.keys(next.lanes)]);
  const lanes = [...ids].map((id): [string, FigureLists<LaneSeries>] => {
    const [before, now] = [history.lanes[id], next.lanes[id]];
    const list = (name: LaneSeries): (number | null)[] =>
      longer(before?.[name] ?? unknown, missed, now?.[name] ?? null);
    return [id, { busyShare: list('busyShare'), loopUtilization: list('loopUtilization') }];
  });
  return Object.fromEntries(lanes);
}

/** That of a component. */
export function grownComponent(history: ComponentHistory, next: HistoryPoint): ComponentHistory {
  return grown(history, next, next.components[history.component]);
}

function grown<H extends History>(
  history: H,
  next: HistoryPoint,
  figures: Readonly<Record<string, number | null>> | undefined,
): H {
  const { at, monotonicMs } = next;
  const missed = missedBefore(history, next);
  const series = Object.entries<readonly (number | null)[]>(history.series).map(
    ([name, values]) => [name, longer(values, missed, figures?.[name] ?? null)] as const,
  );
  // Where the clock was set, all that was before is told by it too.
  const lastAt = at - (monotonicMs - (history.monotonicMs ?? 0));
  const setMs = lastAt - (history.at.at(-1) ?? 0);
  const between = Array.from(
    { length: missed },
    (_, index) => at - (missed - index) * history.everyMs,
  );
  return {
    ...history,
    at: [...history.at.map((before) => before + setMs), ...between, at].slice(-slotsMax),
    monotonicMs,
    series: Object.fromEntries(series),
  };
}

function longer<T>(values: readonly (T | null)[], missed: number, next: T): (T | null)[] {
  return [...values, ...Array.from({ length: missed }, () => null), next].slice(-slotsMax);
}

/** What goes by the index of its slot, so many slots on. */
function shifted<T>(
  bySlot: Readonly<Record<string, T>>,
  gone: number,
): Readonly<Record<string, T>> {
  const kept = Object.entries(bySlot)
    .map(([index, one]) => [Number(index) - gone, one] as const)
    .filter(([index]) => index >= 0);
  return Object.fromEntries(kept);
}
