import { type MessagePort, parentPort } from 'node:worker_threads';

import { builtins } from '../builtins.ts';
import { planOfMessage } from '../cluster/plan-message.ts';
import { type PlanLane, serveLane } from '../cluster/serve-lane.ts';
import { systemOutside } from '../core/index.ts';

const planOf: PlanLane = async ({ index, pipeline }) => {
  if ('plan' in pipeline) {
    return planOfMessage(pipeline.plan, builtins(), systemOutside(pipeline.directory));
  }
  // Of a pipeline that was planned of a file, no lane needs what plans.
  const { planOfModule } = await import('./module-plan.ts');
  return planOfModule(pipeline, index);
};

/** Does the work of a lane on this thread. */
export function beginLane(): void {
  serveLane(parentPort as MessagePort, planOf);
}
