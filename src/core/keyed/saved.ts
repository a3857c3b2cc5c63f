import type { JsonValue } from '../../batch/index.ts';
import { PipelineError } from '../../errors.ts';

/** What a snapshot of keyed state holds: what it is kept by, the keys in the order of their slots. */
export interface SavedState {
  readonly by: readonly JsonValue[];
  readonly kinds: readonly JsonValue[];
  readonly keys: readonly JsonValue[];
  readonly tables: Readonly<Record<string, JsonValue>>;
}

/** Throws `ERR_SNAPSHOT_INVALID` where `state` is something else altogether. */
export function savedStateOf(state: JsonValue): SavedState {
  const { by, kinds, keys, tables } = (state ?? {}) as Partial<SavedState>;
  const isSaved =
    Array.isArray(by) &&
    Array.isArray(kinds) &&
    Array.isArray(keys) &&
    typeof tables === 'object' &&
    tables !== null;
  if (!isSaved) throw misfit('it is not the state of a stage with keys');
  return state as unknown as SavedState;
}

export function misfit(fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: 'state',
    fact,
    remedy: 'run the stage with the options it had, or start without its state',
  });
}
