// One run of a pipeline as a process of its own, to be killed at any moment:
// `node spilling-process.ts <directory> <first value> <batches>`. What its sinks take is in files
// there, a line for each batch, written before the sink says so; one to standard output, too.
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import type { Batch } from '../../src/batch/index.ts';
import { systemClock, systemRandom } from '../../src/core/index.ts';
import { systemOutside } from '../../src/core/outside.ts';
import { type Run, TypedPipelineBuilder } from '../../src/engine/index.ts';
import { circuitBreaker, consecutiveFailures } from '../../src/resilience/index.ts';
import { numbered, readings, scriptedSink, scriptedSource } from './ends.ts';
import { ofSide } from './spilling.ts';

/** Rows of each batch, and in the queue before a sink. */
export const rowsPerBatch = 20;
export const queueRows = 1200;

async function main([directory, first, count]: readonly string[]): Promise<void> {
  const tell = (file: string, line: string): void =>
    appendFileSync(join(directory!, file), `${line}\n`);
  const firstOf = (batch: Batch): string => String(batch.toRows()[0]!['value']);
  const batches = Number(count);
  const isLast = batches < Infinity;
  let taken = 0;
  const toMain = (batch: Batch): void => {
    taken++;
    // With how many rows had been dropped by then, where the disk was too slow.
    tell('main', `${firstOf(batch)} ${ofSide(run.stats()).dropped}`);
    process.stdout.write('.');
  };
  // Down most of the time, but in the last run.
  const toSide = (batch: Batch): void => {
    if (!isLast && taken % 300 < 220) throw new Error('down');
    tell('side', firstOf(batch));
  };
  const settings = { queue: { rowsMax: queueRows }, checkpoint: { everyMs: 20 } };
  const flow = new TypedPipelineBuilder('killed', settings, { outside: systemOutside() }).from(
    scriptedSource({
      schema: readings,
      batches: Array.from({ length: isLast ? batches : 3000 }, (_, at) =>
        numbered(rowsPerBatch, Number(first) + at * rowsPerBatch),
      ),
      endless: !isLast,
      before: (_read, signal) => systemClock.sleep(1, { signal }),
    }),
  );
  flow.to(scriptedSink({ answer: toMain }), { id: 'main' });
  tell('side', 'run');
  const run: Run = await flow
    .to(scriptedSink({ answer: toSide, commit: async () => tell('side', 'commit') }), {
      id: 'side',
      policy: circuitBreaker({
        name: 'side',
        opens: consecutiveFailures(1),
        openMs: 5,
        clock: systemClock,
        random: systemRandom,
      }),
      required: false,
      overflow: { spill: { bytesMax: 2 ** 26 } },
    })
    .start();
  writeFileSync(join(directory!, 'report.json'), JSON.stringify(await run.done));
}

if (import.meta.main) await main(process.argv.slice(2));
