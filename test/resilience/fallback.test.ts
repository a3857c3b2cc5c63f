import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { isPipelineError } from '../../src/errors.ts';
import {
  chain,
  constant,
  dropStrategy,
  type Fallback,
  fallback,
  interpolated,
  lastKnownGood,
  type PolicyEvent,
  wrap,
} from '../../src/resilience/index.ts';

interface Reading {
  readonly value: number;
}

const reason = 'no answer';
const failed = new Error(reason);
const fails = (): Promise<never> => Promise.reject(failed);

describe('around a call', () => {
  test('delivers what was had, and what the strategy finds where it was not', async () => {
    const events: PolicyEvent[] = [];
    const policy = fallback({
      name: 'boiler',
      strategy: lastKnownGood<Reading>(),
      onEvent: (event) => events.push(event),
    });
    const error = await policy.execute(fails).catch((thrown: unknown) => thrown);
    expect(error).toBe(failed);
    const live = { value: 20 };
    expect(await policy.execute(async () => live)).toBe(live);
    expect(await policy.execute(fails)).toMatchObject({ value: 20, stale: true });
    const facts = { name: 'boiler', key: 'boiler', strategy: 'last-known-good', error: failed };
    expect(events).toEqual([
      { type: 'fallback.dropped', ...facts, reason: 'no-history' },
      { type: 'fallback.substituted', ...facts },
    ]);
  });

  test('takes what throws at once, and what is not asynchronous, as any other call', async () => {
    const policy = fallback({ strategy: constant(0) });
    const throws = (): never => {
      throw failed;
    };
    expect(await policy.execute(throws)).toBe(0);
    expect(await policy.execute((() => 5) as never)).toBe(5);
  });

  test('keeps the keys of fallbacks with one strategy apart', async () => {
    const strategy = lastKnownGood<Reading>();
    const of = (key: string): Fallback => fallback({ strategy, key });
    await Promise.all([of('a'), of('b')].map((one, value) => one.execute(async () => ({ value }))));
    expect(await of('b').execute<Reading>(fails)).toMatchObject({ value: 1 });
    expect(await of('a').execute<Reading>(fails)).toMatchObject({ value: 0 });
    await expect(of('c').execute(fails)).rejects.toBe(failed);
  });

  test('delivers nothing to a caller who has given up', async () => {
    const policy = fallback({ strategy: constant(0) });
    const caller = new AbortController();
    const call = policy.execute(async (signal) => {
      caller.abort(new Error('never mind'));
      signal.throwIfAborted();
      return 1;
    }, caller.signal);
    await expect(call).rejects.toThrow('never mind');
    await expect(policy.execute(async () => 1, caller.signal)).rejects.toThrow('never mind');
    expect(policy.strategy).toMatchObject({ name: 'constant' });
  });

  test('delivers for the errors that it is told, and lets others through', async () => {
    const policy = fallback({ strategy: constant(0), substituteOn: [RangeError] });
    expect(await policy.execute(() => Promise.reject(new RangeError('far')))).toBe(0);
    await expect(policy.execute(fails)).rejects.toBe(failed);
  });

  test('lets the error through where nothing is found, as any chain of strategies says', async () => {
    const events: PolicyEvent[] = [];
    const onEvent = (event: PolicyEvent): void => void events.push(event);
    const policy = fallback({ strategy: dropStrategy(), onEvent });
    await expect(policy.execute(fails)).rejects.toBe(failed);
    expect(events).toMatchObject([{ type: 'fallback.dropped', reason: 'drop' }]);
    const always = fallback({ strategy: chain<unknown>(lastKnownGood(), constant({ value: 0 })) });
    expect(await always.execute<Reading>(fails)).toMatchObject({ value: 0, quality: 'constant' });
  });

  test('is not disturbed by a listener that throws', async () => {
    const policy = fallback({
      strategy: constant(0),
      onEvent: () => {
        throw new Error('listener');
      },
    });
    expect(await policy.execute(fails)).toBe(0);
  });
});

describe('around a function', () => {
  test('keeps a synchronous one so, with a key of its arguments and its `this`', () => {
    const policy = fallback({
      strategy: interpolated<Reading>(),
      key: (sensorId: string) => sensorId,
    });
    const device = {
      values: new Map([['a', 1]]),
      read: policy.wrap(function (this: { values: Map<string, number> }, id: string): Reading {
        const value = this.values.get(id);
        if (value === undefined) throw failed;
        return { value };
      }),
    };
    expect(device.read('a')).toEqual({ value: 1 });
    device.values.set('a', 3);
    device.read('a');
    device.values.clear();
    expect(device.read('a')).toMatchObject({ value: 2, interpolated: true });
    expect(() => device.read('b')).toThrow(failed);
  });

  test('keeps an asynchronous one so, also where it throws at once', async () => {
    let mode: 'good' | 'rejects' | 'throws' = 'good';
    const policy = fallback({ strategy: lastKnownGood<Reading>() });
    const read = policy.wrap((): Promise<Reading> => {
      if (mode === 'throws') throw failed;
      return mode === 'good' ? Promise.resolve({ value: 1 }) : fails();
    });
    expect(await read()).toEqual({ value: 1 });
    mode = 'rejects';
    expect(await read()).toMatchObject({ stale: true });
    mode = 'throws';
    const promise = read();
    expect(promise).toBeInstanceOf(Promise);
    expect(await promise).toMatchObject({ stale: true });
  });

  test('delivers nothing to a caller who has given up by the last argument', async () => {
    const caller = new AbortController();
    const read = fallback({ strategy: constant(0) }).wrap((signal: AbortSignal): number => {
      signal.throwIfAborted();
      return 1;
    });
    expect(read(caller.signal)).toBe(1);
    caller.abort(failed);
    expect(() => read(caller.signal)).toThrow(failed);
  });
});

test('one inside another marks once: a substitute is no reading of the outer one', async () => {
  const clock = new VirtualClock();
  const outer = fallback({ strategy: interpolated<Reading>({ clock }) });
  const inner = fallback({ strategy: lastKnownGood<Reading>({ clock, ageMsMax: 100 }) });
  const both = wrap(outer, inner);
  await both.execute(async () => ({ value: 20 }));
  const hadMs = clock.now();
  await clock.sleep(50);
  const stale = { value: 20, stale: true, quality: 'stale', sourceTimeMs: hadMs, reason };
  expect(await both.execute(fails)).toEqual(stale);
  await clock.sleep(100);
  const made = { value: 20, interpolated: true, quality: 'interpolated', sourceTimeMs: hadMs };
  expect(await both.execute(fails)).toEqual({ ...made, reason });
});

test('a key of arguments needs arguments', async () => {
  const policy = fallback({ name: 'f', strategy: constant(0), key: (id: string) => id });
  const error = await policy.execute(fails).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain('ERR_CONFIG_INVALID [f.key]');
});

test.each([
  [{}, 'fallback.strategy'],
  [{ strategy: 'drop' }, 'fallback.strategy'],
  [{ strategy: constant(1), key: 5 }, 'fallback.key'],
  [{ strategy: constant(1), substituteOn: 5 }, 'fallback.substituteOn'],
  [{ strategy: constant(1), strategie: 1 }, 'did you mean `strategy`'],
  [null, 'fallback.options'],
])('refuses the options %o', (options, text) => {
  let error: unknown;
  try {
    fallback(options as never);
  } catch (thrown) {
    error = thrown;
  }
  expect(isPipelineError(error) && error.code).toBe('ERR_CONFIG_INVALID');
  expect(String(error)).toContain(text);
});
