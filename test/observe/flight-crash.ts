// A program with a run that is recorded, and that ends in some way: `flight-crash.ts WAY DIRECTORY`.
import process from 'node:process';

import { intervalSource, memorySink, pipeline } from '../../src/index.ts';
import { FlightRecorder } from '../../src/observe/index.ts';

const [, , way, directory = ''] = process.argv;
const run = await pipeline('host')
  .from(intervalSource({ everyMs: 5 }))
  .to(memorySink())
  .start();
const recorder = new FlightRecorder(run, { directory });
const undo = recorder.recordOnCrash();
while (run.stats().recordsOut === 0) await new Promise(setImmediate);
if (way === 'undone') undo();
if (way === 'exit') process.exit(7);
if (way === 'end') await run.stop();
else if (way === 'reject') void Promise.reject(new Error('boom'));
else throw new Error('boom');
