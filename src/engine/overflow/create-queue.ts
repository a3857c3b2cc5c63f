import { join } from 'node:path';

import { stateDirectory } from '../../core/state-directory.ts';
import { reasonOf } from '../../errors.ts';
import type { Calls } from '../calls.ts';
import type { Observed } from '../observed.ts';
import type { Plan, PlannedSink } from '../planned.ts';
import { type DropReason, type OptionalQueue, OverflowQueue } from './overflow-queue.ts';
import { Waits } from './waits.ts';

export interface OptionalQueueParts {
  readonly plan: Plan;
  readonly planned: PlannedSink;
  readonly observed: Observed;
  readonly calls: Calls;
  readonly signal: AbortSignal;
}

/** Makes the queue before a sink that nobody waits for, as its `overflow` says. */
export async function createOptionalQueue(parts: OptionalQueueParts): Promise<OptionalQueue> {
  const { plan, planned, observed, calls } = parts;
  const { overflow } = planned.node;
  const { meter, tally } = observed;
  const dropped = (rows: number, reason: DropReason): void => {
    meter.rowsIn += rows;
    tally.dropped(reason, rows);
    if (reason === 'overflow') calls.degrade('overflow', 'takes less than comes: rows are dropped');
  };
  const limits = plan.settings.queue;
  const waits = new Waits(observed);
  if (typeof overflow !== 'object') {
    return new OverflowQueue({ limits, overflow: overflow ?? 'dropOldest', waits, dropped });
  }
  const { clock, files } = plan.outside;
  const { SpillSegments } = await clock.hold(import('./spill-segments.ts'));
  const { SpillQueue } = await clock.hold(import('./spill-queue.ts'));
  const segments = new SpillSegments({
    files,
    directory: spillDirectory(plan.name, planned.node.id),
    bytesMax: overflow.spill.bytesMax,
    schema: planned.input,
    events: {
      dropped: (rows) => dropped(rows, 'overflow'),
      replayed: (rows) => tally.counted('spill.replayed', rows),
      damaged: (rows) => {
        meter.rowsIn += rows;
        tally.dropped('spill.damaged', rows);
        tally.counted('spill.damaged', 1);
      },
    },
  });
  return new SpillQueue({
    limits,
    waits,
    segments,
    clock,
    dropped,
    failed: (error) => {
      tally.counted('spill.failed', 1);
      calls.degrade('spill', `cannot spill to disk: ${reasonOf(error)}`);
    },
    signal: parts.signal,
  });
}

/** Where a sink's batches go that memory has no room for. */
export function spillDirectory(pipeline: string, sink: string): string {
  const name = sink.replaceAll(/[^A-Za-z0-9_-]/g, (sign) => encodeURIComponent(sign));
  return join(stateDirectory(process.env, pipeline), 'spill', name);
}
