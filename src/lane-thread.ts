import { enableCompileCache } from 'node:module';
import { workerData } from 'node:worker_threads';

import type { LaneBeginning } from './cluster/messages.ts';

// Node keeps it for each thread apart. What follows is loaded behind it: half of that is compiled.
const { compileCache } = workerData as LaneBeginning;
if (compileCache !== undefined) enableCompileCache(compileCache);
void import('./lane-thread/begin.ts').then(({ beginLane }) => beginLane());
