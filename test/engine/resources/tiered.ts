import {
  type Tier,
  type TieredOptions,
  TieredPipelineContext,
} from '../../../src/engine/resources/index.ts';

/** A tier for each resource, by its name. */
export type Tiers<R> = { readonly [Name in keyof R]: Tier<R[Name]> };

/** A context with tiers in the order in which they are written. */
export function tiered<R extends object>(
  pipelineId: string,
  tiers: Tiers<R>,
  options?: TieredOptions,
): TieredPipelineContext<R> {
  const context = new TieredPipelineContext(pipelineId, options);
  for (const [name, tier] of Object.entries(tiers as object)) {
    context.tier(name, tier as Tier<unknown>);
  }
  return context as object as TieredPipelineContext<R>;
}
