import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Clock } from '../../src/core/index.ts';
import { PipelineError } from '../../src/errors.ts';
import { CountWindow, TimeWindow } from '../../src/resilience/circuit-breaker/windows.ts';
import {
  anyOf,
  type CircuitBreaker,
  circuitBreaker,
  type CircuitBreakerOptions,
  consecutiveFailures,
  failureRate,
  type OpeningRule,
  slowCallRate,
} from '../../src/resilience/index.ts';

/** A breaker of synchronous calls on a clock that the test moves. */
function setUp(opens: OpeningRule): {
  breaker: CircuitBreaker;
  /** Calls as the letters say: `.` well, `x` failing, `s` well in 50 ms, `X` failing in 50 ms. */
  call: (letters: string) => string;
  pass: (ms: number) => void;
} {
  let nowMs = 0;
  const clock = { monotonic: () => nowMs } as Clock;
  const breaker = circuitBreaker({ opens, clock, openMs: 1000 });
  const fn = breaker.wrap((letter: string): void => {
    if (letter === 's' || letter === 'X') nowMs += 50;
    if (letter === 'x' || letter === 'X') throw new Error('bad');
  });
  const call = (letters: string): string => {
    for (const letter of letters) {
      try {
        fn(letter);
      } catch {
        // Expected of every other call.
      }
    }
    return breaker.state;
  };
  return { breaker, call, pass: (ms) => void (nowMs += ms) };
}

describe('when a breaker opens', () => {
  test('after so many failures with no success between them', () => {
    const { call } = setUp(consecutiveFailures(3));
    expect(call('xx.xx.xx')).toBe('closed');
    expect(call('x')).toBe('open');
  });

  test('when enough of the last calls failed, and not before they are enough calls', () => {
    const rule = failureRate({ rate: 0.5, callsMin: 4, window: { calls: 6 } });
    expect(setUp(rule).call('xxx')).toBe('closed');
    expect(setUp(rule).call('xxxx')).toBe('open');
    expect(setUp(rule).call('......xx')).toBe('closed');
    expect(setUp(rule).call('......xxx')).toBe('open');
    // The first three are forgotten by the time of the others.
    expect(setUp(rule).call('x.x...x')).toBe('closed');
  });

  test('at a failure only: a success that makes the calls enough opens nothing', () => {
    const { call } = setUp(failureRate({ rate: 0.5, callsMin: 4, window: { calls: 6 } }));
    expect(call('xxx.')).toBe('closed');
    expect(call('x')).toBe('open');
  });

  test('when enough of the calls of the last time failed', () => {
    const rule = failureRate({ rate: 0.5, callsMin: 3, window: { ms: 1000 } });
    const early = setUp(rule);
    early.call('xx');
    early.pass(899);
    expect(early.call('x')).toBe('open');
    const late = setUp(rule);
    late.call('xx');
    late.pass(1000);
    expect(late.call('xx')).toBe('closed');
    expect(late.call('x')).toBe('open');
  });

  test('when enough calls are slow, whether they fail or not', () => {
    const rule = slowCallRate({ slowMs: 50, rate: 0.5, callsMin: 4, window: { calls: 4 } });
    expect(setUp(rule).call('xxxxxx')).toBe('closed');
    expect(setUp(rule).call('..ss')).toBe('open');
    expect(setUp(rule).call('..sX')).toBe('open');
    expect(setUp(rule).call('ss..')).toBe('closed');
  });

  test('a probe that is slow by the rule has failed', () => {
    const rule = slowCallRate({ slowMs: 50, rate: 0.5, callsMin: 2, window: { calls: 4 } });
    const { call, pass, breaker } = setUp(rule);
    call('ss');
    pass(1000);
    expect(call('s')).toBe('open');
    expect(breaker.metrics).toMatchObject({ success: 3, probeFailure: 1, openCount: 2 });
    pass(1000);
    expect(call('..')).toBe('closed');
  });

  test('when one of several rules says so', () => {
    const rule = anyOf(
      consecutiveFailures(3),
      slowCallRate({ slowMs: 50, rate: 1, callsMin: 2, window: { calls: 2 } }),
    );
    expect(setUp(rule).call('xx.xx.s')).toBe('closed');
    expect(setUp(rule).call('xxx')).toBe('open');
    expect(setUp(rule).call('xx.ss')).toBe('open');
  });

  test('by a rule of one’s own', () => {
    const everyTenth: OpeningRule = {
      slowMs: Infinity,
      memory: () => {
        let calls = 0;
        return { record: () => ++calls === 10, save: () => calls, load: () => true };
      },
    };
    expect(setUp(everyTenth).call('.........')).toBe('closed');
    expect(setUp(everyTenth).call('..........')).toBe('open');
  });
});

describe('windows of fixed memory', () => {
  const calls = fc.array(fc.tuple(fc.boolean(), fc.nat(30), fc.boolean()), {
    maxLength: 60,
    size: 'max',
  });

  test('the last calls are those that a list has, saved and loaded at any time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), calls, (size, sequence) => {
        let window = new CountWindow(size);
        const all: boolean[] = [];
        for (const [isBad, , isSaved] of sequence) {
          window.add(isBad);
          all.push(isBad);
          const last = all.slice(-size);
          expect([window.calls, window.bad]).toEqual([last.length, last.filter(Boolean).length]);
          if (!isSaved) continue;
          const saved: unknown = JSON.parse(JSON.stringify(window.save()));
          window = new CountWindow(size);
          expect(window.load(saved)).toBe(true);
        }
      }),
    );
  });

  test('the last time is that of a list, to a tenth, saved and loaded on another clock', () => {
    fc.assert(
      fc.property(calls, (sequence) => {
        let [nowMs, clockStartMs] = [0, 0];
        const clock = { monotonic: () => nowMs + clockStartMs } as Clock;
        let window = new TimeWindow(100, clock);
        const all: { bucket: number; isBad: boolean }[] = [];
        for (const [isBad, ms, isSaved] of sequence) {
          nowMs += ms;
          window.add(isBad);
          const bucket = Math.floor(nowMs / 10);
          all.push({ bucket, isBad });
          const last = all.filter((call) => call.bucket > bucket - 10);
          expect([window.calls, window.bad]).toEqual([
            last.length,
            last.filter((call) => call.isBad).length,
          ]);
          if (!isSaved) continue;
          const saved: unknown = JSON.parse(JSON.stringify(window.save()));
          clockStartMs += 12_345;
          window = new TimeWindow(100, clock);
          expect(window.load(saved)).toBe(true);
        }
      }),
    );
  });

  test('what is of another window, or of none, is not loaded', () => {
    const clock = { monotonic: () => 0 } as Clock;
    for (const saved of [null, 1, {}, { callsMax: 3, oldestFirst: '01' }]) {
      expect(new CountWindow(4).load(saved)).toBe(false);
      expect(new TimeWindow(100, clock).load(saved)).toBe(false);
    }
    for (const oldestFirst of ['01010', '02', 7]) {
      expect(new CountWindow(4).load({ callsMax: 4, oldestFirst })).toBe(false);
    }
    const good = new TimeWindow(100, clock).save() as { newestFirst: unknown[] };
    for (const wrong of [[1], [1, 2], [1.5, 0], [-1, 0], 'x']) {
      const newestFirst = good.newestFirst.with(3, wrong);
      expect(new TimeWindow(100, clock).load({ ...good, newestFirst })).toBe(false);
    }
    expect(new TimeWindow(100, clock).load({ ...good, ageMs: -1 })).toBe(false);
    expect(new TimeWindow(200, clock).load(good)).toBe(false);
  });
});

describe('bad use is refused at once', () => {
  const messageOf = (make: () => unknown): string => {
    try {
      make();
    } catch (error) {
      expect(error).toBeInstanceOf(PipelineError);
      return (error as Error).message;
    }
    return 'nothing was thrown';
  };

  test.each([
    [() => consecutiveFailures(0), 'consecutiveFailures.failures] cannot be 0'],
    [() => consecutiveFailures(2.5), 'cannot be 2.5; give a whole number, 1 or more'],
    [
      () => failureRate({ rate: 0, window: { calls: 10 } }),
      'failureRate.rate] cannot be 0; give a number above 0 and at most 1',
    ],
    [() => failureRate({ rate: 50, window: { calls: 10 } }), 'failureRate.rate] cannot be 50'],
    [() => failureRate({ rate: 0.5, window: {} as never }), 'give `{ calls: … }` or `{ ms: … }`'],
    [
      () => failureRate({ rate: 0.5, window: { calls: 1, ms: 1 } as never }),
      'give `{ calls: … }` or `{ ms: … }`',
    ],
    [
      () => failureRate({ rate: 0.5, window: { ms: Infinity } }),
      'failureRate.window.ms] cannot be Infinity',
    ],
    [
      () => failureRate({ rate: 0.5, window: { calls: 1_000_001 } }),
      'failureRate.window.calls] cannot be 1000001; give a whole number from 1 to 1000000',
    ],
    [
      () => failureRate({ rate: 0.5, callsMin: 11, window: { calls: 10 } }),
      'failureRate.callsMin] cannot be 11; give at most the 10 calls of the window',
    ],
    [
      () => failureRate({ rate: 0.5, minCalls: 1, window: { calls: 10 } } as never),
      'has no option `minCalls`',
    ],
    [() => failureRate({ window: { calls: 10 } } as never), 'failureRate.rate] cannot be'],
    [
      () => slowCallRate({ rate: 0.5, window: { calls: 10 } } as never),
      'slowCallRate.slowMs] cannot be undefined',
    ],
    [
      () => slowCallRate({ slowMs: -1, rate: 0.5, window: { calls: 10 } }),
      'slowCallRate.slowMs] cannot be -1',
    ],
    [() => anyOf(), 'anyOf.rules] cannot be a list; give one rule or more'],
    [() => anyOf(5 as never), 'anyOf.rules] cannot be a list; give one rule or more'],
  ])('%#: a rule', (make, text) => {
    expect(messageOf(make)).toContain(text);
  });

  test.each<[unknown, string]>([
    [null, 'circuitBreaker.options] cannot be null; give an object of name, opens'],
    [{ failures: 5 }, 'circuitBreaker] has no option `failures`'],
    [{ openMS: 5 }, 'did you mean `openMs`?'],
    [{ name: 5 }, 'circuitBreaker.name] cannot be 5'],
    [{ name: 'db', opens: 5 }, 'db.opens] cannot be 5; give a rule, as `consecutiveFailures(5)`'],
    [{ name: 'db', openMs: 0 }, 'db.openMs] cannot be 0; give a finite number above 0'],
    [{ openMs: NaN }, 'breaker.openMs] cannot be NaN'],
    [{ openMs: '5s' }, 'breaker.openMs] cannot be "5s"'],
    [{ openMs: 100, openMsMax: 50 }, 'openMsMax] cannot be 50; give at least openMs, 100'],
    [{ growth: 0.5 }, 'breaker.growth] cannot be 0.5; give a finite number, 1 or more'],
    [{ growth: Infinity }, 'breaker.growth] cannot be Infinity'],
    [{ jitter: 2 }, 'breaker.jitter] cannot be 2; give a number from 0 to 1'],
    [{ probesMax: 0 }, 'breaker.probesMax] cannot be 0'],
    [{ successesToClose: 1.5 }, 'breaker.successesToClose] cannot be 1.5'],
    [{ probeMsMax: Infinity }, 'breaker.probeMsMax] cannot be Infinity'],
    [{ failureOn: TypeError }, 'breaker.failureOn] cannot be a function; give a list of classes'],
  ])('%#: an option', (options, text) => {
    expect(messageOf(() => circuitBreaker(options as CircuitBreakerOptions))).toContain(text);
  });

  test('a hold in no state of a breaker', () => {
    expect(messageOf(() => circuitBreaker().hold('half-open' as never))).toContain(
      'breaker.hold] cannot be "half-open"; give `open`, `closed`',
    );
    expect(messageOf(() => circuitBreaker().hold(undefined as never))).toContain('breaker.hold]');
  });
});
