import type { Batch } from '../../batch/index.ts';
import { type Clock, isCut } from '../../core/index.ts';
import { reasonOf } from '../../errors.ts';
import type { Calls } from '../calls.ts';
import { inletOf } from '../inlet.ts';
import type { Observed } from '../observed.ts';
import type { SinkWriter } from '../sink-writer.ts';
import type { OptionalQueue } from './overflow-queue.ts';

/** A sink that takes nothing for so long, when all else is done, is waited for no longer. */
const stallMs = 5000;

export interface OptionalLaneParts {
  readonly writer: SinkWriter;
  readonly queue: OptionalQueue;
  readonly observed: Observed;
  readonly calls: Calls;
  readonly settle: (observed: Observed) => Promise<void>;
  readonly clock: Clock;
  /** Aborts what the sink is asked: when it is given up, and when the run is stopped at once. */
  readonly aborting: AbortController;
}

/** Takes the flow to a sink that nobody waits for. Whatever becomes of that, the run goes on. */
export class OptionalLane {
  readonly #parts: OptionalLaneParts;
  #running: Promise<void> = Promise.resolve();
  #flowsTaken = 0;
  /** Whether it has taken everything that came. */
  #isDone = false;
  #inHand: Batch | undefined;

  constructor(parts: OptionalLaneParts) {
    this.#parts = parts;
  }

  get id(): string {
    return this.#parts.writer.id;
  }

  /** Resolves when it takes no more. */
  get ended(): Promise<void> {
    return this.#running;
  }

  /** Opens the sink and takes what comes; what fails is told as a reason why the run is degraded. */
  start(): void {
    const { writer, calls, queue, aborting } = this.#parts;
    // Met by who waits for it to be open.
    writer.open().catch(() => {});
    this.#running = this.#run().then(
      () => {
        this.#isDone = true;
      },
      (error: unknown) => {
        if (aborting.signal.aborted) return;
        calls.degrade('failed', `has failed, and is given no more: ${reasonOf(error)}`);
        aborting.abort(error);
        queue.abandon();
      },
    );
  }

  /** Waits for what it still has, while it gets on, and until `isOver` resolves. Then it is given up. */
  async drain(isOver: Promise<unknown>): Promise<void> {
    const { clock, aborting } = this.#parts;
    for (let taken = -1; taken !== this.#flowsTaken;) {
      taken = this.#flowsTaken;
      const waited = new AbortController();
      const stalled = clock.sleep(stallMs, { signal: waited.signal }).catch(() => {});
      const ended = Promise.race([this.#running, isOver]).then(() => true);
      const hasEnded = await Promise.race([ended, stalled]);
      waited.abort();
      if (hasEnded === true) break;
    }
    if (!this.#isDone) aborting.abort(new Error('the run is over'));
  }

  /** Keeps or drops what the sink has not taken, and closes it. */
  async close(): Promise<void> {
    const { writer, queue, observed, aborting } = this.#parts;
    if (!this.#isDone) aborting.abort(new Error('the run is over'));
    const inHand = this.#inHand;
    this.#inHand = undefined;
    // What is on disk came to the sink, as far as the ledger goes, and is held.
    const kept = await queue.finish(inHand);
    observed.meter.rowsIn += kept;
    observed.tally.counted('spill.kept', kept);
    await writer.close();
  }

  async #run(): Promise<void> {
    const { writer, queue, observed, calls, settle, aborting } = this.#parts;
    const { signal } = aborting;
    const inlet = inletOf([queue]);
    // Until then all stays in the queue: what the sink was not given is known not to be stored.
    await writer.opened;
    for (;;) {
      const next = inlet.next();
      const flow = next instanceof Promise ? await observed.waited('idleMs', next) : next;
      if (flow === undefined) return;
      if (signal.aborted) {
        // Kept, or dropped, with what was in hand.
        if (!isCut(flow)) this.#inHand = flow;
        if (!isCut(flow)) observed.meter.rowsIn += flow.length;
        throw signal.reason;
      }
      if (isCut(flow)) await writer.commit(flow);
      else {
        this.#inHand = flow.retain();
        await writer.write(flow);
        this.#inHand?.release();
        this.#inHand = undefined;
        await settle(observed);
      }
      this.#flowsTaken++;
      if (queue.fill < 0.5) calls.recovered('overflow');
    }
  }
}
