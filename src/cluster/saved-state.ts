import type { JsonValue } from '../batch/index.ts';
import { PipelineError } from '../errors.ts';

export interface SavedStateParts {
  readonly stages: readonly string[];
  /** Sources of whose event time every lane keeps account. */
  readonly sources: readonly string[];
  readonly stateOf: (id: string) => JsonValue | undefined;
  readonly count: number;
}

/** What each lane begins with, by id: of stages its own part, of sources all. */
export function savedStates({
  stages,
  sources,
  stateOf,
  count,
}: SavedStateParts): Readonly<Record<string, JsonValue>>[] {
  const saved = (ids: readonly string[]): [string, JsonValue][] =>
    ids.flatMap((id) => {
      const state = stateOf(id);
      return state === undefined ? [] : [[id, state]];
    });
  const shared = Object.fromEntries(saved(sources));
  const parted = saved(stages).map(([id, state]) => [id, partsOf(id, state, count)] as const);
  return Array.from({ length: count }, (_, index) => ({
    ...shared,
    ...Object.fromEntries(parted.map(([id, parts]) => [id, parts[index]!])),
  }));
}

/** What each of so many lanes held of a stage. Throws where that was saved by another number of them. */
function partsOf(id: string, saved: JsonValue, count: number): readonly JsonValue[] {
  const { lanes } = (saved ?? {}) as { readonly lanes?: JsonValue };
  if (Array.isArray(lanes) && lanes.length === count) return lanes;
  const had = Array.isArray(lanes) ? lanes.length : 1;
  throw new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: id,
    fact: `its state was saved by ${had} ${had === 1 ? 'lane' : 'lanes'}, and the run has ${count}`,
    remedy: `run it with \`--lanes ${had}\`, or without the saved state`,
  });
}
