import type { Cut, StageInstance } from '../core/index.ts';
import { isPipelineError, PipelineError, reasonOf } from '../errors.ts';
import type { Cuts } from './checkpoint.ts';
import type { Inlet } from './inlet.ts';
import type { Observed } from './observed.ts';
import type { Outlet } from './outlet.ts';
import type { PlannedStage } from './planned.ts';
import { failedAs } from './protocol.ts';

/** A stage that was created for a run. */
export interface StageNodeParts {
  readonly planned: PlannedStage;
  readonly instance: StageInstance;
  readonly observed: Observed;
  /** Says that no more rows will come to it. */
  readonly inputEnded: () => void;
}

/** What a loop over one or more stages is given. */
export interface StageLoopParts {
  /** Neighbours that run in one hop: batch functions, each with one input and one reader. */
  readonly nodes: readonly StageNodeParts[];
  readonly inlet: Inlet;
  readonly outlet: Outlet;
  readonly cuts: Cuts;
  /** Whether cuts are saved anywhere, so that state is worth a snapshot. */
  readonly saves: boolean;
  /** Whether the run was asked to stop before its input ended. */
  readonly isStopping: () => boolean;
  /** Takes failed rows to the dead letters. */
  readonly settle: (observed: Observed) => Promise<void>;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
}

/** Adds the state of a stage to the cut that passes it. */
export function saveState(
  { cuts, saves }: StageLoopParts,
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
export function threwOnBatch(place: string, error: unknown): unknown {
  if (isPipelineError(error) && error.code !== 'ERR_BATCH_RELEASED') return error;
  return new PipelineError({
    code: 'ERR_STAGE_FAILED',
    place,
    fact: `failed on a whole batch: ${reasonOf(error)}`,
    remedy:
      'a stage reports rows that fail with report.failed and throws only when it cannot go on',
    cause: error,
  });
}
