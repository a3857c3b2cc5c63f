import { useEffect, useRef, useState } from 'preact/hooks';

import type {
  ComponentHistory,
  HistoryPoint,
  HistorySpan,
  RunHistory,
} from '../../src/server/api-types.ts';
import { useDocument } from './documents.ts';
import { point, pointsAfter } from './live.ts';
import { grownComponent, grownRun, type History, missedBefore } from './slots.ts';

/** How far back a span goes, and how it is called. */
export const spans: readonly { readonly span: HistorySpan; readonly title: string }[] = [
  { span: '5m', title: '5 minutes' },
  { span: '1h', title: '1 hour' },
  { span: '12h', title: '12 hours' },
];

/** How many slots fill a span. */
export const slots: Readonly<Record<HistorySpan, number>> = { '5m': 300, '1h': 360, '12h': 720 };

const againMs: Readonly<Record<HistorySpan, number | undefined>> = {
  '5m': undefined,
  '1h': 10_000,
  '12h': 60_000,
};
/** More may be missed: it is asked for at once. */
const missedAgainMs = 3000;

/** What the run did over a span of time that ends now. */
export function useRunHistory(span: HistorySpan): RunHistory | undefined {
  return useHistory(span, `history?span=${span}`, grownRun);
}

/** What a component did over a span of time that ends now; undefined: none. */
export function useComponentHistory(
  span: HistorySpan,
  component: string | undefined,
): ComponentHistory | undefined {
  const path = component && `history?span=${span}&component=${encodeURIComponent(component)}`;
  return useHistory(span, path, grownComponent);
}

/** As it was told, with the points that came since; asked for again where a point was missed. */
function useHistory<H extends History>(
  span: HistorySpan,
  path: string | undefined,
  grow: (history: H, next: HistoryPoint) => H,
): H | undefined {
  const [round, setRound] = useState(0);
  const told = useDocument<H>(path, againMs[span], round);
  const grown = useRef<{ readonly base: H; now: H; isHoled: boolean }>(undefined);
  const base = told.value.value;
  if (grown.current?.base !== base) {
    grown.current = base && { base, now: base, isHoled: false };
  }
  // The coarser spans are asked for again.
  if (span === '5m' && point.value !== undefined && grown.current !== undefined) {
    for (const next of pointsAfter(grown.current.now.monotonicMs ?? -1)) {
      grown.current.isHoled ||= missedBefore(grown.current.now, next) > 0;
      grown.current.now = grow(grown.current.now, next);
    }
  }
  const isHoled = grown.current?.isHoled ?? false;
  useEffect(() => {
    if (!isHoled) return undefined;
    const asking = setTimeout(() => setRound((last) => last + 1), missedAgainMs);
    return () => clearTimeout(asking);
  }, [isHoled, base]);
  return grown.current?.now;
}
