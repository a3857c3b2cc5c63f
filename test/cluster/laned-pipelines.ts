import { existsSync } from 'node:fs';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';

import { schema } from '../../src/batch/index.ts';
import { defineStage, type StageComponent } from '../../src/core/index.ts';
import { fileSink, fileSource } from '../../src/connectors/file.ts';
import { pipeline } from '../../src/pipeline.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { threshold } from '../../src/stages/threshold.ts';
import { window } from '../../src/stages/window.ts';

const readings = schema({ sensorId: 'category', value: 'float64' });
const timed = schema({ sensorId: 'category', at: 'timestamp', value: 'float64' });

/**
 * Does something to the thread of a lane when it has seen so many rows, or the file is there that
 * `LANED_AFTER` names; nothing where that is empty.
 */
const strike = defineStage<(options: StrikeOptions) => StageComponent, StrikeOptions>({
  name: 'strike',
  summary: 'Strike a lane down.',
  options: (z) => z.strictObject({ how: z.enum(['exit', 'throw', 'out-of-memory', 'refuse']) }),
  example: { how: 'exit' },
  rows: 'same',
  keeps: () => 'nothing',
  changes: () => [],
  output: (input) => input,
  create: ({ how }) => {
    let rows = 0;
    return (batch) => {
      const { LANED_AFTER: after } = process.env;
      if (isMainThread || after === '') return batch;
      rows += batch.length;
      // A disk may take its time: it is waited for while there is something left to be read, but
      // behind what is read before the first cut.
      if (after !== undefined && rows > 250_000) {
        while (!existsSync(after)) Atomics.wait(still, 0, 0, 30);
      }
      if (after === undefined ? rows > 20_000 : existsSync(after)) struck[how]();
      // A stage that takes its time, so that cuts come between.
      else Atomics.wait(still, 0, 0, 30);
      return batch;
    };
  },
});

const still = new Int32Array(new SharedArrayBuffer(4));

interface StrikeOptions {
  readonly how: keyof typeof struck;
}

const struck = {
  exit: (): void => process.exit(3),
  throw: (): void =>
    queueMicrotask(() => {
      throw new Error('nobody catches this');
    }),
  refuse: (): void => {
    throw new Error('the stage cannot go on');
  },
  'out-of-memory': (): void => {
    const kept: unknown[] = [];
    for (;;) kept.push(new Array(1000).fill(0.5));
  },
};

function paths(): { in: string; out: string } {
  return JSON.parse(process.env['LANED_PATHS']!) as { in: string; out: string };
}

/** A builder of a pipeline that strikes its lanes down as the environment says. */
export const struckDown = () => {
  // A short queue, so that cuts come between what is read and not behind it all.
  const settings = { checkpoint: { rowsMax: 4000 }, queue: { bytesMax: 1_048_576 } };
  const builder = pipeline('struck', settings);
  builder
    .from(fileSource({ path: paths().in, schema: readings }))
    .pipe(strike({ how: process.env['LANED_HOW'] as 'exit' }) as never)
    .to(fileSink({ path: paths().out }) as never);
  return builder;
};

/** Averages by key. */
export const averages = () =>
  pipeline('averages')
    .from(fileSource({ path: paths().in, schema: readings }))
    .pipe(
      threshold({ field: 'value', min: 5 }),
      movingAverage({ field: 'value', window: 20, by: 'sensorId', into: 'average' }),
    )
    .to(fileSink({ path: paths().out }));

/** Windows by key, whose lanes are struck down once something is saved. */
export const struckWindows = () => {
  const builder = pipeline('struck-windows', {
    checkpoint: { rowsMax: 20_000 },
    queue: { bytesMax: 1_048_576 },
  });
  builder
    .from(fileSource({ path: paths().in, schema: timed }), { eventTime: { field: 'at' } })
    .pipe(
      strike({ how: 'exit' }) as never,
      window({
        time: 'at',
        every: '100ms',
        by: 'sensorId',
        compute: { n: 'count()', sum: 'sum(value)' },
      }) as never,
    )
    .to(fileSink({ path: paths().out, mode: 'append' }) as never);
  return builder;
};
