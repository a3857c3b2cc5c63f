import type { RunHistory } from '../../src/server/api-types.ts';
import type { Line } from './parts/chart-values.ts';

const colours = ['flow', 'flow-2', 'flow-3', 'flow-4', 'flow-5', 'flow-6'];

/** What a chart shows of the load of lanes. */
export interface LaneTrend {
  readonly title: string;
  readonly lines: readonly Line[];
}

/**
 * The load of each lane as a line of its own; of more than there are colours the busiest, each in the
 * place and colour that it has among the others. Of a single lane its event loop too.
 */
export function laneTrend(lanes: RunHistory['lanes']): LaneTrend {
  const all = Object.entries(lanes);
  const [first] = all;
  if (all.length <= 1) {
    const { busyShare = [], loopUtilization = [] } = first?.[1] ?? {};
    return {
      title: 'Load',
      lines: [
        { label: 'busiest component', values: busyShare, colour: 'flow', isFilled: true },
        { label: 'event loop', values: loopUtilization, colour: 'flow-3' },
      ],
    };
  }
  const busiest = new Set(
    all
      .toSorted(([, one], [, other]) => loadOf(other.busyShare) - loadOf(one.busyShare))
      .slice(0, colours.length),
  );
  const shown = all.filter((lane) => busiest.has(lane));
  const isCut = shown.length < all.length;
  return {
    title: isCut
      ? `Load of the ${shown.length} busiest of ${all.length} lanes`
      : 'Load of each lane',
    lines: shown.map(([label, { busyShare }], at) => ({
      label,
      values: busyShare,
      colour: colours[at]!,
    })),
  };
}

/** Over the whole of it. */
function loadOf(shares: readonly (number | null)[]): number {
  return shares.reduce<number>((sum, one) => sum + (one ?? 0), 0);
}
