import { execFileSync } from 'node:child_process';
import process from 'node:process';

import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { isTimeoutError, type PolicyEvent, timeout } from '../../src/resilience/index.ts';

const setUp = (timeoutMs = 100) => {
  const clock = new VirtualClock();
  const events: PolicyEvent[] = [];
  const policy = timeout({ name: 'api', timeoutMs, clock, onEvent: (event) => events.push(event) });
  return { clock, events, policy };
};

describe('timeout', () => {
  test('gives what the attempt gives in time, and what it throws', async () => {
    const { clock, events, policy } = setUp();
    const answer = async (): Promise<number> => {
      await clock.sleep(99);
      return 7;
    };
    expect(await policy.execute(answer)).toBe(7);
    await expect(policy.execute(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(events).toEqual([]);
  });

  test('rejects at the limit with the time and the name, and aborts the attempt', async () => {
    const { clock, events, policy } = setUp();
    let heard: unknown;
    const call = policy.execute((signal) => {
      signal.addEventListener('abort', () => (heard = signal.reason));
      return new Promise<never>(() => {});
    });
    const error = await call.catch((thrown: unknown) => thrown);
    expect(clock.monotonic()).toBe(100);
    expect(isTimeoutError(error) && error.timeoutMs).toBe(100);
    expect(String(error)).toContain('ERR_TIMEOUT [api] did not finish within 100 ms');
    expect(heard).toBe(error);
    expect(events).toEqual([{ type: 'timeout.expired', name: 'api', timeoutMs: 100 }]);
  });

  test('each call has its own limit, however many overlap', async () => {
    const { clock, policy } = setUp();
    const ends: string[] = [];
    const call = async (name: string, startMs: number, takesMs: number): Promise<void> => {
      await clock.sleep(startMs);
      const outcome = await policy
        .execute(() => clock.sleep(takesMs))
        .then(
          () => 'done',
          () => 'late',
        );
      ends.push(`${name} ${outcome} at ${clock.monotonic()}`);
    };
    await Promise.all([
      call('a', 0, 500),
      call('b', 10, 20),
      call('c', 20, 500),
      call('d', 30, 99),
    ]);
    expect(ends).toEqual(['b done at 30', 'a late at 100', 'c late at 120', 'd done at 129']);
  });

  test('an attempt that ends after its limit disturbs no later call', async () => {
    const { clock, policy } = setUp();
    const slow = Promise.withResolvers<string>();
    await expect(policy.execute(() => slow.promise)).rejects.toThrow('100 ms');
    const next = policy.execute(() => clock.sleep(200));
    slow.resolve('slow');
    await expect(next).rejects.toThrow('100 ms');
    const failing = Promise.withResolvers<string>();
    await expect(policy.execute(() => failing.promise)).rejects.toThrow('100 ms');
    failing.reject(new Error('unheard'));
    await clock.sleep(1);
  });

  test('an attempt that declares no parameter, as a wrapped function does, hears it too', async () => {
    const { policy } = setUp();
    let heard = 0;
    const hang = (...args: unknown[]): Promise<never> => {
      (args[0] as AbortSignal).addEventListener('abort', () => heard++);
      return new Promise(() => {});
    };
    const within = timeout({ timeoutMs: 1000, clock: new VirtualClock() }).wrap(hang);
    for (const attempt of [hang, within]) {
      await expect(policy.execute(attempt)).rejects.toThrow('ERR_TIMEOUT [api]');
    }
    expect(heard).toBe(2);
  });

  test('a caller that gives up is answered at once, with its reason, and so is the attempt', async () => {
    const { clock, policy } = setUp();
    const caller = new AbortController();
    let heard: unknown;
    const call = policy.execute((signal) => {
      signal.addEventListener('abort', () => (heard = signal.reason));
      return new Promise<never>(() => {});
    }, caller.signal);
    const reason = new Error('never mind');
    caller.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect([heard, clock.monotonic()]).toEqual([reason, 0]);
    let attempts = 0;
    const late = policy.execute(async () => attempts++, caller.signal);
    await expect(late).rejects.toBe(reason);
    expect(attempts).toBe(0);
  });

  test('what the attempt throws at once is a rejection', async () => {
    const { policy } = setUp();
    const broken = (): never => {
      throw new Error('broken');
    };
    await expect(policy.execute(broken)).rejects.toThrow('broken');
  });

  test('a function keeps its parameters, its `this` and its signal', async () => {
    const { policy } = setUp();
    const sensor = {
      offset: 10,
      read: policy.wrap(function (this: { offset: number }, by: number) {
        return this.offset + by;
      }),
    };
    expect(await sensor.read(5)).toBe(15);
    const waits = policy.wrap(async (_name: string, signal: AbortSignal): Promise<never> => {
      return await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error(`heard ${signal.reason}`)));
      });
    });
    await expect(waits('a', new AbortController().signal)).rejects.toThrow('ERR_TIMEOUT');
  });

  test('keeps no process alive that has nothing left to wait for', () => {
    const entry = new URL('../../src/resilience/index.ts', import.meta.url).href;
    const script = `import { timeout } from '${entry}';
      process.stdout.write(await timeout({ timeoutMs: 600_000 }).execute(async () => 'done'));`;
    const args = ['--input-type=module', '--eval', script];
    const options = { encoding: 'utf8', timeout: 20_000 } as const;
    expect(execFileSync(process.execPath, args, options)).toBe('done');
  });

  test('a listener that throws disturbs nothing', async () => {
    const clock = new VirtualClock();
    const throws = (): never => {
      throw new Error('listener');
    };
    const rejects = (() => Promise.reject(new Error('listener'))) as () => never;
    for (const onEvent of [throws, rejects]) {
      const policy = timeout({ timeoutMs: 5, clock, onEvent });
      await expect(policy.execute(() => new Promise(() => {}))).rejects.toThrow('within 5 ms');
    }
  });

  test.each([
    [
      {},
      'ERR_CONFIG_INVALID [timeout.timeoutMs] cannot be undefined; give a finite number above 0',
    ],
    [{ timeoutMs: 0 }, 'cannot be 0'],
    [{ timeoutMs: -5 }, 'cannot be -5'],
    [{ timeoutMs: NaN }, 'cannot be NaN'],
    [{ timeoutMs: Infinity }, 'cannot be Infinity'],
    [{ timeoutMs: '5s' }, 'cannot be "5s"'],
    [{ name: 'api', timeoutMs: null }, '[api.timeoutMs] cannot be null'],
    [{ timeoutMS: 5 }, 'has no option `timeoutMS`; did you mean `timeoutMs`?'],
    [undefined, 'cannot be undefined'],
    [{ timeoutMs: 5, clock: 5 }, '[timeout.clock] cannot be 5'],
    [{ timeoutMs: 5, onEvent: {} }, '[timeout.onEvent] cannot be an object'],
    [{ timeoutMs: 5, name: 7 }, '[timeout.name] cannot be 7'],
  ])('%j is refused', (options, text) => {
    expect(() => timeout(options as never)).toThrow(text);
  });
});
