import { expect, test } from 'vitest';

import { Selection } from '../../src/batch/index.ts';
import type { ComponentReport } from '../../src/observe/index.ts';
import {
  expectClosedLedger,
  numbered,
  readings,
  scriptedSink,
  scriptedSource,
  stageOf,
  testPipeline,
} from './ends.ts';

const count = 3000;

test.each([
  ['droppedBy', 'dropped', count],
  ['errors', 'failed', count],
  ['counts', 'counted', count],
] as const)('%s keeps a thousand names at most, and sums exactly', async (figure, how, sum) => {
  const stage = stageOf((report) => (batch) => {
    if (how === 'counted') {
      for (const row of batch.rows.subarray(0, batch.length)) report.counted(`name-${row}`, 1);
      return batch;
    }
    for (const row of batch.rows.subarray(0, batch.length)) {
      if (how === 'dropped') report.dropped(`name-${row}`, 1);
      else report.failed(batch, row, `name-${row}`);
    }
    return batch.select(new Selection(new Uint32Array(0), 0));
  });
  const report = await testPipeline({ onRowError: 'drop' })
    .from(scriptedSource({ schema: readings, batches: [numbered(count)], log: {} }))
    .pipe(stage)
    .to(scriptedSink({}))
    .run();
  expectClosedLedger(report);
  const names: ComponentReport['counts'] = report.components[1]![figure];
  const inTurn = Object.values(names);
  expect(inTurn).toHaveLength(1000);
  expect(names['name-0']).toBe(1);
  expect(names['overflow']).toBe(count - 999);
  expect(inTurn.reduce((total, one) => total + one, 0)).toBe(sum);
});
