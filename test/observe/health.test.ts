import { describe, expect, test } from 'vitest';

import {
  type Health,
  health,
  type HealthStats,
  QueuePressure,
  RecentStats,
} from '../../src/observe/index.ts';
import { censusOf } from './run-stats.ts';

const well: HealthStats = { status: 'running', components: [], degraded: {} };

function withPolicy(
  breaker: Partial<{ state: 'closed' | 'open' | 'half-open'; opens: number; refused: number }>,
  substituted = 0,
): HealthStats {
  const breakers = [{ id: 'feed', state: 'closed' as const, opens: 0, refused: 0, ...breaker }];
  return {
    ...well,
    components: [{ id: 'enrich', policy: { substituted, breakers: censusOf(breakers) } }],
  };
}

test('a run that works is alive, ready, and nothing else', () => {
  expect(health({ stats: well })).toEqual({
    alive: true,
    ready: true,
    overloaded: false,
    degraded: false,
    recovering: false,
    reasons: [],
  });
});

describe('the loop', () => {
  test('is told of within two seconds and dead after stallMsMax', () => {
    const at = (loopStallMs: number) => health({ stats: well, loopStallMs });
    expect(at(999).reasons).toEqual([]);
    expect(at(1500)).toMatchObject({
      alive: true,
      overloaded: true,
      reasons: [{ of: 'overloaded', text: 'the loop has stood still for 1.5 s' }],
    });
    expect(at(9999).alive).toBe(true);
    // What was said of a shorter stall stays true.
    expect(at(10_000)).toMatchObject({
      alive: false,
      ready: false,
      overloaded: true,
      reasons: [{ of: 'alive' }, { of: 'ready' }, { of: 'overloaded' }],
    });
  });

  test('has limits of its own', () => {
    const settings = { stallMsMax: 500, stallMsMin: 100 };
    expect(health({ stats: well, loopStallMs: 100 }, settings).overloaded).toBe(true);
    expect(health({ stats: well, loopStallMs: 500 }, settings).alive).toBe(false);
  });
});

test.each(['starting', 'draining', 'done', 'failed'] as const)(
  'a run that is %s is not ready',
  (status) => {
    expect(health({ stats: { ...well, status } })).toMatchObject({
      alive: true,
      ready: false,
      reasons: [{ of: 'ready', text: `the run is ${status}` }],
    });
  },
);

describe('queues', () => {
  const queue = (depth: number, fill: number) => ({ enrich: { depth, fill, isPaced: true } });

  test('half full for three seconds overloads a paced pipeline, and no other', () => {
    const pressure = new QueuePressure();
    expect(pressure.look(queue(4, 0.5), 1000)).toEqual({ enrich: 0 });
    const almost = pressure.look(queue(5, 0.7), 3999);
    expect(health({ stats: well, queueFullMs: almost }).overloaded).toBe(false);
    const queueFullMs = pressure.look(queue(4, 0.5), 4000);
    expect(health({ stats: well, queueFullMs })).toMatchObject({
      overloaded: true,
      ready: true,
      reasons: [
        { of: 'overloaded', component: 'enrich', text: 'its queue has been too full for 3.0 s' },
      ],
    });
    expect(pressure.look({ enrich: { depth: 8, fill: 1, isPaced: false } }, 9000)).toEqual({});
  });

  test('one that has emptied meanwhile, or is gone, begins anew', () => {
    const pressure = new QueuePressure();
    pressure.look(queue(8, 1), 0);
    expect(pressure.look(queue(1, 0.1), 2000)).toEqual({});
    expect(pressure.look(queue(8, 1), 2500)).toEqual({ enrich: 0 });
    expect(pressure.look({}, 3000)).toEqual({});
    expect(pressure.look(queue(8, 1), 9000)).toEqual({ enrich: 0 });
  });

  test('queueDepthMax is in batches', () => {
    const pressure = new QueuePressure({ queueDepthMax: 3 });
    expect(pressure.look(queue(2, 0.9), 0)).toEqual({});
    expect(pressure.look(queue(3, 0.1), 0)).toEqual({ enrich: 0 });
  });
});

describe('degraded', () => {
  const reasonsOf = (stats: HealthStats, before?: HealthStats): string[] =>
    health({ stats, before }).reasons.map(({ text }) => text);

  test('what the run itself says', () => {
    const stats = { ...well, degraded: { out: 'cannot be opened' } };
    expect(health({ stats })).toMatchObject({
      degraded: true,
      ready: true,
      reasons: [{ of: 'degraded', component: 'out', text: 'cannot be opened' }],
    });
  });

  test('of a thousand breakers ten are named, those that are open first, and the rest counted', () => {
    const breakers = Array.from({ length: 1000 }, (_, at) => {
      const state = at >= 990 ? ('open' as const) : ('closed' as const);
      return { id: `b${at}`, state, opens: at === 0 ? 1 : 0, refused: 0 };
    });
    const closed = breakers.map((one) => ({ ...one, state: 'closed' as const, opens: 0 }));
    const statsOf = (all: typeof breakers | typeof closed) => ({
      ...well,
      components: [{ id: 'sensors', policy: { substituted: 3, breakers: censusOf(all) } }],
    });
    const before = statsOf(closed);
    before.components[0]!.policy.substituted = 1;
    expect(reasonsOf(statsOf(breakers), before)).toEqual([
      ...Array.from({ length: 10 }, (_, at) => `the breaker \`b${990 + at}\` is open`),
      'and 1 more that is not closed, or was not',
      'a fallback gave 2 results',
    ]);
    const ten = statsOf(breakers.slice(990));
    expect(reasonsOf(ten)).toHaveLength(10);
    const allOpen = breakers.map((one) => ({ ...one, state: 'open' as const }));
    expect(reasonsOf(statsOf(allOpen)).at(-1)).toBe(
      'and 990 more that are not closed, or were not',
    );
  });

  test('a breaker that is open, has opened or has refused since the last look', () => {
    expect(reasonsOf(withPolicy({ state: 'open' }))).toEqual(['the breaker `feed` is open']);
    const before = withPolicy({ opens: 2, refused: 7 });
    expect(reasonsOf(withPolicy({ opens: 2, refused: 7 }), before)).toEqual([]);
    expect(reasonsOf(withPolicy({ opens: 3, refused: 7 }), before)).toEqual([
      'the breaker `feed` was open',
    ]);
    expect(reasonsOf(withPolicy({ opens: 2, refused: 8 }), before)).toEqual([
      'the breaker `feed` refused calls',
    ]);
    expect(reasonsOf(withPolicy({ state: 'half-open', opens: 2, refused: 7 }), before)).toEqual([]);
  });

  test('a fallback used since the last look, not one used an hour ago', () => {
    expect(reasonsOf(withPolicy({}, 12), withPolicy({}, 10))).toEqual([
      'a fallback gave 2 results',
    ]);
    expect(reasonsOf(withPolicy({}, 11), withPolicy({}, 10))).toEqual(['a fallback gave 1 result']);
    expect(reasonsOf(withPolicy({}, 12), withPolicy({}, 12))).toEqual([]);
    expect(reasonsOf(withPolicy({}, 12))).toEqual([]);
  });
});

describe('recovering', () => {
  /** Looks at a run once a second, from second 0 on, and judges it by the last look. */
  function judged(seconds: readonly HealthStats[]): Health {
    const recent = new RecentStats();
    let last = health({ stats: well });
    for (const [second, stats] of seconds.entries()) {
      const atMs = second * 1000;
      last = health({ stats, ...recent.look(stats, atMs, 1_000_000 + atMs) });
    }
    return last;
  }
  const times = (count: number, stats: HealthStats): HealthStats[] =>
    new Array<HealthStats>(count).fill(stats);
  const fell = [withPolicy({}), ...times(3, withPolicy({ state: 'open', opens: 1 }))];

  test('once nothing was wrong for five seconds, and since when', () => {
    const closed = withPolicy({ opens: 1 });
    expect(judged([...fell, ...times(5, closed)])).toMatchObject({
      degraded: true,
      recovering: false,
    });
    const after = judged([...fell, ...times(6, closed)]);
    expect(after).toMatchObject({ degraded: true, recovering: true });
    // It was open in the second 3, and closed in the second 4.
    expect(after.reasons).toEqual([
      {
        of: 'degraded',
        component: 'enrich',
        text: 'the breaker `feed` was open',
        overSince: 1_003_000 + 1000,
      },
    ]);
    expect(judged([...fell, ...times(40, closed)])).toMatchObject({
      degraded: false,
      recovering: false,
    });
  });

  test('not while it flaps, tries or goes on substituting', () => {
    const flapping = [0, 1, 2, 3].flatMap((opens) => [
      ...times(3, withPolicy({ state: 'open', opens })),
      withPolicy({ opens }),
    ]);
    for (let until = 5; until <= flapping.length; until++) {
      expect(judged(flapping.slice(0, until)).recovering).toBe(false);
    }
    const trying = times(9, withPolicy({ state: 'half-open', opens: 1 }));
    expect(judged([...fell, ...trying]).recovering).toBe(false);
    const substituting = Array.from({ length: 20 }, (_, at) => withPolicy({}, at >> 2));
    expect(judged(substituting)).toMatchObject({ degraded: true, recovering: false });
  });

  test('not while a sensor is not live, the run itself says so, or something else is wrong', () => {
    const closed = times(9, withPolicy({ opens: 1 }));
    const given = (more: Partial<HealthStats>): Health =>
      judged([...fell, ...closed.map((stats) => ({ ...stats, ...more }))]);
    const [component] = closed[0]!.components;
    const sensorsOf = (live: number) => ({ total: 8, byState: { live } });
    expect(given({ components: [{ ...component!, sensors: sensorsOf(8) }] }).recovering).toBe(true);
    expect(given({ components: [{ ...component!, sensors: sensorsOf(7) }] }).recovering).toBe(
      false,
    );
    expect(given({ degraded: { enrich: 'cannot be opened' } }).recovering).toBe(false);
    expect(given({ degraded: { out: 'cannot be opened' } }).recovering).toBe(false);
    expect(given({ status: 'paused' }).recovering).toBe(false);
  });
});
