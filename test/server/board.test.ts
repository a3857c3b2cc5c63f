import { expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import type { RunStats } from '../../src/observe/index.ts';
import type { BreakersDocument } from '../../src/server/api-types.ts';
import { createApp } from '../../src/server/app.ts';
import { Board } from '../../src/server/board.ts';
import { componentStats, policyStats, runStats } from '../observe/run-stats.ts';

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
  const policy = policyStats([breaker]);
  return runStats(second, { components: [componentStats('enrich', { policy })] });
}

test('a breaker that was open degrades for 30 seconds, however often the run publishes', () => {
  const board = boardOf();
  const healthAt = (second: number, opens: number) => {
    const snapshot = JSON.stringify(published(second, opens));
    board.take({
      type: 'published',
      documents: { snapshot },
      events: [],
      eventsDropped: 0,
      loopDelayMs: 0,
    });
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
  expect(healthAt(131, 4)).toMatchObject({ degraded: false, recovering: false });
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

test('figures of its own thread are read as they are, and made text once they are asked for', async () => {
  const texts: string[] = [];
  const toldOf = (name: string, figures: object): object =>
    Object.assign(figures, { toJSON: () => (texts.push(name), { of: name }) });
  const board = boardOf();
  const takeAt = (second: number, opens: number): void =>
    board.take({
      type: 'published',
      documents: {
        snapshot: toldOf(`snapshot ${second}`, published(second, opens)),
        alerts: toldOf(`alerts ${second}`, { active: [], history: [] }),
      },
      events: [],
      eventsDropped: 0,
      loopDelayMs: 0,
    });
  takeAt(1, 3);
  takeAt(2, 4);
  expect(board.health().degraded).toBe(true);
  expect(texts).toEqual([]);
  expect(board.document('snapshot')).toBe('{"of":"snapshot 2"}');
  expect(board.document('snapshot')).toBe('{"of":"snapshot 2"}');
  expect(texts).toEqual(['snapshot 2']);
  const stream = board.live.connect(null, board.latest, () => {})!;
  takeAt(3, 4);
  expect(texts).toEqual(['snapshot 2', 'alerts 2', 'snapshot 3', 'alerts 3']);
  await stream.cancel();
});

function boardOf(): Board {
  return new Board({
    clock: new VirtualClock(),
    vitals: () => ({ status: 'running', stalledMs: 0 }),
    ask: () => Promise.reject(new Error('nobody is there')),
    limits: {},
  });
}

test('the last thousand changes of breakers are kept, and those before are counted', () => {
  const board = boardOf();
  for (let at = 0; at < 1007; at++) board.tell({ type: 'breaker', data: `{"at":${at}}` });
  const { transitions, dropped } = JSON.parse(board.breakers) as BreakersDocument;
  expect([transitions.length, dropped]).toEqual([1000, 7]);
  expect([transitions[0]!.at, transitions.at(-1)!.at]).toEqual([7, 1006]);
});

test('a stall is in the history while it lasts, whatever the clock of the thread that looks says', async () => {
  const clock = new VirtualClock();
  await clock.sleep(5_000_000);
  let stalledMs = 0;
  const board = new Board({
    clock,
    vitals: () => ({ status: 'running', stalledMs }),
    ask: () => Promise.reject(new Error('nobody is there')),
    limits: {},
  });
  for (const second of [1, 2]) {
    const snapshot = JSON.stringify(published(second, 0));
    const events = { events: [], eventsDropped: 0, loopDelayMs: 9 - second };
    board.take({ type: 'published', documents: { snapshot }, ...events });
    await clock.sleep(1000);
  }
  for (let look = 0; look < 16; look++) {
    stalledMs += 250;
    board.look();
    await clock.sleep(250);
  }
  const { state, reasons, series } = board.history.run('5m');
  expect(state).toEqual([0, 0, 1, 1, 1, 1]);
  expect(reasons['3']).toEqual([
    { text: expect.stringContaining('the loop has stood still') as string },
  ]);
  expect(series.loopDelayMs).toEqual([8, 7, null, null, null, null]);
});
