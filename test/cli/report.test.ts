import { expect, test } from 'vitest';

import { reportJson, reportLines, reportTable } from '../../src/cli/report.ts';
import { circuitBreaker, consecutiveFailures, retry, wrap } from '../../src/resilience/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from '../engine/ends.ts';

test('a report says what policies did, where they did anything', async () => {
  const outside = virtualOutside();
  const { clock, random } = outside;
  const opens = consecutiveFailures(2);
  const breaker = circuitBreaker({ name: 'db', opens, openMs: 30_000, clock, random });
  const down = (): Promise<void> =>
    clock.monotonic() < 45_000 ? Promise.reject(new Error('down')) : Promise.resolve();
  const report = await testPipeline({ checkpoint: { everyMs: 3_600_000 } }, [], outside)
    .from(scriptedSource({ schema: readings, batches: [numbered(3)] }), {
      policy: retry({ clock }),
    })
    .to(scriptedSink({ answer: down }), { id: 'store', policy: wrap(breaker, retry({ clock })) })
    .run();
  const line =
    'policy of store: 6 calls, 6 retries, breaker `db` closed, opened 2 times for 1 min 00 s, 0 calls refused';
  expect(reportLines(report).filter((text) => text.startsWith('policy'))).toEqual([line]);
  expect(reportTable(report, (text) => text, 100)).toContain(line);
  expect((reportJson(report)['components'] as { policy: unknown }[])[1]!.policy).toEqual({
    calls: 6,
    attempts: 12,
    substituted: 0,
    substitutedBy: {},
    retries: 6,
    suppressed: 0,
    breakers: {
      total: 1,
      byState: { open: 0, 'half-open': 0, closed: 1 },
      worst: [{ id: 'db', name: 'db', state: 'closed', opens: 2, openMs: 60_000, refused: 0 }],
    },
  });
});
