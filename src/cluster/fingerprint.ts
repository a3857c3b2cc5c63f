import { createSha256 } from '../batch/hash.ts';
import type { Plan } from '../engine/planned.ts';
import { topologyOf } from '../engine/topology.ts';

/** Tells a plan from one that does anything else, as far as data can tell. */
export function fingerprintOf(plan: Plan): string {
  const { pipeline, nodes } = topologyOf(plan);
  const times = plan.sources.map(({ eventTime }) => eventTime ?? null);
  return createSha256()
    .update(JSON.stringify([pipeline, nodes, times]))
    .digest('hex');
}
