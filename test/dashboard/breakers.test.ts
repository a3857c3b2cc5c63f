import { expect, test } from 'vitest';

import { breakersOf } from '../../dashboard/src/breakers.ts';
import type { BreakerTransition } from '../../src/server/api-types.ts';
import { componentStats, policyStats, runStats } from '../observe/run-stats.ts';

const breaker = { id: 'b', name: 'b', state: 'open', opens: 2, openMs: 10, refused: 0 } as const;
const south = componentStats('south', { policy: policyStats([breaker]) });
const stats = runStats(60, { components: [south] });
const beganMs = stats.at - 60_000;
/** From before the run until now. */
const [fromMs, untilMs] = [beganMs - 30_000, stats.at];

function opened(seq: number, second: number): BreakerTransition {
  const at = beganMs + second * 1000;
  return { seq, at, component: 'south', breaker: 'b', state: 'open', previous: 'half-open' };
}

/** The states that are drawn, with the seconds of the run from and until which they are. */
function drawn(transitions: readonly BreakerTransition[]): readonly unknown[] {
  const [{ stays } = { stays: [] }] = breakersOf(stats, transitions, fromMs, untilMs);
  return stays.map((stay) => [
    stay.state,
    (stay.fromMs - beganMs) / 1000,
    (stay.untilMs - beganMs) / 1000,
  ]);
}

test('a breaker has no state before its run began', () => {
  expect(drawn([])).toEqual([['open', 0, 60]]);
  expect(drawn([opened(1, 20)])).toEqual([
    ['half-open', 0, 20],
    ['open', 20, 60],
  ]);
});

test('what was before the oldest change that is kept is not known', () => {
  const other = { ...opened(7, 10), breaker: 'another' };
  expect(drawn([other, opened(8, 20)])).toEqual([
    ['half-open', 10, 20],
    ['open', 20, 60],
  ]);
});
