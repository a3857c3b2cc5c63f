import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { circuitBreaker, consecutiveFailures } from '../../src/resilience/index.ts';
import type {
  BreakersDocument,
  ComponentHistory,
  HistoryPoint,
  RunHistory,
} from '../../src/server/api-types.ts';
import { observationRoutes } from '../../src/server/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from '../engine/ends.ts';
import { patience, reader, served } from './served.ts';

const second = 1000;

/** A record each second for two minutes, to a store that is away from the tenth to the sixtieth. */
async function outage() {
  const outside = virtualOutside();
  const { clock, random } = outside;
  const startedAt = clock.now();
  const policy = circuitBreaker({
    name: 'db',
    opens: consecutiveFailures(3),
    openMs: 30 * second,
    clock,
    random,
  });
  const away = (): Promise<void> => {
    const now = clock.monotonic();
    const isAway = now >= 10 * second && now < 60 * second;
    return isAway ? Promise.reject(new Error('ECONNREFUSED')) : Promise.resolve();
  };
  const run = await testPipeline({ queue: { rowsMax: 2 } }, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: numbered(120).map((row) => [row]),
        before: (_, signal) => clock.sleep(second, { signal }),
      }),
    )
    .to(scriptedSink({ answer: away }), { id: 'store', policy })
    .start();
  const routes = observationRoutes(run, { authorize: () => 'read' });
  onTestFinished(() => routes[Symbol.dispose]());
  const ask = (path: string): Promise<Response> =>
    routes(new Request(`http://host.example/api/v1/${path}`));
  return { run, ask, startedAt };
}

describe('of an outage', () => {
  test('history shows when it was, what it held up, and why', async () => {
    const { run, ask, startedAt } = await outage();
    await run.done;
    const told = (await (await ask('history')).json()) as RunHistory;
    expect(told).toMatchObject({ everyMs: 1000, component: null });
    expect(told.at.length).toBeGreaterThan(119);
    const indexAt = (elapsed: number): number =>
      told.at.findIndex((at) => at >= startedAt + elapsed * second);
    expect(told.state.slice(1, indexAt(9))).toEqual(
      Array.from({ length: indexAt(9) - 1 }, () => 0),
    );
    expect(told.state[indexAt(30)]).toBe(2);
    expect(told.reasons[indexAt(30)]).toContainEqual({
      component: 'store',
      text: expect.stringContaining('breaker `db` is open') as string,
    });
    expect(told.reasonsLeftOut).toEqual({});
    expect(told.series.recordsOutPerSecond[indexAt(30)]).toBe(0);
    expect(told.series.retryRate).toHaveLength(told.at.length);
    const store = (await (await ask('history?span=5m&component=store')).json()) as ComponentHistory;
    expect(store).toMatchObject({ everyMs: 1000, component: 'store', at: told.at });
    expect(store.series.queueFill[indexAt(30)]).toBe(1);
    expect(store.series.outPerSecond[indexAt(5)]).toBeCloseTo(1, 1);
    expect(Math.max(...store.series.endToEndP95Ms.map((ms) => ms ?? 0))).toBeGreaterThan(
      50 * second,
    );
    const hour = (await (await ask('history?span=1h')).json()) as RunHistory;
    expect(hour.everyMs).toBe(10_000);
    expect(hour.state[3]).toBe(2);
  });

  test('the changes of the breaker are told to the millisecond', async () => {
    const { run, ask, startedAt } = await outage();
    await run.done;
    const told = (await (await ask('breakers')).json()) as BreakersDocument;
    expect(told.dropped).toBe(0);
    const changes = told.transitions.map(({ at, state, previous }) => [
      at - startedAt,
      previous,
      state,
    ]);
    expect(changes).toEqual([
      [10_200, 'closed', 'open'],
      [40_200, 'open', 'half-open'],
      [40_200, 'half-open', 'open'],
      [70_200, 'open', 'half-open'],
      [70_200, 'half-open', 'closed'],
    ]);
    expect(told.transitions[0]).toMatchObject({
      component: 'store',
      breaker: 'db',
      reason: 'rule',
    });
    expect(told.transitions.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    const { breakers } = run.stats().components[1]!.policy!;
    expect(breakers.worst).toMatchObject([{ id: 'db', state: told.transitions.at(-1)!.state }]);
  });

  test('what is asked for in another way is refused, and why', async () => {
    const { run, ask } = await outage();
    const refused = async (path: string): Promise<unknown> => {
      const answer = await ask(path);
      return [answer.status, await answer.json()];
    };
    await run.done;
    expect(await refused('history?span=1d')).toEqual([
      400,
      { error: { code: 'query', message: 'span is one of 5m, 1h, 12h' } },
    ]);
    for (const id of ['stoer', '__proto__', '']) {
      expect(await refused(`history?component=${id}`)).toEqual([
        404,
        { error: { code: 'component', message: 'there are scripted, store' } },
      ]);
    }
  });
});

test('over the wire a second is told as it passes, and which role asks', async () => {
  const { ask } = await served();
  const stream = (await ask('/api/v1/events')).body!.getReader();
  onTestFinished(() => stream.cancel());
  const decoder = new TextDecoder();
  let text = '';
  const points: HistoryPoint[] = [];
  await vi.waitFor(async () => {
    text += decoder.decode((await stream.read()).value, { stream: true });
    const found = [...text.matchAll(/event: point\ndata: (.*)\n\n/g)];
    points.splice(0, points.length, ...found.map(([, data]) => JSON.parse(data!) as HistoryPoint));
    expect(points.length).toBeGreaterThanOrEqual(2);
  }, patience);
  const [one, two] = points as [HistoryPoint, HistoryPoint];
  expect(two.at - one.at).toBeGreaterThan(900);
  expect(two.run.recordsInPerSecond).toBeGreaterThan(10);
  expect(two.run.loopDelayMs).toBeGreaterThanOrEqual(0);
  expect(two.components['interval']).toMatchObject({ outPerSecond: expect.any(Number) as number });
  const told = (await (await ask('/api/v1/history?span=5m')).json()) as RunHistory;
  expect(told.at).toContain(two.at);
  expect(await (await ask('/api/v1/session')).json()).toEqual({ role: 'admin' });
  const session = await ask('/api/v1/session', { token: reader });
  expect(await session.json()).toEqual({ role: 'read' });
  const nobody = await ask('/api/v1/session', { token: null });
  expect(await nobody.json()).toEqual({ role: null });
});
