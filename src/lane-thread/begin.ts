import { type MessagePort, parentPort, workerData } from 'node:worker_threads';

import type { LaneBeginning, LaneOrigin } from '../cluster/messages.ts';
import { serveLane } from '../cluster/serve-lane.ts';
import type { Plan } from '../engine/planned.ts';
import { PipelineError } from '../errors.ts';
import { readPipeline } from '../pipeline.ts';

/** The pipeline of a run, planned again on the thread of a lane. */
async function planOf(origin: LaneOrigin): Promise<Plan> {
  if ('file' in origin) {
    const config = await readPipeline(origin.file, { overrides: origin.overrides });
    return config.plan();
  }
  const { module, name } = origin;
  const exported = ((await import(module)) as Record<string, unknown>)[name];
  const made: unknown = typeof exported === 'function' ? await exported() : await exported;
  const { plan } = (made ?? {}) as { readonly plan?: () => Promise<Plan> };
  if (typeof plan === 'function') return plan.call(made);
  throw new PipelineError({
    code: 'ERR_LANE_FAILED',
    place: module,
    fact: `exports no pipeline as \`${name}\``,
    remedy: `export the builder of the pipeline, or a function that gives it, as \`${name}\``,
  });
}

/** Does the work of a lane on this thread. */
export function beginLane(): void {
  const { origin } = workerData as LaneBeginning;
  serveLane(parentPort as MessagePort, planOf(origin));
}
