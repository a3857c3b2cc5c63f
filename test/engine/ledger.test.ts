import { expect, test } from 'vitest';

import { Batch, Selection } from '../../src/batch/index.ts';
import { reportJson, reportLines, reportTable } from '../../src/cli/report.ts';
import type { RunReport } from '../../src/engine/index.ts';
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
  const builder = testPipeline()
    .from(scriptedSource({ schema: readings, batches: [numbered(10)], endless: true }))
    .pipe(stageOf(() => () => Promise.reject(new Error('broken'))))
    .to(scriptedSink({}));
  await using run = await builder.start();
  await run.done.catch(() => {});
  expect(run.stats().components.map(({ unaccounted }) => unaccounted)).toEqual([0, 0, 0]);
});
