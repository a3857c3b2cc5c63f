import type { Encoder } from '../batch/codec/contract.ts';
import { copyBytes } from '../batch/copy-bytes.ts';
import { type Batch, Selection } from '../batch/index.ts';
import type { BatchMessage, BatchSender } from '../batch/transfer.ts';
import type { ProductMessage } from './messages.ts';
import type { Slots } from './slots.ts';

/** The size of a slot: of some batches, encoded. */
export const outputBytes = 2_621_440;
/** Where there is no slot, memory of this thread is taken, this much at least. */
const ownBytesMin = 262_144;
/** So many rows of a piece of work are seen by whoever looks at what a sink is given, so often. */
const sampleRowsMax = 32;
const sampleEveryMs = 50;

/** Batches that were encoded one behind the other. */
interface Part {
  /** Undefined where the bytes are memory of this thread. */
  readonly slot: number | undefined;
  readonly bytes: Uint8Array;
  length: number;
  rows: number;
}

/** What a lane has for a sink of one piece of work. */
export class LaneOutput {
  readonly #sink: string;
  readonly #encoder: Encoder | undefined;
  readonly #slots: Slots;
  readonly #nowMs: () => number;
  #batches: Batch[] = [];
  #parts: Part[] = [];
  #sample: Batch | undefined;
  #sampledMs = -Infinity;

  /** Without an encoder, batches go to the sink as they are. */
  constructor(sink: string, encoder: Encoder | undefined, slots: Slots, nowMs: () => number) {
    this.#sink = sink;
    this.#encoder = encoder;
    this.#slots = slots;
    this.#nowMs = nowMs;
  }

  /** Takes over the hold on a batch. */
  take(batch: Batch): void {
    if (this.#encoder === undefined) {
      this.#batches.push(batch);
      return;
    }
    this.#add(this.#encoder.encode(batch), batch.length);
    if (this.#sample === undefined && this.#nowMs() - this.#sampledMs >= sampleEveryMs) {
      this.#sampledMs = this.#nowMs();
      this.#sample = sampleOf(batch);
    }
    batch.release();
  }

  /** What there is, to be posted in that order; nothing is left of it here. */
  finish(sender: BatchSender, transferList: ArrayBuffer[]): ProductMessage[] {
    const sink = this.#sink;
    const toMessage = (batch: Batch): BatchMessage => {
      const { message, transferList: moved } = sender.toMessage(batch);
      transferList.push(...moved);
      return message;
    };
    const [batches, parts, sample] = [this.#batches, this.#parts, this.#sample];
    [this.#batches, this.#parts, this.#sample] = [[], [], undefined];
    if (batches.length > 0) return [{ sink, batches: batches.map(toMessage) }];
    return parts.map(({ slot, bytes, length, rows }, at) => {
      if (slot === undefined) transferList.push(bytes.buffer as ArrayBuffer);
      return {
        sink,
        rows,
        encoded: slot === undefined ? bytes.subarray(0, length) : { slot, length },
        sample: at > 0 || sample === undefined ? null : toMessage(sample),
      };
    });
  }

  #add(encoded: Uint8Array, rows: number): void {
    let part = this.#parts.at(-1);
    if (part === undefined || part.length + encoded.length > part.bytes.length) {
      part = this.#begin(encoded.length);
      this.#parts.push(part);
    }
    copyBytes(encoded, part.bytes, part.length);
    part.length += encoded.length;
    part.rows += rows;
  }

  #begin(bytes: number): Part {
    const slot = this.#slots.take(bytes);
    const room =
      slot === undefined ? new Uint8Array(Math.max(ownBytesMin, bytes)) : this.#slots.view(slot);
    return { slot, bytes: room, length: 0, rows: 0 };
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
