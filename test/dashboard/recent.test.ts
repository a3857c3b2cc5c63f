import { describe, expect, test } from 'vitest';

import type { RunStats } from '../../src/server/api-types.ts';
import { componentStats, runStats } from '../observe/run-stats.ts';
import { stubBrowser } from './browser-stubs.ts';

/** A second of a run: what has failed so far. */
function second(at: number, failed: number): RunStats {
  return runStats(at, { components: [componentStats('out', { failed })] });
}

/** What the page knows of late, once these have come. */
async function recentOf(seconds: readonly RunStats[]) {
  stubBrowser();
  const live = await import('../../dashboard/src/live.ts');
  const recent = await import('../../dashboard/src/recent.ts');
  live.connection.value = { ...live.connection.value, isLive: true };
  for (const stats of seconds) live.snapshot.value = stats;
  return recent;
}

describe('the last ten seconds', () => {
  test('are of time, however often the run publishes', async () => {
    const twice = Array.from({ length: 41 }, (_, at) => second(at / 2, at * 10));
    const recent = await recentOf(twice);
    expect(recent.grownOf('out', 'failed')).toEqual({ total: 400, grown: 200, perSecond: 20 });
  });

  test('begin with the run', async () => {
    const recent = await recentOf([second(1, 3), second(2, 5), second(3, 9)]);
    expect(recent.grownOf('out', 'failed')).toEqual({ total: 9, grown: 6, perSecond: 3 });
    expect(recent.grownOf('elsewhere', 'failed')).toEqual({ total: 0, grown: 0, perSecond: 0 });
  });
});
