import { Buffer } from 'node:buffer';

import type { JsonValue } from '../../batch/index.ts';
import { PipelineError } from '../../errors.ts';

// Where a record begins is computed in 32 bits.
const cellsMax = 2 ** 31 - 1;

/** What state keeps for each slot, and how that is saved. */
export interface StateTable {
  /** What it keeps, with every option that shapes it: state of another name is refused. */
  readonly name: string;
  /** Makes room for slots 0 … `slots` − 1. */
  reserve(slots: number): void;
  encode(slots: number): JsonValue;
  /** False where what was saved does not fit. */
  decode(saved: JsonValue | undefined, slots: number): boolean;
}

/** Numbers as base64 of little-endian bytes: exact, and fast. */
export function encodeNumbers(numbers: Float64Array<ArrayBuffer>): string {
  return base64Of(numbers);
}

/** What `encodeNumbers` wrote; undefined where it is nothing of that kind. */
export function decodeNumbers(saved: JsonValue): Float64Array<ArrayBuffer> | undefined {
  if (typeof saved !== 'string') return undefined;
  const bytes = bytesOf(saved, Buffer.byteLength(saved, 'base64') / 8, 8);
  return bytes && new Float64Array(bytes.buffer);
}

/**
 * A record for each slot: `width` float64 and `countersWidth` int32, each in one array that grows
 * with the slots. What a kernel knows of a key is in its record, so this is all there is to save.
 */
export class SlotTable implements StateTable {
  /** What the records are, with every option that shapes them: state of another name is refused. */
  readonly name: string;
  readonly width: number;
  readonly countersWidth: number;
  /** Slot s has `width` elements from `s * width`. Another array after `reserve`. */
  values: Float64Array = new Float64Array(0);
  /** Slot s has `countersWidth` elements from `s * countersWidth`. Another array after `reserve`. */
  counters: Int32Array = new Int32Array(0);

  constructor(name: string, width: number, countersWidth: number) {
    this.name = name;
    this.width = width;
    this.countersWidth = countersWidth;
  }

  /** Makes room for slots 0 … `slots` − 1. */
  reserve(slots: number): void {
    const cells = slots * this.width;
    if (cells > cellsMax) throw tooLarge(this.name, slots);
    if (cells > this.values.length) {
      const grown = new Float64Array(Math.min(cellsMax, Math.max(cells, this.values.length * 2)));
      grown.set(this.values);
      this.values = grown;
    }
    const counts = slots * this.countersWidth;
    if (counts > this.counters.length) {
      const grown = new Int32Array(Math.max(counts, this.counters.length * 2));
      grown.set(this.counters);
      this.counters = grown;
    }
  }

  /** The slot itself. One given as `~slot` has a new key: its record is zeroed first. */
  open(slot: number): number {
    return slot >= 0 ? slot : this.#clear(~slot);
  }

  #clear(slot: number): number {
    this.values.fill(0, slot * this.width, (slot + 1) * this.width);
    this.counters.fill(0, slot * this.countersWidth, (slot + 1) * this.countersWidth);
    return slot;
  }

  /** The records of slots 0 … `slots` − 1 as base64 of little-endian bytes: exact, and fast. */
  encode(slots: number): JsonValue {
    return {
      values: base64Of(this.values.slice(0, slots * this.width)),
      counters: base64Of(this.counters.slice(0, slots * this.countersWidth)),
    };
  }

  /** Takes up the records of slots 0 … `slots` − 1; false where they do not fit. */
  decode(saved: JsonValue | undefined, slots: number): boolean {
    const { values, counters } = (saved ?? {}) as Record<string, JsonValue>;
    const valueBytes = bytesOf(values, slots * this.width, 8);
    const counterBytes = bytesOf(counters, slots * this.countersWidth, 4);
    if (valueBytes === undefined || counterBytes === undefined) return false;
    this.values = new Float64Array(valueBytes.buffer);
    this.counters = new Int32Array(counterBytes.buffer);
    return true;
  }
}

function base64Of(values: Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>): string {
  return littleEndian(Buffer.from(values.buffer), values.BYTES_PER_ELEMENT).toString('base64');
}

/** The bytes in a buffer of their own, or undefined where they are not `length` elements. */
function bytesOf(
  text: JsonValue | undefined,
  length: number,
  size: 4 | 8,
): Buffer<ArrayBuffer> | undefined {
  if (typeof text !== 'string') return undefined;
  const bytes = new Uint8Array(Buffer.from(text, 'base64'));
  return bytes.length === length * size ? littleEndian(Buffer.from(bytes.buffer), size) : undefined;
}

/** Swaps the bytes in place where the machine is big-endian. */
function littleEndian(bytes: Buffer<ArrayBuffer>, size: number): Buffer<ArrayBuffer> {
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return bytes;
  return size === 8 ? bytes.swap64() : bytes.swap32();
}

function tooLarge(name: string, slots: number): PipelineError {
  return new PipelineError({
    code: 'ERR_STAGE_FAILED',
    place: name,
    fact: `the state of ${slots} keys needs more than ${cellsMax} numbers`,
    remedy: 'set a smaller `window` or `keysMax`',
  });
}
