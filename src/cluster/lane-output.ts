import type { Encoder } from '../batch/codec/contract.ts';
import { copyBytes } from '../batch/copy-bytes.ts';
import { type Batch, Selection } from '../batch/index.ts';
import type { BatchSender } from '../batch/transfer.ts';
import type { ProductMessage } from './messages.ts';
import type { Slots } from './slots.ts';

/** The size of a slot: what most chunks become. */
export const outputBytes = 2_621_440;
const bytesAtFirst = 262_144;
/** So many rows of a piece of work are seen by whoever looks at what a sink is given, so often. */
const sampleRowsMax = 32;
const sampleEveryMs = 50;

/** What a lane has for a sink of one piece of work. */
export class LaneOutput {
  readonly #sink: string;
  readonly #encoder: Encoder | undefined;
  #batches: Batch[] = [];
  #rows = 0;
  readonly #slots: Slots;
  /** Where the bytes are gathered: in a slot, or, where there is none, in memory of this thread. */
  #slot: number | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  #sample: Batch | undefined;
  #sampledMs = -Infinity;
  readonly #nowMs: () => number;

  /** Without an encoder, batches go to the sink as they are. */
  constructor(sink: string, encoder: Encoder | undefined, slots: Slots, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#sink = sink;
    this.#slots = slots;
    this.#encoder = encoder;
  }

  /** Takes over the hold on a batch. */
  take(batch: Batch): void {
    if (this.#encoder === undefined) {
      this.#batches.push(batch);
      return;
    }
    this.#add(this.#encoder.encode(batch));
    this.#rows += batch.length;
    if (this.#sample === undefined && this.#nowMs() - this.#sampledMs >= sampleEveryMs) {
      this.#sampledMs = this.#nowMs();
      this.#sample = sampleOf(batch);
    }
    batch.release();
  }

  /** What there is, to be posted; nothing is left of it here. */
  finish(sender: BatchSender, transferList: ArrayBuffer[]): ProductMessage | undefined {
    const toMessage = (batch: Batch) => {
      const { message, transferList: moved } = sender.toMessage(batch);
      transferList.push(...moved);
      return message;
    };
    if (this.#batches.length > 0) {
      const batches = this.#batches.map(toMessage);
      this.#batches = [];
      return { sink: this.#sink, batches };
    }
    if (this.#rows === 0) return undefined;
    const [slot, length, rows] = [this.#slot, this.#length, this.#rows];
    const encoded = slot === undefined ? this.#bytes.slice(0, length) : { slot, length };
    if (encoded instanceof Uint8Array) transferList.push(encoded.buffer as ArrayBuffer);
    const sample = this.#sample === undefined ? null : toMessage(this.#sample);
    if (slot !== undefined) this.#bytes = new Uint8Array(0);
    this.#slot = undefined;
    this.#rows = this.#length = 0;
    this.#sample = undefined;
    return { sink: this.#sink, rows, encoded, sample };
  }

  #add(encoded: Uint8Array): void {
    const needed = this.#length + encoded.length;
    if (this.#length === 0) this.#begin(needed);
    if (needed > this.#bytes.length) this.#grow(needed);
    copyBytes(encoded, this.#bytes, this.#length);
    this.#length = needed;
  }

  #begin(bytes: number): void {
    this.#slot = this.#slots.take(bytes);
    if (this.#slot !== undefined) this.#bytes = this.#slots.view(this.#slot);
  }

  /** What no slot has room for goes on in memory of this thread. */
  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(bytesAtFirst, 2 * needed));
    copyBytes(this.#bytes.subarray(0, this.#length), grown, 0);
    if (this.#slot !== undefined) this.#slots.give(this.#slot);
    this.#slot = undefined;
    this.#bytes = grown;
  }
}

/** Some of its rows, spread over it, in columns of their own. */
function sampleOf(batch: Batch): Batch {
  const count = Math.min(sampleRowsMax, batch.length);
  const { rows, length } = batch;
  const spread = Uint32Array.from(
    { length: count },
    (_, at) => rows[Math.floor(((at + 1) * length) / count) - 1]!,
  );
  const selected = batch.select(new Selection(spread, count));
  const sample = selected.compact();
  selected.release();
  return sample;
}
