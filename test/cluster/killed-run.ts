import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';

import { parseOverride } from '../../src/engine/config.ts';
import { startRun } from '../../src/engine/index.ts';
import { onLanes, readPipeline } from '../../src/pipeline.ts';

/** Runs a pipeline on two lanes, keeps its checkpoints, and says when the second behind its beginning is saved. */
const [file, place] = process.argv.slice(2) as [string, string];
const overrides = [parseOverride('lanes=2', 1)];
const plan = await (await readPipeline(file, { overrides })).plan();
let saved = 0;
const run = await startRun(await onLanes(plan, { directory: dirname(file) }, {}), {
  store: {
    load: () => Promise.resolve(undefined),
    save: (checkpoint) => {
      writeFileSync(join(place, 'saving.json'), JSON.stringify(checkpoint));
      renameSync(join(place, 'saving.json'), join(place, 'saved.json'));
      if (/"offset":[1-9]/.test(JSON.stringify(checkpoint)) && ++saved === 2) {
        process.stdout.write('saved\n');
      }
      return Promise.resolve();
    },
  },
});
await run.done;
