import process from 'node:process';

import { struckDown } from './laned-pipelines.ts';

/** Runs the pipeline whose lanes are struck down, and says what it fails with. */
const url = new URL('./laned-pipelines.ts', import.meta.url);
const failure: unknown = await struckDown()
  .run({ lanes: 2, module: { url, name: 'struckDown' } })
  .catch((error: unknown) => error);
process.stdout.write(`${String(failure)}\n`);
