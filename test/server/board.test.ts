import { expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import type { RunStats } from '../../src/observe/index.ts';
import { createApp } from '../../src/server/app.ts';
import { Board } from '../../src/server/board.ts';
import { componentStats, runStats } from '../observe/run-stats.ts';

/** What a run publishes at a second of its own, with a breaker that has opened so often. */
function published(second: number, opens: number): RunStats {
  const breaker = {
    id: 'feed',
    name: 'feed',
    state: 'closed',
    opens,
    openMs: 0,
    refused: 0,
  } as const;
  const counts = { calls: 0, attempts: 0, substituted: 0, retries: 0, suppressed: 0 };
  const policy = { ...counts, breakers: [breaker] };
  return runStats(second, { components: [componentStats('enrich', { policy })] });
}

test('a breaker that was open degrades for 30 seconds, however often the run publishes', () => {
  const board = new Board({
    clock: new VirtualClock(),
    vitals: () => ({ status: 'running', stalledMs: 0 }),
    ask: () => Promise.reject(new Error('nobody is there')),
    limits: {},
  });
  const healthAt = (second: number, opens: number) => {
    const snapshot = JSON.stringify(published(second, opens));
    board.take({ type: 'published', documents: { snapshot }, events: [], eventsDropped: 0 });
    return board.health();
  };
  expect(healthAt(1, 3).degraded).toBe(false);
  const wasOpen = {
    degraded: true,
    reasons: [{ of: 'degraded', component: 'enrich', text: 'the breaker `feed` was open' }],
  };
  expect(healthAt(100, 4)).toMatchObject(wasOpen);
  // An alert, or a command, makes the run publish at once.
  expect(healthAt(100.1, 4)).toMatchObject(wasOpen);
  for (let second = 101; second < 130; second++) expect(healthAt(second, 4)).toMatchObject(wasOpen);
  expect(healthAt(131, 4).degraded).toBe(false);
});

test('a client is told of each change of what it was told first, however short it was', async () => {
  let status: 'running' | 'paused' = 'running';
  const board = new Board({
    clock: new VirtualClock(),
    vitals: () => ({ status, stalledMs: 0 }),
    ask: () => Promise.reject(new Error('nobody is there')),
    limits: {},
  });
  const app = createApp({
    board,
    identify: () => ({ role: 'read', by: 'token' }),
    origins: [],
    publicMetrics: false,
    basePath: '/',
    failed: () => {},
  });
  board.look();
  // Between two looks it is paused, a client comes, and it goes on.
  status = 'paused';
  const answer = await app(new Request('http://localhost/api/v1/events'));
  const reading = answer.body!.getReader();
  const readAll = async (): Promise<string> => {
    let text = '';
    while (board.live.heldBytes > 0) text += new TextDecoder().decode((await reading.read()).value);
    return text;
  };
  expect(await readAll()).toContain('"ready":false');
  status = 'running';
  board.look();
  expect(await readAll()).toContain('"ready":true');
  await reading.cancel();
});
