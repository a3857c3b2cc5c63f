import { queueLimits } from './queue-limits.ts';

/** How much a component has to do. */
export interface ComponentLoad {
  readonly component: string;
  /** How much of the time it was at work, from 0 to 1. */
  readonly busyShare: number;
  /** How full the queue before it is, from 0 to 1; null where it shares that of the one before it. */
  readonly queueFill: number | null;
}

/** A component that is at work for less of the time holds up nobody. */
const busyFrom = 0.5;

/**
 * What holds up the rest, of components in the order of the flow: the busy one behind the last full
 * queue, or whoever waits there for something outside; without a full queue the busiest, if it is
 * busy. Null where nothing does.
 */
export function bottleneckOf<L extends ComponentLoad>(loads: readonly L[]): L | null {
  const from = loads.findLastIndex(({ queueFill }) => (queueFill ?? 0) >= queueLimits.warn);
  if (from < 0) {
    const [busiest] = loads.toSorted((a, b) => b.busyShare - a.busyShare);
    return busiest !== undefined && isBusy(busiest) ? busiest : null;
  }
  // Those behind the next queue do not fill this one.
  const next = loads.findIndex(({ queueFill }, at) => at > from && queueFill !== null);
  const behind = loads.slice(from, next < 0 ? undefined : next);
  return behind.find(isBusy) ?? behind[0]!;
}

function isBusy({ busyShare }: ComponentLoad): boolean {
  return busyShare >= busyFrom;
}
