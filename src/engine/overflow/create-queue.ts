import { reasonOf } from '../../errors.ts';
import { spillFileSetAside } from '../../observe/events.ts';
import type { Calls } from '../calls.ts';
import type { Observed } from '../observed.ts';
import type { Plan, PlannedSink } from '../planned.ts';
import { type OptionalQueue, OverflowQueue, type QueueEvents } from './overflow-queue.ts';
import { spillDirectory } from './spill-directory.ts';
import { Waits } from './waits.ts';

export interface OptionalQueueParts {
  readonly plan: Plan;
  readonly planned: PlannedSink;
  readonly observed: Observed;
  readonly calls: Calls;
}

/** Makes the queue before a sink that nobody waits for, as its `overflow` says. */
export async function createOptionalQueue(parts: OptionalQueueParts): Promise<OptionalQueue> {
  const { plan, planned, observed, calls } = parts;
  const { overflow } = planned.node;
  const { meter, tally } = observed;
  const waits = new Waits(observed);
  const events: QueueEvents = {
    arrived: (batch) => {
      meter.rowsIn += batch.length;
      waits.began(batch);
    },
    given: (flow) => waits.ended(flow),
    dropped: (rows, reason) => {
      tally.dropped(reason, rows);
      if (reason === 'overflow' && rows > 0) {
        calls.degrade('overflow', 'takes less than comes: rows are dropped');
      }
    },
  };
  const limits = plan.settings.queue;
  if (typeof overflow !== 'object') {
    return new OverflowQueue(limits, overflow ?? 'dropOldest', events);
  }
  const { clock, files } = plan.outside;
  const { SpillSegments } = await clock.hold(import('./spill-segments.ts'));
  const { SpillQueue } = await clock.hold(import('./spill-queue.ts'));
  const failed = (error: unknown): void => {
    tally.counted('spill.failed', 1);
    calls.degrade('spill', `its files cannot be written or read: ${reasonOf(error)}`);
  };
  const segments = new SpillSegments({
    files,
    directory: spillDirectory(plan.name, planned.node.id),
    bytesMax: overflow.spill.bytesMax,
    schema: planned.input,
    events: {
      found: (rows) => {
        meter.rowsIn += rows;
        tally.counted('spill.found', rows);
      },
      dropped: (rows) => events.dropped(rows, 'overflow'),
      setAside: ({ path, reason, rows, message }) => {
        tally.dropped(`spill.${reason}`, rows);
        tally.counted(`spill.${reason}`, 1);
        observed.emit(spillFileSetAside, { id: observed.id, path, rows, reason: message });
      },
      failed,
    },
  });
  return new SpillQueue({
    limits,
    commitEveryMs: plan.settings.checkpoint.everyMs,
    segments,
    clock,
    events,
    failed,
    recovered: () => calls.recovered('spill'),
  });
}
