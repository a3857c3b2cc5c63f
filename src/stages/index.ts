import type { StageDefinition } from '../core/index.ts';
import { branch } from './branch.ts';
import { cast } from './cast.ts';
import { derive } from './derive.ts';
import { filter } from './filter.ts';
import { flatMap } from './flat-map.ts';
import { mapAsync } from './map-async.ts';
import { map } from './map.ts';
import { merge } from './merge.ts';
import { rename } from './rename.ts';
import { sample } from './sample.ts';
import { select } from './select.ts';
import { tap } from './tap.ts';

export { branch, type BranchOptions } from './branch.ts';
export { cast, type CastFields, type CastOptions } from './cast.ts';
export {
  bool,
  category,
  type Derivation,
  derive,
  type DerivedKind,
  float64,
  int32,
  int64,
  json,
  text,
  timestamp,
} from './derive.ts';
export { filter, type FilterOptions } from './filter.ts';
export { flatMap } from './flat-map.ts';
export { mapAsync, type MapAsyncOptions } from './map-async.ts';
export { map } from './map.ts';
export { merge } from './merge.ts';
export { rename, type RenamedFields, type RenameOptions } from './rename.ts';
export { sample, type SampleOptions } from './sample.ts';
export { select, type SelectedFields, type SelectOptions } from './select.ts';
export { tap } from './tap.ts';

/** Every stage there is, in the order in which they are listed. */
export const stages: readonly StageDefinition[] = [
  branch,
  cast,
  derive,
  filter,
  flatMap,
  map,
  mapAsync,
  merge,
  rename,
  sample,
  select,
  tap,
];
