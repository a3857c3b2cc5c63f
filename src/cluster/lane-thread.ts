import type { MessagePort, Worker } from 'node:worker_threads';

import { Chunk } from '../batch/codec/chunks.ts';
import { type Batch, EncodedBatch } from '../batch/index.ts';
import { BatchReceiver, BatchSender } from '../batch/transfer.ts';
import type { Clock } from '../core/index.ts';
import type { AsRead } from '../engine/event-time.ts';
import type { Observed } from '../engine/observed.ts';
import { Load } from '../engine/run/load.ts';
import { laneOf } from '../engine/run/stats.ts';
import { PipelineError, reasonOf } from '../errors.ts';
import { Histogram, HistogramMark } from '../observe/histogram.ts';
import { SharedMeter, sharedMeterBytes } from '../observe/shared-meter.ts';
import type { LaneStats } from '../observe/snapshot.ts';
import { errorOf } from './error-message.ts';
import type { CutMessage, FromLane, LaneSettings, ProductMessage, ToLane } from './messages.ts';
import { laneId } from './lane-workers.ts';
import { outputBytes } from './lane-output.ts';
import { Slots } from './slots.ts';

/** As many outputs as may wait to be written. */
const outputSlots = 12;

/** What came of a piece of work. */
export type Done = Extract<FromLane, { readonly type: 'done' }>;

export interface LaneThreadParts {
  readonly settings: Omit<LaneSettings, 'memory' | 'output'>;
  readonly worker: Worker;
  /** The ids of sources and stages, in the order of the plan. */
  readonly ids: readonly string[];
  readonly clock: Clock;
  readonly done: (lane: number, message: Done) => void;
  readonly log: (message: Extract<FromLane, { readonly type: 'log' }>) => void;
  readonly failed: (error: unknown) => void;
}

/** What is known of a component on a lane. */
interface Measured {
  readonly id: string;
  readonly shared: SharedMeter;
  readonly mark: HistogramMark;
  busyMs: number;
}

/** The run's side of one lane: its thread, and what is measured there. */
export class LaneThread {
  readonly id: string;
  readonly load: Load;
  readonly #worker: Worker;
  readonly #sender = new BatchSender();
  readonly #receiver = new BatchReceiver();
  /** What it was given and has not done, by number: chunks, whose bytes it reads, are held so long. */
  readonly #given = new Map<number, Chunk | undefined>();
  readonly #output: Slots;
  readonly #measured: readonly Measured[];
  readonly #work = new Histogram();
  readonly #more = new Histogram();
  #isEnding = false;

  constructor({ settings, worker, ids, clock, done, log, failed }: LaneThreadParts) {
    const { index } = settings;
    this.id = laneId(index);
    const memory = new SharedArrayBuffer(ids.length * sharedMeterBytes);
    const output = Slots.memory(outputSlots, outputBytes);
    this.#output = new Slots(output, outputBytes);
    this.#measured = ids.map((id, at) => ({
      id,
      shared: new SharedMeter(memory, at),
      mark: new HistogramMark(),
      busyMs: 0,
    }));
    this.#worker = worker;
    worker.on('message', (message: FromLane) => {
      if (message.type === 'done') {
        this.#done(message);
        done(index, message);
      } else if (message.type === 'log') log(message);
      else if (message.type === 'failed') failed(errorOf(message.error));
    });
    worker.on('messageerror', (error) => failed(this.#lost(error)));
    worker.on('error', (error) => failed(this.#lost(error)));
    worker.once('exit', (code) => {
      if (!this.#isEnding) failed(this.#lost(new Error(`it exited with code ${code}`)));
    });
    const peers = settings.peers.filter((peer): peer is MessagePort => peer !== null);
    worker.postMessage({ ...settings, memory, output } satisfies LaneSettings, peers);
    this.load = new Load({
      startedMs: clock.monotonic(),
      times: () =>
        new Map(
          this.#measured.map(({ id, shared }) => [
            id,
            { busyMs: shared.read(this.#work), waitingMs: 0 },
          ]),
        ),
      loop: (...marks) => worker.performance.eventLoopUtilization(...marks),
    });
  }

  /** Pieces of work that it was given and that are not done. */
  get inFlight(): number {
    return this.#given.size;
  }

  /**
   * Gives it a piece of work. `asRead`: when it was read, where its rows are looked at there. Takes
   * over the hold on the batch.
   */
  give(sequence: number, source: number, batch: Batch, asRead: AsRead | null): void {
    if (batch instanceof Chunk && batch.data.buffer instanceof SharedArrayBuffer) {
      const { data: bytes, names: columns, origin } = batch;
      const place = { partition: origin.partition, position: origin.position(0) };
      this.#given.set(sequence, batch);
      this.#post({ type: 'chunk', sequence, source, bytes, ...place, columns, asRead }, []);
      return;
    }
    const { message, transferList } = this.#sender.toMessage(batch);
    this.#given.set(sequence, undefined);
    this.#post({ type: 'batch', sequence, source, batch: message, asRead }, transferList);
  }

  #done({ sequence }: Done): void {
    this.#given.get(sequence)?.release();
    this.#given.delete(sequence);
  }

  /** What it encoded, until that is freed. */
  *products(product: ProductMessage): Generator<Batch> {
    if ('batches' in product) {
      for (const message of product.batches) yield this.#receiver.fromMessage(message);
      return;
    }
    const { rows, encoded } = product;
    const sample = product.sample === null ? null : this.#receiver.fromMessage(product.sample);
    if (encoded instanceof Uint8Array) {
      yield new EncodedBatch(rows, encoded, sample, () => {});
      return;
    }
    const { slot, length } = encoded;
    const bytes = this.#output.view(slot).subarray(0, length);
    yield new EncodedBatch(rows, bytes, sample, () => this.#output.give(slot));
  }

  pass(cut: CutMessage): void {
    this.#post(cut, []);
  }

  #post(message: ToLane, transferList: ArrayBuffer[]): void {
    this.#worker.postMessage(message, transferList);
  }

  /** Adds to the figures of the run what was measured here since this was last called. */
  measure(observedOf: (id: string) => Observed): void {
    for (const measured of this.#measured) {
      const { meter } = observedOf(measured.id);
      const busyMs = measured.shared.read(this.#work);
      meter.busyMs += busyMs - measured.busyMs;
      measured.busyMs = busyMs;
      this.#work.since(measured.mark, this.#more);
      meter.work.merge(this.#more);
    }
  }

  /** Milliseconds of a component here that are in the figures of the run. */
  busyMs(id: string): number {
    return this.#measured.find((one) => one.id === id)?.busyMs ?? 0;
  }

  /** `share`: how much of the work that it may be given at a time it has. */
  stats(nowMs: number, share: number): LaneStats {
    return { ...laneOf(this.id, this.load.at(nowMs), {}), queueFill: Math.min(1, share) };
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#worker.terminate();
  }

  #lost(cause: unknown): PipelineError {
    return new PipelineError({
      code: 'ERR_LANE_FAILED',
      place: this.id,
      fact: `its thread ended: ${reasonOf(cause)}`,
      remedy: 'what was not committed is read again where the run resumes; or run with one lane',
      cause,
    });
  }
}
