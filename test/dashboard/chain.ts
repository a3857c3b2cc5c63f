import { intervalSource } from '../../src/connectors/interval.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { Server } from '../../src/server/index.ts';
import { filter } from '../../src/stages/filter.ts';
import { scriptedSink } from '../engine/ends.ts';
import { serveRun } from './serve-run.ts';

/** A run of so many stages, one behind the other, and its server. Gone after the test. */
export async function servedChain(stages: number): Promise<Server> {
  let chain = pipeline('chain').from(intervalSource({ everyMs: 20 }), { id: 'ticks' });
  for (let at = 1; at <= stages; at++) {
    chain = chain.through(filter({ where: 'tick >= 0' }), { id: `stage-${at}` });
  }
  const run = await chain.to(scriptedSink({}), { id: 'store' }).start();
  return serveRun(run);
}
