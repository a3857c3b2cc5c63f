import type { JsonValue } from '../batch/index.ts';
import { isOfLanes, savedElsewhere } from '../engine/state-of-lanes.ts';
import { PipelineError } from '../errors.ts';

export interface SavedStateParts {
  readonly stages: readonly string[];
  /** Sources of whose event time every lane keeps account. */
  readonly sources: readonly string[];
  readonly stateOf: (id: string) => JsonValue | undefined;
  readonly count: number;
  /** The fields by whose values rows go to lanes. */
  readonly by: readonly string[] | null;
}

/** What each lane begins with, by id: of stages its own part, of sources all. */
export function savedStates({
  stages,
  sources,
  stateOf,
  ...lanes
}: SavedStateParts): Readonly<Record<string, JsonValue>>[] {
  const saved = (ids: readonly string[]): [string, JsonValue][] =>
    ids.flatMap((id) => {
      const state = stateOf(id);
      return state === undefined ? [] : [[id, state]];
    });
  const shared = Object.fromEntries(saved(sources));
  const parted = saved(stages).map(([id, state]) => [id, partsOf(id, state, lanes)] as const);
  return Array.from({ length: lanes.count }, (_, index) => ({
    ...shared,
    ...Object.fromEntries(parted.map(([id, parts]) => [id, parts[index]!])),
  }));
}

/** What each lane held of a stage. Throws where it was saved by others, or by lanes with other rows. */
function partsOf(
  id: string,
  saved: JsonValue,
  { count, by }: Pick<SavedStateParts, 'count' | 'by'>,
): readonly JsonValue[] {
  if (!isOfLanes(saved) || saved.lanes.length !== count) throw savedElsewhere(id, saved, count);
  if (JSON.stringify(saved.routedBy) === JSON.stringify(by)) return saved.lanes;
  throw new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: id,
    fact: `its state was saved by lanes that had rows by [${saved.routedBy}]; those of the run have them by [${by}]`,
    remedy: 'run it with the stages it had, or without the saved state',
  });
}
