import type { Batch } from '../../batch/index.ts';
import { type Clock, Cut, isCut } from '../../core/index.ts';
import { within } from '../../core/within.ts';
import { reasonOf } from '../../errors.ts';
import type { Calls } from '../calls.ts';
import { inletOf } from '../inlet.ts';
import type { Observed } from '../observed.ts';
import type { SinkWriter } from '../sink-writer.ts';
import type { OptionalQueue } from './overflow-queue.ts';

/** A sink that takes nothing for so long, when all else is done, is waited for no longer. */
const stallMs = 5000;

/** How long a sink that is given up may take to commit what it has taken. */
const lastCommitMsMax = 1000;

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
  /** Whether it is to take no more, and to commit what it has. */
  #isLeaving = false;
  /** Whether it has taken anything since its last commit. */
  #isUncommitted = false;
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  /** The last cut that came. */
  #cut = new Cut(0);
  #inHand: Batch | undefined;
  #finished: Promise<void> | undefined;

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

  /** Resolves when rows may come: else those of now could be dropped while older ones are looked for. */
  get waits(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * Opens the sink, and takes what comes from then on. Resolves when it is open; what fails is told
   * as a reason why the run is degraded.
   */
  async open(signal: AbortSignal): Promise<void> {
    const { writer, calls, queue, aborting, clock } = this.#parts;
    await clock.hold(queue.start());
    const opening = writer.open(signal);
    this.#running = this.#run(writer.opened).then(
      (isDone) => {
        this.#isDone = isDone;
      },
      (error: unknown) => {
        if (aborting.signal.aborted) return;
        calls.degrade('failed', `has failed, and is given no more: ${reasonOf(error)}`);
        aborting.abort(error);
        queue.abandon();
      },
    );
    this.#ready.resolve();
    await opening;
  }

  /**
   * Waits for what it still has, while it gets on, and until `isOver` resolves. Then it commits what it
   * has taken, where it can, and is given up.
   */
  async drain(isOver: Promise<unknown>): Promise<void> {
    const { clock, aborting } = this.#parts;
    const ended = Promise.race([this.#running, isOver]);
    for (let taken = -1; taken !== this.#flowsTaken;) {
      taken = this.#flowsTaken;
      const hasEnded = ended.then(() => true);
      if (await within({ clock, limitMs: stallMs }, hasEnded, () => false)) break;
    }
    this.#isLeaving = true;
    if (!this.#isDone && this.#isUncommitted) {
      await within({ clock, limitMs: lastCommitMsMax }, this.#running, () => {});
    }
    if (!this.#isDone) aborting.abort(new Error('the run is over'));
  }

  /** Keeps or drops what the sink has not taken, and closes it. */
  async close(): Promise<void> {
    await (this.#finished ??= this.#finish());
    await this.#parts.writer.close();
  }

  async #finish(): Promise<void> {
    const { queue, observed, aborting } = this.#parts;
    if (!this.#isDone) aborting.abort(new Error('the run is over'));
    const inHand = this.#inHand;
    this.#inHand = undefined;
    const kept = await queue.finish(inHand);
    observed.tally.counted('spill.kept', kept);
  }

  /** Whether it has come to the end. */
  async #run(opened: Promise<void>): Promise<boolean> {
    const { writer, queue, observed, calls, settle, aborting } = this.#parts;
    const { signal } = aborting;
    const inlet = inletOf([queue]);
    // Until then all stays in the queue: what the sink was not given is known not to be stored.
    await opened;
    for (;;) {
      const next = inlet.next();
      const { lastMs } = observed;
      if (next instanceof Promise) observed.waits('idleMs', lastMs);
      const flow = await next;
      if (next instanceof Promise) {
        // It may have come from disk.
        observed.now();
        observed.waited('idleMs');
      }
      if (flow === undefined) return true;
      if (signal.aborted) {
        // Kept, or dropped, with what was in hand.
        if (!isCut(flow)) this.#inHand = flow;
        throw signal.reason;
      }
      if (isCut(flow)) await this.#commit(flow);
      else {
        this.#inHand = flow.retain();
        await writer.take(flow);
        this.#isUncommitted = true;
        this.#inHand?.release();
        this.#inHand = undefined;
        await settle(observed);
      }
      this.#flowsTaken++;
      if (queue.fill < 0.5) calls.recovered('overflow');
      if (!this.#isLeaving) continue;
      if (this.#isUncommitted) await this.#commit(this.#cut);
      return false;
    }
  }

  async #commit(cut: Cut): Promise<void> {
    const { writer, queue } = this.#parts;
    this.#cut = cut;
    await writer.commit(cut);
    this.#isUncommitted = false;
    await queue.committed();
  }
}
