import { PipelineError } from '../../errors.ts';
import type { Plan } from '../planned.ts';

/** Monitored stages that are in a run. */
const taken = new WeakSet();

/**
 * Takes the monitored stages of a plan for a run, and gives what lets go of them. Throws
 * `ERR_RUN_ACTIVE` where another run has one: its figures would be those of neither.
 */
export function takeMonitored({ name, stages }: Plan): () => void {
  const monitored = stages.flatMap(({ node: { id, component } }) =>
    component !== undefined && 'takeFigures' in component ? [{ id, component }] : [],
  );
  const busy = monitored.find(({ component }) => taken.has(component));
  if (busy !== undefined) {
    throw new PipelineError({
      code: 'ERR_RUN_ACTIVE',
      place: name,
      fact: `\`${busy.id}\` is monitored in another run, which is at work`,
      remedy: 'wait for its end, or give each pipeline a monitored stage of its own',
    });
  }
  for (const { component } of monitored) taken.add(component);
  return () => {
    for (const { component } of monitored) taken.delete(component);
  };
}
