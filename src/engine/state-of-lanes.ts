import type { JsonValue } from '../batch/index.ts';
import { PipelineError } from '../errors.ts';

/** What is saved of a stage that ran on lanes. */
export interface StateOfLanes {
  /** What each of them held. */
  readonly lanes: readonly JsonValue[];
  /** The fields by whose values rows went to them. */
  readonly routedBy: readonly string[];
}

export function isOfLanes(saved: JsonValue): saved is JsonValue & StateOfLanes {
  const { lanes, routedBy } = (saved ?? {}) as Partial<StateOfLanes>;
  return Array.isArray(lanes) && Array.isArray(routedBy);
}

/** Says that a stage cannot go on with what another number of lanes saved of it. */
export function savedElsewhere(id: string, saved: JsonValue, count: number): PipelineError {
  const had = isOfLanes(saved) ? saved.lanes.length : 1;
  return new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: id,
    fact: `its state was saved by ${had} ${had === 1 ? 'lane' : 'lanes'}, and the run has ${count}`,
    remedy: `run it with \`--lanes ${had}\`, or without the saved state`,
  });
}
