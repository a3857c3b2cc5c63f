import { describe, expect, test } from 'vitest';

import { Batch, Selection } from '../../src/batch/index.ts';
import { exitCodes, reportCode } from '../../src/cli/failure.ts';
import { reportJson, reportLines, reportTable } from '../../src/cli/report.ts';
import type { SinkComponent, WriteResult } from '../../src/core/index.ts';
import { TypedPipelineBuilder } from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { circuitBreaker } from '../../src/resilience/index.ts';
import { mapAsync } from '../../src/stages/map-async.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import {
  expectClosedLedger,
  numbered,
  reading,
  readings,
  scriptedSink,
  scriptedSource,
  stageOf,
  testPipeline,
} from './ends.ts';

const source = () => scriptedSource({ schema: readings, batches: [numbered(10), numbered(10)] });

/** A run with a stage that drops its first rows, or adds rows, and says nothing. */
function runWith(process: (batch: Batch) => Batch): Promise<RunReport> {
  return testPipeline()
    .from(source())
    .pipe(stageOf(() => process, 'thief'))
    .to(scriptedSink({}))
    .run();
}

const shown = (report: RunReport): string[][] => [
  reportLines(report),
  reportTable(report, (text) => text, 80),
];

test('a stage that loses rows in silence stands in every form of the report', async () => {
  const report = await runWith((batch) =>
    batch.select(new Selection(Uint32Array.from([3, 4, 5, 6, 7, 8, 9]), 7)),
  );
  const lost = report.components.map(({ id, unaccounted }) => [id, unaccounted]);
  expect(lost).toEqual([
    ['scripted', 0],
    ['thief', 6],
    ['scripted-2', 0],
  ]);
  for (const lines of shown(report)) {
    expect(lines).toContain('lost by thief: 6 rows that nothing accounts for');
  }
  expect(reportCode(report, {})).toBe(exitCodes.failed);
  expect(reportJson(report)['components']).toContainEqual(
    expect.objectContaining({ id: 'thief', unaccounted: 6 }),
  );
});

test('so does one that makes rows up', async () => {
  const report = await runWith(() => Batch.from(numbered(12), readings));
  for (const lines of shown(report)) {
    expect(lines).toContain('made up by thief: 4 rows that nothing accounts for');
  }
});

test('a ledger that closes is not spoken of, nor one of a run that goes on or failed', async () => {
  const whole = await runWith((batch) => batch);
  for (const lines of shown(whole)) expect(lines.join('\n')).not.toContain('accounts for');
  expect(reportCode(whole, { failOnDeadLetter: true })).toBe(exitCodes.done);
  const builder = testPipeline()
    .from(scriptedSource({ schema: readings, batches: [numbered(10)], endless: true }))
    .pipe(stageOf(() => () => Promise.reject(new Error('broken'))))
    .to(scriptedSink({}));
  await using run = await builder.start();
  await run.done.catch(() => {});
  expect(run.stats().components.map(({ unaccounted }) => unaccounted)).toEqual([0, 0, 0]);
});

test('what a sink has not committed when the run fails stands as held, not as out', async () => {
  let failed: RunReport | undefined;
  const run = await testPipeline({ checkpoint: { everyMs: 3_600_000, rowsMax: 10 } })
    .from(
      scriptedSource({
        schema: readings,
        batches: [numbered(10), numbered(10), numbered(10), numbered(10)],
      }),
    )
    .to(
      scriptedSink({
        answer: (_batch, write) => {
          if (write === 3) throw new Error('disk full');
        },
        commit: (cut) => (cut.id > 1 ? Promise.reject(new Error('not now')) : Promise.resolve()),
      }),
    )
    .start();
  await run.done.catch(() => (failed = run.stats()));
  const sink = failed!.components.find(({ kind }) => kind === 'sink')!;
  expect(sink.in).toBeGreaterThan(sink.out);
  expect(sink.held).toBe(sink.in - sink.out);
  expect(failed!.recordsOut).toBe(sink.out);
  const line = `not committed by scripted-2: ${sink.held} rows, stored or not`;
  for (const lines of shown(failed!)) expect(lines).toContain(line);
});

test('dead letters that are not committed when the run fails are not counted as written', async () => {
  const outside = virtualOutside();
  const deadLetters = scriptedSink({
    answer: () => {
      throw new Error('full');
    },
  }) as unknown as SinkComponent;
  const refuse = (): WriteResult => ({ failed: [{ row: 0, reason: 'bad', message: 'no' }] });
  const run = await new TypedPipelineBuilder('test', {}, { outside, deadLetters })
    .from(source())
    .to(scriptedSink({ answer: refuse }))
    .start();
  await expect(run.done).rejects.toThrow('full');
  const report = run.stats();
  expect(report.deadLetters).toBe(0);
  expect(report.components.find(({ kind }) => kind === 'dead-letters')).toMatchObject({
    in: 1,
    out: 0,
    held: 1,
  });
});

test.each([
  [5, 'answered a batch with 5; return nothing where all rows were taken'],
  ['ok', 'answered a batch with ok'],
  [[], 'answered a batch with a list'],
  [{ fialed: [] }, 'answered a batch with `fialed`'],
  [{ notNow: { retryAfterMs: NaN, message: '' } }, 'answered that it takes no batch for NaN ms'],
])(
  'a sink that answers %j has broken its promise, and no row counts as taken',
  async (answer, text) => {
    const run = await testPipeline()
      .from(source())
      .to(scriptedSink({ answer: () => answer as never }))
      .start();
    await expect(run.done).rejects.toThrow(
      `ERR_CONNECTOR_PROTOCOL [scripted-2] ${text.slice(0, 8)}`,
    );
    await expect(run.done).rejects.toThrow(text);
    expect(run.stats().recordsOut).toBe(0);
  },
);

describe('what was on its way, or in hand, when a run ended before its time stands in its report', () => {
  /** Whatever a component gave has come to the next, or was on its way to it. */
  function expectClosedEdges({ components }: RunReport): void {
    for (const [at, { in: rowsIn, undelivered }] of components.entries()) {
      if (at > 0) expect(rowsIn + undelivered).toBe(components[at - 1]!.out);
    }
  }

  test.each(['abort', 'stop'] as const)('%s, behind a stage that waits', async (end) => {
    const outside = virtualOutside();
    const { clock } = outside;
    const batches = Array.from({ length: 300 }, (_, at) => numbered(10, at * 10));
    const run = await testPipeline({ drainMsMax: 10_000 }, [], outside)
      .from(scriptedSource({ schema: readings, batches, endless: true }))
      .pipe(stageOf(() => (batch) => batch, 'same'))
      .through(
        mapAsync({
          schema: readings,
          map: (({ value }: { value: number }) =>
            value < 100
              ? Promise.resolve(reading(value))
              : Promise.reject(new Error('down'))) as never,
        }),
        { id: 'ask', policy: circuitBreaker({ clock }) },
      )
      .to(scriptedSink({}))
      .start();
    await clock.sleep(60_000);
    const live = run.stats();
    const held = live.components[2]!.held!;
    expect(held).toBeGreaterThan(0);
    expect(live.components[2]!.undelivered).toBe(live.queues['ask']!.rows);
    await run[end]().catch(() => {});
    const report = run.stats();
    expect(report.components[0]).toMatchObject({ in: 3000, out: 3000 });
    expect(report.components[2]).toMatchObject({ out: 100, held, undelivered: 2900 - held });
    expectClosedLedger(report);
    expectClosedEdges(report);
    for (const lines of shown(report)) {
      expect(lines).toContain(`not delivered to ask: ${(2900 - held).toLocaleString('en')} rows`);
      expect(lines).toContain(`not finished by ask: ${held} rows`);
    }
  });

  test('a sink that was never open has taken nothing', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const run = await testPipeline({ drainMsMax: 1000 }, [], outside)
      .from(source())
      .to(scriptedSink({ open: () => Promise.reject(new Error('no')) }), {
        id: 'store',
        policy: circuitBreaker({ clock }),
      })
      .start();
    await clock.sleep(3000);
    await expect(run.stop()).rejects.toMatchObject({ code: 'ERR_RUN_DEADLINE' });
    const report = run.stats();
    expect(report.components[1]).toMatchObject({ in: 0, out: 0, held: 0, undelivered: 20 });
    expectClosedEdges(report);
    for (const lines of shown(report)) {
      expect(lines).toContain('not delivered to store: 20 rows');
      expect(lines.join()).not.toContain('stored or not');
    }
  });

  test('what waits for room in a queue is on its way', async () => {
    const outside = virtualOutside();
    const stuck = Promise.withResolvers<void>();
    const run = await testPipeline({ queue: { rowsMax: 10 } }, [], outside)
      .from(source())
      .pipe(stageOf(() => (batch) => batch, 'same'))
      .to(scriptedSink({ answer: () => stuck.promise }))
      .start();
    await outside.clock.sleep(1000);
    await run.abort();
    const report = run.stats();
    expectClosedLedger(report);
    expectClosedEdges(report);
  });

  test('of a run that came to its end there is none', async () => {
    const report = await testPipeline().from(source()).to(scriptedSink({})).run();
    expect(report.components.map(({ undelivered }) => undelivered)).toEqual([0, 0]);
    for (const lines of shown(report)) expect(lines.join()).not.toContain('not ');
  });
});
