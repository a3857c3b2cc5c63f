import type { StageDefinition } from '../core/index.ts';
import { branch } from './branch.ts';
import { cast } from './cast.ts';
import { dedupe } from './dedupe.ts';
import { derive } from './derive.ts';
import { detectAnomalies } from './detect-anomalies.ts';
import { features } from './features.ts';
import { filter } from './filter.ts';
import { flatMap } from './flat-map.ts';
import { mapAsync } from './map-async.ts';
import { map } from './map.ts';
import { merge } from './merge.ts';
import { movingAverage } from './moving-average.ts';
import { normalize } from './normalize.ts';
import { rename } from './rename.ts';
import { sample } from './sample.ts';
import { select } from './select.ts';
import { tap } from './tap.ts';
import { threshold } from './threshold.ts';
import { window } from './window.ts';

export { branch, type BranchOptions } from './branch.ts';
export { cast, type CastFields, type CastOptions } from './cast.ts';
export { dedupe, type DedupeOptions } from './dedupe.ts';
export {
  bool,
  bytes,
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
export {
  detectAnomalies,
  type DetectAnomaliesOptions,
  type Detectors,
} from './detect-anomalies.ts';
export { type Feature, features, type FeaturesOptions } from './features.ts';
export { filter, type FilterOptions } from './filter.ts';
export { flatMap } from './flat-map.ts';
export { mapAsync, type MapAsyncOptions } from './map-async.ts';
export { map } from './map.ts';
export { merge } from './merge.ts';
export { movingAverage, type MovingAverageOptions } from './moving-average.ts';
export { normalize, type NormalizeOptions } from './normalize.ts';
export { rename, type RenamedFields, type RenameOptions } from './rename.ts';
export { sample, type SampleOptions } from './sample.ts';
export { select, type SelectedFields, type SelectOptions } from './select.ts';
export { tap } from './tap.ts';
export { threshold, type ThresholdOptions } from './threshold.ts';
export { window, type WindowFields, type WindowOptions } from './window.ts';

/** Every stage there is, in the order in which they are listed. */
export const stages: readonly StageDefinition[] = [
  branch,
  cast,
  dedupe,
  derive,
  detectAnomalies,
  features,
  filter,
  flatMap,
  map,
  mapAsync,
  merge,
  movingAverage,
  normalize,
  rename,
  sample,
  select,
  tap,
  threshold,
  window,
];
