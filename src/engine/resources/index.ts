// Resources that are opened in tiers and closed in reverse. Nothing of it needs a pipeline.
export {
  TieredPipelineContext,
  type TieredOptions,
  type TieredStage,
  type TieredSummary,
} from './context.ts';
export type { Tier } from './tier.ts';
export type { TierHealth, TierState } from '../../observe/snapshot.ts';
