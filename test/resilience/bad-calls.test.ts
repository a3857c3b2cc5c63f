import { describe, expect, test } from 'vitest';

import { isPipelineError } from '../../src/errors.ts';
import {
  type AttemptOutcome,
  bulkhead,
  circuitBreaker,
  constant,
  fallback,
  hedge,
  isBulkheadFullError,
  isCircuitOpenError,
  isRateLimitedError,
  isRetryExhaustedError,
  isTimeoutError,
  rateLimit,
  resilient,
  retry,
  RetryStats,
  timeout,
  wrap,
} from '../../src/resilience/index.ts';

const policies = {
  retry: () => retry({ name: 'api' }),
  circuitBreaker: () => circuitBreaker({ name: 'api' }),
  timeout: () => timeout({ name: 'api', timeoutMs: 1000 }),
  bulkhead: () => bulkhead({ name: 'api', concurrentMax: 1 }),
  rateLimit: () => rateLimit({ name: 'api', callsMax: 1, perMs: 1000 }),
  hedge: () => hedge({ name: 'api', afterMs: 1000 }),
  fallback: () => fallback({ name: 'api', strategy: constant(0) }),
  'a synchronous resilient': () => resilient({ name: 'api', breaker: {} }),
  resilient: () => resilient({ name: 'api', breaker: {}, retry: {} }),
};
const kinds = Object.keys(policies) as (keyof typeof policies)[];

const noFunctions: [unknown, string][] = [
  [undefined, 'undefined'],
  [null, 'null'],
  [3, '3'],
  [{}, 'an object'],
  [retry(), 'what `retry()` made'],
];

describe.each(kinds)('%s', (kind) => {
  test('refuses to run what is no function, before it does anything', async () => {
    for (const [given, text] of noFunctions) {
      const policy = policies[kind]();
      await expect(policy.execute(given as never)).rejects.toThrow(
        `ERR_CONFIG_INVALID [api.execute] cannot be given ${text}; give a function`,
      );
      // It has counted nothing, and has its one place and its one turn.
      if ('stats' in policy) expect(policy.stats.summary().attempts).toBe(0);
      if ('metrics' in policy) expect(policy.metrics.total).toBe(0);
      expect(await policy.execute(async () => 1)).toBe(1);
    }
  });

  test('refuses to wrap what is no function', () => {
    for (const [given, text] of noFunctions) {
      expect(() => policies[kind]().wrap(given as never)).toThrow(
        `ERR_CONFIG_INVALID [api.wrap] cannot be given ${text}; give a function`,
      );
    }
  });

  test('refuses to wrap a generator, which it would not protect', () => {
    const text =
      /^ERR_CONFIG_INVALID \[api\.wrap\] cannot be given a generator, `rows`, .*the read/;
    const rows = {
      *sync(): Generator<number> {
        yield 1;
      },
      async *later(): AsyncGenerator<number> {
        yield 1;
      },
    };
    for (const generator of [rows.sync, rows.later, rows.later.bind(rows)]) {
      Object.defineProperty(generator, 'name', { value: 'rows' });
      expect(() => policies[kind]().wrap(generator as never)).toThrow(text);
    }
    const nameless = (() => function* () {})();
    expect(() => policies[kind]().wrap(nameless as never)).toThrow('given a generator, which');
  });
});

test('`wrap` refuses a call that is none', async () => {
  const policy = wrap(timeout({ timeoutMs: 1000 }), retry());
  await expect(policy.execute(undefined as never)).rejects.toThrow('[wrap.execute] cannot be');
});

describe('attempts that cannot have been', () => {
  test.each<[string, [number, AttemptOutcome, number?]]>([
    ['[api.attempt] cannot be 0; give a whole number, 1 or more', [0, 'succeeded']],
    ['[api.attempt] cannot be 1.5', [1.5, 'failed']],
    ['[api.attempt] cannot be NaN', [NaN, 'exhausted', 1]],
    ['[api.attempt] cannot be "1"', ['1' as never, 'succeeded']],
    ['[api.outcome] cannot be "won"; give `succeeded`, `failed`', [1, 'won' as AttemptOutcome]],
    ['[api.outcome] cannot be undefined', [1, undefined as never]],
    ['[api.callDelayMs] cannot be NaN; give a finite number, 0 or more', [2, 'succeeded', NaN]],
    ['[api.callDelayMs] cannot be -1', [2, 'failed', -1]],
    ['[api.callDelayMs] cannot be Infinity', [2, 'exhausted', Infinity]],
  ])('%s', (text, given) => {
    const stats = new RetryStats('api');
    stats.recordAttempt(1, 'succeeded', 5);
    const before = stats.summary();
    expect(() => stats.recordAttempt(...given)).toThrow(`ERR_CONFIG_INVALID ${text}`);
    expect(stats.summary()).toEqual(before);
  });

  test('the same of a call that was given up', () => {
    const stats = new RetryStats('api');
    const before = stats.summary();
    expect(() => stats.recordAbort(0, 0)).toThrow('[api.attempts] cannot be 0');
    expect(() => stats.recordAbort(1, NaN)).toThrow('[api.callDelayMs] cannot be NaN');
    expect(stats.summary()).toEqual(before);
  });
});

test('a guard says no to what cannot be looked at', () => {
  const throws = (): never => {
    throw new Error('hostile');
  };
  const traps = Object.fromEntries(
    Object.getOwnPropertyNames(Reflect).map((trap) => [trap, throws]),
  );
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const guards = [
    isPipelineError,
    isBulkheadFullError,
    isCircuitOpenError,
    isRateLimitedError,
    isRetryExhaustedError,
    isTimeoutError,
  ];
  for (const hostile of [new Proxy({}, traps), revoked]) {
    for (const isOne of guards) expect(isOne(hostile), isOne.name).toBe(false);
    expect(() => wrap(hostile as never)).toThrow('ERR_CONFIG_INVALID [wrap] was given');
  }
});

describe('names', () => {
  const make = {
    retry: (name: string) => retry({ name }),
    circuitBreaker: (name: string) => circuitBreaker({ name }),
    timeout: (name: string) => timeout({ name, timeoutMs: 1 }),
    bulkhead: (name: string) => bulkhead({ name, concurrentMax: 1 }),
    rateLimit: (name: string) => rateLimit({ name, callsMax: 1, perMs: 1 }),
    hedge: (name: string) => hedge({ name, afterMs: 1 }),
    fallback: (name: string) => fallback({ name, strategy: constant(0) }),
    resilient: (name: string) => resilient({ name, retry: {} }),
  };

  test.each(Object.keys(make) as (keyof typeof make)[])(
    '%s takes none that says nothing',
    (kind) => {
      for (const [name, text] of [
        [3 as never, '3'],
        ['', '""'],
        [' \n', '" \\n"'],
      ] as const) {
        expect(() => make[kind](name)).toThrow(
          `ERR_CONFIG_INVALID [${kind}.name] cannot be ${text}; give a text`,
        );
      }
    },
  );
});

test('options that are null are refused like others', () => {
  expect(() => retry({ stats: null as never })).toThrow('[retry.stats] cannot be null');
  expect(() => retry({ budget: null as never })).toThrow('[retry.budget] cannot be null');
});

test('a policy of nothing is refused', () => {
  expect(() => wrap()).toThrow('ERR_CONFIG_INVALID [wrap] was given no policy');
  for (const options of [{}, { name: 'api' }, { retry: undefined }]) {
    expect(() => resilient(options)).toThrow(/^ERR_CONFIG_INVALID \[(resilient|api)\] has no part/);
  }
});
