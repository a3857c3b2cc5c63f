import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { isPipelineError } from '../../src/errors.ts';
import {
  chain,
  constant,
  type DegradationStrategy,
  dropStrategy,
  interpolated,
  lastKnownGood,
} from '../../src/resilience/index.ts';

interface Reading {
  readonly value: number;
  readonly unit?: string;
}

const failed = new Error('no answer');
const start = Date.UTC(2026, 0, 1);

describe('drop', () => {
  test('delivers nothing, and counts', () => {
    const strategy = dropStrategy();
    strategy.recordSuccess('a', { value: 1 });
    expect(strategy.handleFailure('a', failed)).toBeUndefined();
    expect(strategy.dropReason).toBe('drop');
    expect(strategy.summary()).toEqual({
      name: 'drop',
      live: 1,
      stale: 0,
      interpolated: 0,
      constant: 0,
      dropped: { drop: 1 },
      keysEvicted: 0,
    });
  });
});

describe('last known good', () => {
  test('delivers a marked copy of the last reading of the key', async () => {
    const clock = new VirtualClock();
    const strategy = lastKnownGood<Reading>({ clock });
    const reading = { value: 20, unit: '°C' };
    strategy.recordSuccess('a', { value: 19 });
    await clock.sleep(1000);
    strategy.recordSuccess('a', reading);
    strategy.recordSuccess('b', { value: 7 });
    await clock.sleep(500);
    expect(strategy.handleFailure('a', failed)).toEqual({
      value: 20,
      unit: '°C',
      stale: true,
      quality: 'stale',
      reason: 'no answer',
      sourceTimeMs: start + 1000,
    });
    expect(reading).toEqual({ value: 20, unit: '°C' });
    expect(strategy.handleFailure('b', failed)).toMatchObject({ value: 7, stale: true });
    expect(strategy.summary()).toMatchObject({ live: 3, stale: 2, dropped: {} });
  });

  test('has nothing to deliver without a history, and says so', () => {
    const strategy = lastKnownGood<Reading>();
    expect(strategy.handleFailure('a', failed)).toBeUndefined();
    expect(strategy.dropReason).toBe('no-history');
    strategy.recordSuccess('b', { value: 1 });
    expect(strategy.handleFailure('a', failed)).toBeUndefined();
    expect(strategy.summary()).toMatchObject({ stale: 0, dropped: { 'no-history': 2 } });
  });

  test('delivers nothing that is older than the limit', async () => {
    const clock = new VirtualClock();
    const strategy = lastKnownGood<Reading>({ clock, ageMsMax: 1000 });
    strategy.recordSuccess('a', { value: 1 });
    await clock.sleep(1000);
    expect(strategy.handleFailure('a', failed)).toMatchObject({ value: 1 });
    await clock.sleep(1);
    expect(strategy.handleFailure('a', failed)).toBeUndefined();
    expect(strategy.summary().dropped).toEqual({ 'too-old': 1 });
    strategy.recordSuccess('a', { value: 2 });
    expect(strategy.handleFailure('a', failed)).toMatchObject({ value: 2 });
  });

  test('delivers nothing that could not carry the marks', () => {
    const strategy = lastKnownGood<object>();
    for (const value of [[1], new Map(), new Date(0)]) {
      strategy.recordSuccess('a', value);
      expect(strategy.handleFailure('a', failed)).toBeUndefined();
    }
    expect(strategy.summary().dropped).toEqual({ 'not-an-object': 3 });
  });

  test('takes hostile keys and fields as any other', () => {
    const strategy = lastKnownGood<Record<string, unknown>>();
    const reading = JSON.parse('{"__proto__":{"quality":"live"},"value":1}') as object;
    strategy.recordSuccess('__proto__', reading as never);
    expect(strategy.handleFailure('constructor', failed)).toBeUndefined();
    const stale = strategy.handleFailure('__proto__', failed)!;
    expect(Object.getPrototypeOf(stale)).toBe(Object.prototype);
    expect(stale).toMatchObject({ value: 1, quality: 'stale' });
  });

  test('keeps as many keys as it may, and forgets the least recently used', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 6 })), { maxLength: 60 }),
        (keysMax, steps) => {
          const strategy = lastKnownGood<Reading>({ keysMax });
          let model: number[] = [];
          let evicted = 0;
          for (const [isSuccess, key] of steps) {
            const isKnown = model.includes(key);
            if (isSuccess) strategy.recordSuccess(`${key}`, { value: key });
            else
              expect(strategy.handleFailure(`${key}`, failed)?.value).toBe(
                isKnown ? key : undefined,
              );
            if (isSuccess || isKnown) model = [...model.filter((one) => one !== key), key];
            if (model.length > keysMax) {
              model.shift();
              evicted++;
            }
          }
          expect(strategy.summary().keysEvicted).toBe(evicted);
        },
      ),
    );
  });
});

describe('interpolated', () => {
  test('delivers the mean of the last three, of fewer while there are fewer', async () => {
    const clock = new VirtualClock();
    const strategy = interpolated<Reading>({ clock });
    const after = (value: number): number => {
      strategy.recordSuccess('a', { value });
      return strategy.handleFailure('a', failed)!.value;
    };
    expect(strategy.handleFailure('a', failed)).toBeUndefined();
    expect([after(10), after(20), after(60), after(100), after(5)]).toEqual([10, 15, 30, 60, 55]);
    await clock.sleep(250);
    strategy.recordSuccess('a', { value: 15, unit: 'K' });
    await clock.sleep(250);
    expect(strategy.handleFailure('a', failed)).toEqual({
      value: 40,
      unit: 'K',
      interpolated: true,
      quality: 'interpolated',
      reason: 'no answer',
      sourceTimeMs: start + 250,
    });
    expect(strategy.summary()).toMatchObject({
      live: 6,
      interpolated: 6,
      dropped: { 'no-history': 1 },
    });
  });

  test('goes on along the line through the last three', async () => {
    const clock = new VirtualClock();
    const strategy = interpolated<Reading>({ clock, method: 'linear' });
    strategy.recordSuccess('a', { value: 10 });
    expect(strategy.handleFailure('a', failed)!.value).toBe(10);
    await clock.sleep(100);
    strategy.recordSuccess('a', { value: 12 });
    await clock.sleep(100);
    expect(strategy.handleFailure('a', failed)!.value).toBeCloseTo(14, 9);
    strategy.recordSuccess('a', { value: 14 });
    await clock.sleep(50);
    expect(strategy.handleFailure('a', failed)!.value).toBeCloseTo(15, 9);
    // Read in the same moment, they make no line.
    for (const value of [1, 2, 6]) strategy.recordSuccess('b', { value });
    expect(strategy.handleFailure('b', failed)!.value).toBe(3);
  });

  test('bridges no gap that is too long', async () => {
    const clock = new VirtualClock();
    const strategy = interpolated<Reading>({ clock, gapMsMax: 100 });
    strategy.recordSuccess('a', { value: 1 });
    await clock.sleep(101);
    expect(strategy.handleFailure('a', failed)).toBeUndefined();
    strategy.recordSuccess('a', { value: 10 });
    await clock.sleep(100);
    strategy.recordSuccess('a', { value: 20 });
    await clock.sleep(100);
    expect(strategy.handleFailure('a', failed)!.value).toBe(15);
    expect(strategy.summary().dropped).toEqual({ 'gap-too-long': 1 });
  });

  test('interpolates the fields that it is told, and remembers nothing without them', () => {
    const strategy = interpolated<{ x: number; y: number; n: number }>({ fields: ['x', 'y'] });
    strategy.recordSuccess('a', { x: 1, y: 10, n: 1 });
    strategy.recordSuccess('a', { x: NaN, y: 10, n: 2 });
    strategy.recordSuccess('a', { y: 10, n: 3 } as never);
    strategy.recordSuccess('a', { x: 3, y: 30, n: 4 });
    strategy.recordSuccess('a', 7 as never);
    expect(strategy.handleFailure('a', failed)).toMatchObject({ x: 2, y: 20, n: 4 });
    expect(strategy.summary().live).toBe(5);
  });
});

test.each(['mean', 'linear'] as const)('what is interpolated is finite: %s', async (method) => {
  const clock = new VirtualClock();
  for (const [values, mean] of [
    [[1e308, 1e308, 1e308], 1e308],
    [[-1.7e308, -1.7e308], -1.7e308],
    [[Number.MAX_VALUE, Number.MAX_VALUE, Number.MAX_VALUE], Number.MAX_VALUE],
    [[-1.7e308, 1.7e308], undefined],
  ] as const) {
    const strategy = interpolated<{ value: number }>({ method, clock });
    for (const value of values) {
      await clock.sleep(1000);
      strategy.recordSuccess('k', { value });
    }
    const { value } = strategy.handleFailure('k', new Error('gone'))!;
    expect(value).toSatisfy(Number.isFinite);
    if (mean !== undefined) expect(value / mean).toBeCloseTo(1, 12);
  }
});

describe('constant', () => {
  test('delivers an object with marks, and anything else as it is', () => {
    expect(constant({ value: 0 }).handleFailure('a', failed)).toEqual({
      value: 0,
      quality: 'constant',
      reason: 'no answer',
      sourceTimeMs: null,
    });
    const list: number[] = [];
    expect(constant(list).handleFailure('a', failed)).toBe(list);
    expect(constant(null).handleFailure('a', failed)).toBe(null);
    const zero = constant(0);
    expect(zero.handleFailure('a', failed)).toBe(0);
    expect(zero.summary()).toMatchObject({ constant: 1, live: 0 });
  });
});

describe('chain', () => {
  test('delivers what the first finds, and counts what came of it', async () => {
    const clock = new VirtualClock();
    const near = interpolated<Reading>({ clock, gapMsMax: 100 });
    const strategy = chain<Reading>(near, lastKnownGood<Reading>({ clock, ageMsMax: 1000 }));
    expect(strategy.handleFailure('a', failed)).toBeUndefined();
    strategy.recordSuccess('a', { value: 1 });
    strategy.recordSuccess('a', { value: 3 });
    expect(strategy.handleFailure('a', failed)).toMatchObject({
      value: 2,
      quality: 'interpolated',
    });
    await clock.sleep(500);
    expect(strategy.handleFailure('a', failed)).toMatchObject({ value: 3, quality: 'stale' });
    await clock.sleep(501);
    expect(strategy.handleFailure('a', failed)).toBeUndefined();
    expect(strategy.dropReason).toBe('too-old');
    expect(strategy.summary()).toEqual({
      name: 'interpolated, last-known-good',
      live: 2,
      stale: 1,
      interpolated: 1,
      constant: 0,
      dropped: { 'no-history': 1, 'too-old': 1 },
      keysEvicted: 0,
    });
    expect(near.summary().dropped).toEqual({ 'no-history': 1, 'gap-too-long': 2 });
  });

  test('takes strategies of one’s own', () => {
    const own: DegradationStrategy<number> = {
      name: 'own',
      handleFailure: () => undefined,
      recordSuccess: () => {},
    };
    const strategy = chain(own, constant(4));
    expect(strategy.handleFailure('a', failed)).toBe(4);
    expect(strategy.summary().constant).toBe(1);
    expect(chain(own).handleFailure('a', failed)).toBeUndefined();
  });
});

test.each([
  [() => lastKnownGood({ ageMsMax: 0 }), 'last-known-good.ageMsMax', 'cannot be 0'],
  [() => lastKnownGood({ ageMsMax: NaN }), 'last-known-good.ageMsMax', 'cannot be NaN'],
  [() => lastKnownGood({ keysMax: 0.5 }), 'last-known-good.keysMax', 'cannot be 0.5'],
  [() => lastKnownGood({ ageMsMx: 5 } as never), 'last-known-good', 'did you mean `ageMsMax`'],
  [() => interpolated({ gapMsMax: -1 }), 'interpolated.gapMsMax', 'cannot be -1'],
  [() => interpolated({ method: 'cubic' as never }), 'interpolated.method', '`mean`, `linear`'],
  [() => interpolated({ fields: [] }), 'interpolated.fields', 'cannot be a list'],
  [() => constant(undefined), 'constant.value', 'cannot be undefined'],
  [() => chain(), 'chain.strategies', 'one strategy or more'],
  [() => chain(7 as never), 'chain.strategy', 'as `lastKnownGood()`'],
])('refuses what makes no sense %#', (make, place, text) => {
  const error = thrownBy(make);
  expect(isPipelineError(error) && error.code).toBe('ERR_CONFIG_INVALID');
  expect(String(error)).toContain(`[${place}]`);
  expect(String(error)).toContain(text);
});

function thrownBy(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    return error;
  }
}
