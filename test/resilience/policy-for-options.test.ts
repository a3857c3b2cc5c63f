import { expect, test } from 'vitest';

import {
  bulkhead,
  circuitBreaker,
  constant,
  fallback,
  hedge,
  rateLimit,
  retry,
  timeout,
  wrap,
} from '../../src/resilience/index.ts';

const made = {
  retry: retry(),
  circuitBreaker: circuitBreaker(),
  timeout: timeout({ timeoutMs: 1 }),
  bulkhead: bulkhead({ concurrentMax: 1 }),
  rateLimit: rateLimit({ callsMax: 1, perMs: 1 }),
  hedge: hedge({ afterMs: 1 }),
  fallback: fallback({ strategy: constant(0) }),
};
const functions = { retry, circuitBreaker, timeout, bulkhead, rateLimit, hedge, fallback };
type Kind = keyof typeof made;
const kinds = Object.keys(made) as Kind[];

test.each(kinds)('%s is given options, not a policy', (kind) => {
  const make = functions[kind] as (options: unknown) => unknown;
  expect(made[kind].kind).toBe(kind);
  for (const other of kinds) {
    expect(() => make(made[other])).toThrow(
      `ERR_CONFIG_INVALID [${kind}.options] cannot be what \`${other}()\` made; give an object of name`,
    );
  }
  expect(() => make(wrap(made.retry))).toThrow('cannot be a policy; give an object of name');
});
