import { describe, expect, test } from 'vitest';

import type { Policy } from '../../src/core/index.ts';
import { circuitBreaker, hedge, retry, timeout } from '../../src/resilience/index.ts';
import { wrap } from '../../src/resilience/wrap.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import {
  expectClosedLedger,
  numbered,
  readings,
  scriptedSink,
  scriptedSource,
  testPipeline,
} from './ends.ts';

/** Policies that give a read up after a second, or make another beside it. */
const policies: Readonly<Record<string, (outside: VirtualOutside) => Policy>> = {
  'a timeout and retries': ({ clock, random }) =>
    wrap(
      retry({ maxAttempts: 20, baseDelayMs: 50, clock, random }),
      timeout({ timeoutMs: 1000, clock }),
    ),
  'a timeout and a breaker': ({ clock, random }) =>
    wrap(
      circuitBreaker({ name: 'disk', openMs: 2000, clock, random }),
      timeout({ timeoutMs: 1000, clock }),
    ),
  'a hedge': ({ clock }) => hedge({ afterMs: 500, clock }),
};

describe.each(Object.entries(policies))('a source under %s', (_, policyOf) => {
  test.each([
    ['goes on all the same', false],
    ['ends when it is told to', true],
  ])('is read once at a time and gives all, where a slow read %s', async (_, isTold) => {
    const outside = virtualOutside();
    const { clock } = outside;
    const rows: Record<string, unknown>[] = [];
    let reading = 0;
    let most = 0;
    const source = scriptedSource({
      schema: readings,
      batches: numbered(40).map((row) => [row]),
      // One in seven takes longer than the policy waits; tried again, it is as fast as others.
      before: async (read, signal) => {
        most = Math.max(most, ++reading);
        try {
          await clock.sleep(read % 7 === 3 ? 4500 : 100, isTold ? { signal } : {});
        } finally {
          reading--;
        }
      },
    });
    const report = await testPipeline({}, [], outside)
      .from(source, { policy: policyOf(outside) })
      .to(scriptedSink({ rows }))
      .run();
    expect(report.status).toBe('done');
    expect(rows).toEqual(numbered(40));
    expect(most).toBe(1);
    expectClosedLedger(report);
  });
});
