import { describe, expect, expectTypeOf, test } from 'vitest';

import { type Clock, type Policy, seededRandom, VirtualClock } from '../../src/core/index.ts';
import { isPipelineError } from '../../src/errors.ts';
import type { PolicyEvent } from '../../src/resilience/events.ts';
import {
  BulkheadFullError,
  type CircuitBreaker,
  circuitBreaker,
  type CircuitBreakerOptions,
  CircuitOpenError,
  consecutiveFailures,
  failureRate,
  isCircuitOpenError,
  TimeoutError,
} from '../../src/resilience/index.ts';

const down = (): Promise<never> => Promise.reject(new Error('down'));
const well = async (): Promise<string> => 'well';

/** A breaker on a clock that the test moves, with what it told. */
function setUp(options: CircuitBreakerOptions = {}): {
  breaker: CircuitBreaker;
  events: PolicyEvent[];
  pass: (ms: number) => void;
  /** Calls in turn, and gives what each resolved to, or what it was refused or failed with. */
  calls: (...attempts: (() => Promise<unknown>)[]) => Promise<unknown[]>;
} {
  let nowMs = 0;
  const clock = { monotonic: () => nowMs } as Clock;
  const events: PolicyEvent[] = [];
  const breaker = circuitBreaker({
    opens: consecutiveFailures(2),
    openMs: 1000,
    onEvent: (event) => events.push(event),
    clock,
    ...options,
  });
  const calls = async (...attempts: (() => Promise<unknown>)[]): Promise<unknown[]> => {
    const results: unknown[] = [];
    for (const attempt of attempts) {
      results.push(await breaker.execute(attempt).catch((error: Error) => error.message));
    }
    return results;
  };
  return { breaker, events, pass: (ms) => void (nowMs += ms), calls };
}

const refused = 'ERR_CIRCUIT_OPEN [breaker] is open: not called; try again in 1000 ms';

describe('the states', () => {
  test('it opens, refuses, is probed, and closes', async () => {
    const { breaker, events, pass, calls } = setUp();
    expect(await calls(well, down, down, well)).toEqual(['well', 'down', 'down', refused]);
    expect(breaker.state).toBe('open');
    pass(999.5);
    expect([breaker.state, breaker.retryAfterMs]).toEqual(['open', 0.5]);
    pass(0.5);
    expect([breaker.state, breaker.retryAfterMs]).toEqual(['half-open', 0]);
    expect(await calls(well)).toEqual(['well']);
    expect(breaker.state).toBe('half-open');
    expect(await calls(well)).toEqual(['well']);
    expect(breaker.state).toBe('closed');
    const name = 'breaker';
    expect(events).toEqual([
      { type: 'breaker.changed', name, from: 'closed', to: 'open', reason: 'rule' },
      { type: 'breaker.refused', name, retryAfterMs: 1000 },
      { type: 'breaker.changed', name, from: 'open', to: 'half-open', reason: 'time-passed' },
      {
        type: 'breaker.changed',
        name,
        from: 'half-open',
        to: 'closed',
        reason: 'probes-succeeded',
      },
    ]);
  });

  test('with nothing said it opens at five failures, for half a minute', async () => {
    let nowMs = 0;
    const breaker = circuitBreaker({ clock: { monotonic: () => nowMs } as Clock });
    for (let call = 0; call < 4; call++) await breaker.execute(down).catch(() => {});
    expect(breaker.state).toBe('closed');
    await breaker.execute(down).catch(() => {});
    expect(breaker.retryAfterMs).toBe(30_000);
    nowMs = 30_000;
    const hanging = breaker.execute(() => new Promise(() => {}));
    expect(breaker.retryAfterMs).toBe(30_000);
    nowMs = 60_000;
    expect(breaker.state).toBe('open');
    void hanging;
  });

  test('a probe that fails opens it again', async () => {
    const { breaker, pass, calls, events } = setUp();
    await calls(down, down);
    pass(1000);
    await calls(well, down);
    expect(breaker.state).toBe('open');
    expect(events.at(-1)).toMatchObject({ from: 'half-open', reason: 'probe-failed' });
    pass(1000);
    // The success before the failure does not count any more.
    await calls(well);
    expect(breaker.state).toBe('half-open');
  });

  test('it lets in so many probes at a time', async () => {
    const { breaker, pass, calls } = setUp({ probesMax: 2, successesToClose: 3 });
    await calls(down, down);
    pass(1000);
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const probes = [breaker.execute(() => first.promise), breaker.execute(() => second.promise)];
    pass(400);
    expect(await calls(well)).toEqual([
      'ERR_CIRCUIT_OPEN [breaker] is half-open: not called; try again in 29600 ms',
    ]);
    first.resolve();
    await probes[0];
    expect(breaker.retryAfterMs).toBe(0);
    expect(await calls(well)).toEqual(['well']);
    second.resolve();
    await probes[1];
    expect(breaker.state).toBe('closed');
  });

  test('a probe that never ends opens it again at its deadline, whenever it is asked', async () => {
    const { breaker, pass, calls, events } = setUp({ probeMsMax: 500 });
    await calls(down, down);
    pass(1000);
    const { promise, resolve } = Promise.withResolvers<string>();
    const probe = breaker.execute(() => promise);
    pass(499);
    expect(breaker.state).toBe('half-open');
    pass(501);
    expect([breaker.state, breaker.retryAfterMs]).toEqual(['open', 500]);
    expect(events.at(-1)).toMatchObject({ to: 'open', reason: 'probe-expired' });
    expect(breaker.metrics).toMatchObject({ probeFailure: 1, failure: 2, sinceLastFailureMs: 500 });
    // Its end is counted when it comes, and moves nothing.
    resolve('late');
    expect(await probe).toBe('late');
    pass(500);
    expect(breaker.state).toBe('half-open');
    expect(breaker.metrics).toMatchObject({ success: 1, probeSuccess: 0, failure: 2 });
  });

  test('calls of an earlier state move it no more', async () => {
    const { breaker, pass, calls } = setUp({ successesToClose: 1 });
    const early = [1, 2, 3, 4, 5].map(() => Promise.withResolvers<void>());
    const ends = early.map(({ promise }) => breaker.execute(() => promise).catch(() => {}));
    await calls(down, down);
    pass(1000);
    early[0]!.resolve();
    await ends[0];
    expect(breaker.state).toBe('half-open');
    early[1]!.reject(new Error('late'));
    await ends[1];
    expect(breaker.state).toBe('half-open');
    await calls(well);
    expect(breaker.state).toBe('closed');
    // Three more failures than it opens at, all begun before.
    for (const { reject } of early.slice(2)) reject(new Error('late'));
    await Promise.all(ends);
    expect(breaker.state).toBe('closed');
    expect(breaker.metrics).toMatchObject({ total: 8, success: 2, failure: 6 });
  });

  test('each opening after a failed probe is longer, to a limit, until it has closed', async () => {
    const { breaker, pass, calls } = setUp({ growth: 3, openMsMax: 5000, successesToClose: 1 });
    await calls(down, down);
    const times: number[] = [];
    for (let opening = 0; opening < 4; opening++) {
      times.push(breaker.retryAfterMs);
      pass(breaker.retryAfterMs);
      await calls(down);
    }
    expect(times).toEqual([1000, 3000, 5000, 5000]);
    pass(5000);
    await calls(well, down, down);
    expect(breaker.retryAfterMs).toBe(1000);
  });

  test('chance takes a share of the open time off, the same with the same seed', async () => {
    const times = async (seed: number): Promise<number[]> => {
      const { breaker, pass, calls } = setUp({ jitter: 0.2, random: seededRandom(seed) });
      await calls(down, down);
      const found: number[] = [];
      for (let opening = 0; opening < 50; opening++) {
        found.push(breaker.retryAfterMs);
        pass(1000);
        await calls(down);
      }
      return found;
    };
    const found = await times(1);
    expect(Math.min(...found)).toBeGreaterThan(800);
    expect(Math.min(...found)).toBeLessThan(830);
    expect(Math.max(...found)).toBeGreaterThan(970);
    expect(Math.max(...found)).toBeLessThanOrEqual(1000);
    expect(await times(1)).toEqual(found);
    expect(await times(2)).not.toEqual(found);
  });
});

describe('what counts', () => {
  test('only errors of the classes that are given; others show that it works', async () => {
    const { breaker, calls } = setUp({ failureOn: [TypeError, TimeoutError] });
    const late = (): Promise<never> =>
      Promise.reject(new TimeoutError({ place: 'call', fact: 'took too long' }, 100));
    await calls(late, down, late, down);
    expect(breaker.state).toBe('closed');
    await calls(late, () => Promise.reject(new TypeError('bad')));
    expect(breaker.state).toBe('open');
    expect(breaker.metrics).toMatchObject({ total: 6, success: 2, failure: 4 });
  });

  test('only errors that the function says yes to; one that throws has not said no', async () => {
    const failureOn = (error: unknown): boolean => (error as { status: number }).status >= 500;
    const { breaker, calls } = setUp({ failureOn });
    const answer = (status: number) => () => Promise.reject(Object.assign(new Error(), { status }));
    await calls(answer(500), answer(404), answer(500), answer(404));
    expect(breaker.state).toBe('closed');
    const [first] = await calls(() => Promise.reject(undefined), answer(503));
    expect(first).toContain("Cannot read properties of undefined (reading 'status')");
    expect(breaker.state).toBe('open');
  });

  test('a call that its caller gave up is neither, and as a probe makes place', async () => {
    const { breaker, pass, calls } = setUp();
    const giveUp = async (): Promise<void> => {
      const caller = new AbortController();
      const call = breaker.execute(
        (signal) =>
          new Promise<never>((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
        caller.signal,
      );
      caller.abort(new Error('no longer wanted'));
      await expect(call).rejects.toThrow('no longer wanted');
    };
    for (let call = 0; call < 3; call++) await giveUp();
    expect(breaker.state).toBe('closed');
    await calls(down, down);
    pass(1000);
    await giveUp();
    expect([breaker.state, breaker.retryAfterMs]).toEqual(['half-open', 0]);
    expect(breaker.metrics).toMatchObject({ total: 6, ignored: 4, failure: 2, probeFailure: 0 });
  });

  test('a signal that was aborted before makes no call and no entry', async () => {
    const { breaker } = setUp();
    const signal = AbortSignal.abort(new Error('never wanted'));
    await expect(breaker.execute(well, signal)).rejects.toThrow('never wanted');
    expect(breaker.metrics.total).toBe(0);
  });

  test('a refusal by a policy inside is neither', async () => {
    const { breaker, calls } = setUp();
    const full = (): Promise<never> =>
      Promise.reject(new BulkheadFullError({ place: 'bulkhead', fact: 'is full' }));
    const open = (): Promise<never> =>
      Promise.reject(new CircuitOpenError({ place: 'inner', fact: 'is open' }, 5));
    await calls(full, open, full, open);
    expect(breaker.metrics).toMatchObject({ ignored: 4, failure: 0, success: 0 });
    expect(breaker.state).toBe('closed');
  });

  test('metrics and status', async () => {
    const { breaker, pass, calls } = setUp({ successesToClose: 1 });
    expect(breaker.reportStatus()).toEqual({
      state: 'closed',
      successRate: null,
      fastFailRate: null,
      opens: 0,
      secondsSinceLastFailure: null,
    });
    pass(100);
    await calls(well, down, down, well, well);
    pass(1000);
    pass(50);
    await calls(well);
    pass(7);
    await calls(well, well);
    expect(breaker.metrics).toEqual({
      total: 8,
      success: 4,
      failure: 2,
      fastFail: 2,
      ignored: 0,
      openCount: 1,
      probeSuccess: 1,
      probeFailure: 0,
      sinceLastFailureMs: 1057,
      closedMs: 107,
      openMs: 1000,
      halfOpenMs: 50,
    });
    expect(breaker.reportStatus()).toEqual({
      state: 'closed',
      successRate: 0.5,
      fastFailRate: 0.25,
      opens: 1,
      secondsSinceLastFailure: 1.057,
    });
  });
});

describe('by hand', () => {
  test('held open it refuses without end; released it is probed', async () => {
    const { breaker, events, pass, calls } = setUp({ name: 'db' });
    breaker.hold('open');
    pass(1e9);
    const error = await breaker.execute(well).catch((thrown: unknown) => thrown);
    expect(isCircuitOpenError(error)).toBe(true);
    expect(error).toMatchObject({ breaker: 'db', retryAfterMs: Infinity, retryable: true });
    expect((error as Error).message).toBe(
      'ERR_CIRCUIT_OPEN [db] is held open by hand: not called; release it',
    );
    expect([breaker.isHeld, breaker.metrics.openCount]).toEqual([true, 1]);
    breaker.release();
    expect([breaker.isHeld, breaker.state]).toEqual([false, 'half-open']);
    await calls(well, well);
    expect(breaker.state).toBe('closed');
    const reasons = events.map((event) => (event.type === 'breaker.changed' ? event.reason : '-'));
    expect(reasons).toEqual(['held', '-', 'released', 'probes-succeeded']);
  });

  test('held closed it lets all through; released it begins anew', async () => {
    const { breaker, pass, calls } = setUp();
    await calls(down, down);
    breaker.hold('closed');
    await calls(down, down, down);
    expect(breaker.state).toBe('closed');
    breaker.release();
    await calls(down);
    expect(breaker.state).toBe('closed');
    await calls(down);
    expect([breaker.state, breaker.metrics.failure]).toEqual(['open', 7]);
    breaker.release();
    pass(1000);
    expect(breaker.state).toBe('half-open');
  });
});

describe('saved and restored', () => {
  test('another process goes on with the rest of the open time', async () => {
    const { breaker, pass, calls } = setUp({ growth: 2 });
    await calls(well, down, down);
    pass(400);
    const saved: unknown = JSON.parse(JSON.stringify(breaker.snapshot()));
    const { metrics } = breaker;
    const later = setUp({ growth: 2 });
    later.pass(5_000_000);
    later.breaker.restore(saved);
    expect([later.breaker.state, later.breaker.retryAfterMs]).toEqual(['open', 600]);
    expect(later.breaker.metrics).toEqual(metrics);
    expect(later.events.at(-1)).toMatchObject({ from: 'closed', to: 'open', reason: 'restored' });
    later.pass(600);
    await later.calls(down);
    expect(later.breaker.retryAfterMs).toBe(2000);
  });

  test('a snapshot may be taken back, also of a window and a hold', async () => {
    const opens = failureRate({ rate: 0.5, callsMin: 4, window: { calls: 4 } });
    const { breaker, calls } = setUp({ opens });
    await calls(down, well, well);
    const saved = breaker.snapshot();
    await calls(down);
    expect(breaker.state).toBe('open');
    breaker.restore(saved);
    expect(breaker.metrics.total).toBe(3);
    await calls(well);
    expect(breaker.state).toBe('closed');
    breaker.hold('open');
    const held: unknown = JSON.parse(JSON.stringify(breaker.snapshot()));
    const other = setUp({ opens });
    other.breaker.restore(held);
    expect([other.breaker.isHeld, other.breaker.retryAfterMs]).toEqual([true, Infinity]);
  });

  test('what its options cannot give is brought down to what they can', async () => {
    const { breaker, calls, pass } = setUp({ growth: 2, openMsMax: 3000 });
    await calls(down, down);
    const open = breaker.snapshot();
    for (const [opensInRow, openLeftMs, expected] of [
      [1, 1e300, 1000],
      [1, 999, 999],
      [2, 1e300, 2000],
      [1e9, 1e300, 3000],
      [0, 1e300, 1000],
    ] as const) {
      breaker.restore({ ...open, opensInRow, openLeftMs });
      expect(breaker.retryAfterMs).toBe(expected);
    }
    pass(1000);
    expect(breaker.state).toBe('half-open');
    const halfOpen = breaker.snapshot();
    breaker.restore({ ...halfOpen, inRow: 1e9 });
    expect([breaker.state, breaker.snapshot().inRow]).toEqual(['half-open', 1]);
    await calls(well);
    expect(breaker.state).toBe('closed');
    // It has not failed as often as that, and opens no later for it, nor for longer.
    await calls(down);
    breaker.restore({ ...breaker.snapshot(), inRow: 1e9, opensInRow: 1e9 });
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', inRow: 3, opensInRow: 0 });
    await calls(down);
    expect([breaker.state, breaker.retryAfterMs]).toEqual(['open', 1000]);
  });

  test('an old file does not keep it open for longer than the options of today', async () => {
    const before = setUp({ openMs: 3_600_000 });
    await before.calls(down, down);
    const { breaker } = setUp();
    breaker.restore(before.breaker.snapshot());
    expect([breaker.state, breaker.retryAfterMs]).toEqual(['open', 1000]);
  });

  test('a window of time that was saved forgets in its own time, whatever the file says', async () => {
    const opens = failureRate({ rate: 0.5, callsMin: 3, window: { ms: 1000 } });
    const { breaker, calls, pass } = setUp({ opens });
    await calls(down, down);
    const saved = breaker.snapshot() as { memory: object } & ReturnType<typeof breaker.snapshot>;
    for (const ageMs of [1e300, Infinity]) {
      breaker.restore({ ...saved, memory: { ...saved.memory, ageMs } });
      for (let times = 0; times < 3; times++) {
        pass(2000);
        await calls(down);
      }
      expect(breaker.state).toBe('closed');
    }
    const newestFirst = Array.from({ length: 10 }, () => [2 ** 32, 2 ** 32]);
    expect(() => breaker.restore({ ...saved, memory: { ...saved.memory, newestFirst } })).toThrow(
      'ERR_SNAPSHOT_INVALID',
    );
  });

  test('what is no snapshot, or of another rule, is refused and changes nothing', async () => {
    const { breaker, calls } = setUp();
    await calls(down);
    const good = breaker.snapshot();
    const wrong: unknown[] = [
      null,
      7,
      {},
      { ...good, version: 2 },
      { ...good, state: 'ajar' },
      { ...good, isHeld: 1 },
      { ...good, state: 'half-open', isHeld: true },
      { ...good, state: 'open' },
      { ...good, openLeftMs: 5 },
      { ...good, state: 'open', openLeftMs: -5 },
      { ...good, inRow: -1 },
      { ...good, opensInRow: 0.5 },
      { ...good, metrics: undefined },
      { ...good, metrics: { ...good.metrics, total: '5' } },
      { ...good, metrics: { ...good.metrics, openMs: NaN } },
      { ...good, metrics: { ...good.metrics, sinceLastFailureMs: -1 } },
      { ...good, memory: { callsMax: 4, oldestFirst: '' } },
    ];
    for (const snapshot of wrong) {
      const restore = (): void => breaker.restore(snapshot);
      expect(restore, JSON.stringify(snapshot)).toThrow('ERR_SNAPSHOT_INVALID [breaker]');
    }
    expect(breaker.snapshot()).toEqual(good);
  });
});

describe('around a function', () => {
  test('a synchronous one stays so, keeps `this` and its arguments, and is refused at once', () => {
    const { breaker } = setUp();
    const meter = {
      factor: 3,
      read: breaker.wrap(function (this: { factor: number }, raw: number, unit?: string): string {
        if (raw < 0) throw new RangeError('below zero');
        return `${raw * this.factor} ${unit ?? 'K'}`;
      }),
    };
    expectTypeOf(meter.read).returns.toEqualTypeOf<string>();
    expectTypeOf(meter.read).parameters.toEqualTypeOf<[raw: number, unit?: string | undefined]>();
    expect([meter.read(2), meter.read(2, '°C')]).toEqual(['6 K', '6 °C']);
    for (let call = 0; call < 2; call++) expect(() => meter.read(-1)).toThrow(RangeError);
    expect(() => meter.read(2)).toThrow(CircuitOpenError);
    expect(breaker.metrics).toMatchObject({ total: 5, success: 2, failure: 2, fastFail: 1 });
  });

  test('one that returns promises is refused by a promise', async () => {
    const { breaker, calls } = setUp();
    const declared = breaker.wrap(async (x: number) => x + 1);
    const known = breaker.wrap((x: number) => Promise.resolve(x + 1));
    // As the queries of some database clients, which are no promises.
    const thenable = breaker.wrap((x: number): PromiseLike<number> => {
      const promise = Promise.resolve(x + 1);
      // oxlint-disable-next-line unicorn/no-thenable
      return { then: promise.then.bind(promise) };
    });
    expectTypeOf(known).returns.toEqualTypeOf<Promise<number>>();
    expect([await known(1), await thenable(2)]).toEqual([2, 3]);
    await calls(down, down);
    for (const fn of [declared, known, thenable]) {
      await expect(fn(1)).rejects.toThrow(CircuitOpenError);
    }
    expect(breaker.metrics).toMatchObject({ success: 2, fastFail: 3 });
  });

  test('its last argument, where that is a signal, says when the caller gives up', async () => {
    const { breaker } = setUp({ opens: consecutiveFailures(1) });
    const caller = new AbortController();
    const fetchUrl = breaker.wrap(async (url: string, signal: AbortSignal) => {
      await Promise.resolve();
      signal.throwIfAborted();
      return url;
    });
    const call = fetchUrl('a', caller.signal);
    caller.abort(new Error('gone'));
    await expect(call).rejects.toThrow('gone');
    await expect(fetchUrl('b', caller.signal)).rejects.toThrow('gone');
    expect([breaker.state, breaker.metrics.ignored]).toEqual(['closed', 1]);
  });

  test('`execute` rejects and never throws, whatever the attempt does', async () => {
    const { breaker } = setUp();
    const throwing = breaker.execute(() => {
      throw new Error('at once');
    });
    await expect(throwing).rejects.toThrow('at once');
    expect(breaker.metrics.failure).toBe(1);
    expect(await breaker.execute((() => 5) as never)).toBe(5);
  });

  test('it is a policy, and tells a listener that may throw or use it', async () => {
    const policy: Policy = circuitBreaker();
    expect(await policy.execute(well, new AbortController().signal)).toBe('well');
    const seen: string[] = [];
    const { breaker, calls } = setUp({
      onEvent: (event) => {
        seen.push(`${event.type} ${breaker.state}`);
        throw new Error('of the listener');
      },
    });
    expect(await calls(down, down, well)).toEqual(['down', 'down', refused]);
    expect(seen).toEqual(['breaker.changed open', 'breaker.refused open']);
  });

  test('on a virtual clock, half a minute of a dead service takes no time', async () => {
    const clock = new VirtualClock();
    const breaker = circuitBreaker({ clock, opens: consecutiveFailures(1), openMs: 5000 });
    let calls = 0;
    while (clock.monotonic() < 30_000) {
      await breaker
        .execute(() => {
          calls++;
          return down();
        })
        .catch((error: unknown) => isPipelineError(error));
      await clock.sleep(100);
    }
    expect(calls).toBe(6);
    expect(breaker.metrics).toMatchObject({ total: 300, failure: 6, fastFail: 294 });
  });
});
