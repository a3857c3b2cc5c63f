import { join } from 'node:path';

import { root, runNode } from './lib/child.ts';
import type { Measure } from './lib/measure.ts';

const viewed = join(root, 'bench', 'lib', 'viewed-run.ts');
const viewers = 10;
/** Five percent of one core. */
const msMax = 50;

/**
 * What viewers of the dashboard take from the process of a pipeline, its own loop and the server's
 * thread together: by processor time, as the viewers are on the same machine.
 */
export const serverViewers: Measure = {
  id: 'server.viewers',
  title: 'a second of a pipeline of 3 stages, watched by 10 viewers of its page',
  peer: 'the limit',
  unit: 'ms',
  target: { within: 1 },
  run: async ({ quick }) => {
    const sizes = quick ? ['1', '1500'] : ['7', '6000'];
    const { stdout } = await runNode([viewed, ...sizes, String(viewers)]);
    return { ours: JSON.parse(stdout) as number[], peer: [msMax] };
  },
};
