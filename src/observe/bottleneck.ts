import { queueLimits } from './queue-limits.ts';

/** How much a component has to do. */
export interface ComponentLoad {
  readonly component: string;
  /** How much of the time it held up the rest: at work, or waiting for the outside; from 0 to 1. */
  readonly heldShare: number;
  /** How full the queue before it is, from 0 to 1; null where it shares that of the one before it. */
  readonly queueFill: number | null;
}

/** A component that is so for less of the time holds up nobody. */
const heldFrom = 0.5;

/**
 * What holds up the rest, of components in the order of the flow: the one at work, or waiting
 * for the outside, behind the last full queue; without one whoever is so most, if that is much. Null where nothing does.
 */
export function bottleneckOf<L extends ComponentLoad>(loads: readonly L[]): L | null {
  const from = loads.findLastIndex(({ queueFill }) => (queueFill ?? 0) >= queueLimits.warn);
  if (from < 0) {
    const [most] = loads.toSorted((a, b) => b.heldShare - a.heldShare);
    return most !== undefined && holdsUp(most) ? most : null;
  }
  // Those behind the next queue do not fill this one.
  const next = loads.findIndex(({ queueFill }, at) => at > from && queueFill !== null);
  const behind = loads.slice(from, next < 0 ? undefined : next);
  return behind.find(holdsUp) ?? behind[0]!;
}

function holdsUp({ heldShare }: ComponentLoad): boolean {
  return heldShare >= heldFrom;
}
