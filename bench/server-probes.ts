import { join } from 'node:path';

import { root, runNode } from './lib/child.ts';
import type { Measure, Samples } from './lib/measure.ts';

const probed = join(root, 'bench', 'lib', 'probed-run.ts');

/**
 * What a thousand probes a second take from a pipeline at full speed. By processor time of its
 * thread: on a machine of two cores the load itself, the server and the pipeline share what there
 * is, and the time on a clock would tell of that.
 */
export const serverProbes: Measure = {
  id: 'server.probes',
  title: 'three column stages while 1,000 probes a second are answered for 60 s',
  peer: 'none asks',
  unit: 'ns/record',
  target: { within: 1.05 },
  run: async ({ quick }) => {
    // Sixty seconds of each side, three at a time.
    const { stdout } = await runNode([probed, quick ? '1' : '20', quick ? '200' : '3000']);
    return JSON.parse(stdout) as Samples;
  },
};
