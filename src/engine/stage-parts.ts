import type { Cut, StageInstance } from '../core/index.ts';
import { isPipelineError, PipelineError } from '../errors.ts';
import type { FlowParts } from './flow-parts.ts';
import type { Observed } from './observed.ts';
import type { PlannedStage } from './planned.ts';
import { failedAs } from './protocol.ts';
import { thrownText } from './report.ts';

/** A stage that was created for a run. */
export interface StageNodeParts {
  readonly planned: PlannedStage;
  readonly instance: StageInstance;
  readonly observed: Observed;
  /** Whether what it throws on records may be told, which may quote them. */
  readonly logBodies: boolean;
  /** Says that no more rows will come to it. */
  readonly inputEnded: () => void;
}

/** What a loop over one or more stages is given. */
export interface StageLoopParts extends FlowParts {
  /** Neighbours that run in one hop: batch functions, each with one input and one reader. */
  readonly nodes: readonly StageNodeParts[];
}

/** Adds the state of a stage to the cut that passes it. */
export function saveState(
  { cuts, saves }: Pick<StageLoopParts, 'cuts' | 'saves'>,
  { planned, instance, observed }: StageNodeParts,
  cut: Cut,
): void {
  if (!saves || typeof instance === 'function' || instance.snapshot === undefined) return;
  try {
    // A copy: the sinks have yet to commit, and the stage goes on with what it gave.
    cuts.snapshot(cut, planned.node.id, structuredClone(instance.snapshot()));
  } catch (error) {
    throw failedAs('ERR_STAGE_FAILED', observed.id, 'could not snapshot its state', error);
  }
}

/** A stage that threw on a batch. An error of ours that says its place stays as it is. */
export function threwOnBatch({ observed, logBodies }: StageNodeParts, error: unknown): unknown {
  if (isPipelineError(error) && error.code !== 'ERR_BATCH_RELEASED') return error;
  return new PipelineError({
    code: 'ERR_STAGE_FAILED',
    place: observed.id,
    fact: `failed on a whole batch: ${thrownText(error, logBodies)}`,
    remedy:
      'a stage reports rows that fail with report.failed and throws only when it cannot go on',
    cause: error,
  });
}
