import { expect, test } from 'vitest';

import { Batch, Selection } from '../../src/batch/index.ts';
import { exitCodes, reportCode } from '../../src/cli/failure.ts';
import { reportJson, reportLines, reportTable } from '../../src/cli/report.ts';
import type { SinkComponent, WriteResult } from '../../src/core/index.ts';
import { TypedPipelineBuilder } from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { reportOf } from '../../src/engine/run-report.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, stageOf, testPipeline } from './ends.ts';

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
  await run.done.catch(() => (failed = reportOf(run.stats())));
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
  const report = reportOf(run.stats());
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
