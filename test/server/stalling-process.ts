/** A process whose loop stands still for 15 seconds when it is told to. */
import process from 'node:process';

import { intervalSource } from '../../src/connectors/interval.ts';
import { memorySink } from '../../src/connectors/memory.ts';
import { FlightRecorder, StructuredLogger } from '../../src/observe/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import { serve } from '../../src/server/index.ts';

const log = new StructuredLogger({ write: (line) => void process.stderr.write(line) });
const run = await pipeline('stalling')
  .from(intervalSource({ everyMs: 50 }))
  .to(memorySink({ rowsMax: 1_000_000 }))
  .start({ log });
const recorder = new FlightRecorder(run);
const server = await serve(run, {
  port: 0,
  token: 'an-admin-of-this-test',
  log,
  flightRecorder: () => recorder.record(),
});
process.stdout.write(`${server.url}\n`);
process.stdin.once('data', () => {
  const until = performance.now() + 15_000;
  while (performance.now() < until);
});
