import { PipelineError } from '../../errors.ts';
import type { Batch } from '../batch.ts';
import type { Fields, Schema } from '../schema.ts';
import type { DecodeOptions, Decoder, DecodeReason, DecodeReport } from './contract.ts';
import { keepRecord, type KeptRecord, LongRecord } from './kept-record.ts';
import { RowColumns } from './row-columns.ts';

/** A buffer for a part of a record that is larger than this is not kept for the next. */
const carryBytesMax = 262_144;
const lineFeed = 10;
const byteOrderMark = Uint8Array.of(0xef, 0xbb, 0xbf);

/**
 * Cuts a stream of chunks into records. Records that lie whole in a chunk are parsed where they are;
 * of one that does not, the part is carried to the next chunk, up to the record limit.
 */
export abstract class FramedDecoder<F extends Fields> implements Decoder<F> {
  abstract readonly columns: readonly string[] | null;
  protected readonly rows: RowColumns<F>;
  protected readonly recordBytesMax: number;
  protected blankLines = 0;
  protected extraFields = 0;
  protected duplicateKeys = 0;
  readonly #report: DecodeReport;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Offset in the stream of the first byte of the chunk. */
  #base: number;
  #carry: Uint8Array = new Uint8Array(0);
  #carried = 0;
  #carriedFrom = 0;
  /** The record that is too long to be carried. */
  #long: LongRecord | null = null;
  /** How many bytes of a byte order mark the stream began with; −1 once that is settled. */
  #markBytes: number;
  #ended = false;
  #resume: number;

  constructor(schema: Schema<F>, options: DecodeOptions) {
    this.rows = new RowColumns(schema, {
      source: options.source ?? 'memory',
      partition: options.partition ?? '',
      rowsMax: options.rowsMax ?? 4096,
      bytesMax: options.bytesMax ?? 1_048_576,
    });
    this.recordBytesMax = options.recordBytesMax ?? 1_048_576;
    this.#report = options.report;
    this.#base = this.#resume = options.position ?? 0;
    this.#markBytes = this.#base === 0 ? 0 : -1;
  }

  moveTo(partition: string, position: number): void {
    this.rows.partition = partition;
    this.#chunk = new Uint8Array(0);
    this.#at = 0;
    this.#carried = 0;
    this.#long = null;
    this.#ended = false;
    this.#base = this.#resume = position;
    this.#markBytes = position === 0 ? 0 : -1;
  }

  /**
   * Parses the whole records in `bytes[at … limit)` until the batch is full, and gives the offset of
   * the first byte that it did not consume. `base` is the offset in the stream of `bytes[0]`.
   */
  protected abstract parse(bytes: Uint8Array, at: number, limit: number, base: number): number;

  /** Says that `recordEnd` is asked about a new record. */
  protected abstract beginRecord(): void;

  /** The LF that ends the record of which `bytes[from … to)` is the next part, or −1. */
  protected abstract recordEnd(bytes: Uint8Array, from: number, to: number): number;

  /** Refuses a record that the stream ended in the middle of, with an LF put behind it. */
  protected abstract refuseUnfinished(bytes: Uint8Array, length: number, position: number): void;

  /** Called before a record is refused; throws where that leaves the rest without meaning. */
  protected beforeRefusal(_message: string): void {}

  get rowsPending(): number {
    return this.rows.row;
  }

  get position(): number {
    return this.rows.row === 0 ? this.#consumed : this.#resume;
  }

  push(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length || this.#ended) {
      throw new PipelineError({
        code: 'ERR_CONNECTOR_PROTOCOL',
        place: 'decoder',
        fact: `push was called ${this.#ended ? 'after end()' : 'while bytes of the last chunk wait'}`,
        remedy: 'call next() until it gives null before each push',
      });
    }
    this.#base += this.#chunk.length;
    // Never a Buffer: V8 compiles the parsers for one class of array.
    this.#chunk = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#at = 0;
    if (this.#markBytes >= 0) this.#readMark();
  }

  end(): void {
    if (this.#markBytes > 0) this.#carryMark();
    this.#ended = true;
  }

  next(): Batch<F> | null {
    while (!this.rows.full && this.#advance());
    if (this.rows.full) return this.flush();
    this.#tellCounts();
    return this.#ended ? this.flush() : null;
  }

  flush(): Batch<F> | null {
    this.#tellCounts();
    if (this.rows.row === 0) return null;
    this.#resume = this.#consumed;
    return this.rows.take();
  }

  /** Reports `bytes[start … end)`, a record without its line end, as refused. */
  protected refuse(
    bytes: Uint8Array,
    start: number,
    end: number,
    position: number,
    reason: DecodeReason,
    message: string,
  ): void {
    this.#tellRefused(position, reason, message, keepRecord(bytes, start, end));
  }

  protected tooLong(recordBytes: number): string {
    return `a record of ${recordBytes} bytes, where at most ${this.recordBytesMax} are allowed`;
  }

  /** Offset just behind the last complete record. */
  get #consumed(): number {
    if (this.#isCarrying) return this.#carriedFrom;
    return this.#markBytes > 0 ? 0 : this.#base + this.#at;
  }

  get #isCarrying(): boolean {
    return this.#carried > 0 || this.#long !== null;
  }

  /** Gets on by some records or bytes; false when there is nothing more to do now. */
  #advance(): boolean {
    if (this.#at === this.#chunk.length) {
      if (!this.#ended || !this.#isCarrying) return false;
      this.#finishCarried();
      return true;
    }
    if (!this.#isCarrying) {
      this.rows.begin();
      this.#at = this.parse(this.#chunk, this.#at, this.#chunk.length, this.#base);
      if (this.rows.full || this.#at === this.#chunk.length) return true;
      this.#carriedFrom = this.#base + this.#at;
      this.beginRecord();
    }
    if (this.#long !== null) this.#goOnWithLong(this.#long);
    else this.#carryOn();
    return true;
  }

  /** Carries the next part of a record, to its end if that is in the chunk. */
  #carryOn(): void {
    // A record of the greatest size takes this many bytes with its CR LF.
    const roomMax = this.recordBytesMax + 2;
    const to = Math.min(this.#chunk.length, this.#at + roomMax - this.#carried);
    const end = this.recordEnd(this.#chunk, this.#at, to);
    this.#append(this.#chunk, this.#at, end < 0 ? to : end + 1);
    this.#at = end < 0 ? to : end + 1;
    if (end >= 0) this.#parseCarried();
    else if (this.#carried === roomMax) this.#beginLong();
  }

  #append(bytes: Uint8Array, from: number, to: number): void {
    const needed = this.#carried + to - from;
    // One byte more than needed: the last record of a stream gets a line end.
    if (needed >= this.#carry.length) {
      const grown = new Uint8Array(Math.max(4096, 2 * needed));
      grown.set(this.#carry.subarray(0, this.#carried));
      this.#carry = grown;
    }
    this.#carry.set(bytes.subarray(from, to), this.#carried);
    this.#carried = needed;
  }

  #parseCarried(): void {
    const length = this.#carried;
    this.#carried = 0;
    this.rows.begin();
    // A view of its own, as of a chunk: the kernels know by it what they have copied.
    const record = this.#carry.subarray(0, length);
    const at = this.parse(record, 0, length, this.#carriedFrom);
    if (at < length) this.refuseUnfinished(record, length - 1, this.#carriedFrom);
    if (this.#carry.length > carryBytesMax) this.#carry = new Uint8Array(0);
  }

  #finishCarried(): void {
    if (this.#long !== null) {
      this.#endLong(this.#long);
      return;
    }
    this.#carry[this.#carried++] = lineFeed;
    this.#parseCarried();
    this.#carriedFrom = this.#base + this.#at;
  }

  #beginLong(): void {
    this.#long = new LongRecord();
    this.#long.take(this.#carry, 0, this.#carried);
    this.#carried = 0;
    this.#carry = new Uint8Array(0);
  }

  #goOnWithLong(long: LongRecord): void {
    const end = this.#chunk.indexOf(lineFeed, this.#at);
    const to = end < 0 ? this.#chunk.length : end;
    long.take(this.#chunk, this.#at, to);
    this.#at = end < 0 ? to : end + 1;
    if (end >= 0) this.#endLong(long);
  }

  #endLong(long: LongRecord): void {
    const kept = long.kept();
    this.#long = null;
    this.#tellRefused(this.#carriedFrom, 'record.size', this.tooLong(kept.recordBytes), kept);
  }

  #tellRefused(position: number, reason: DecodeReason, message: string, kept: KeptRecord): void {
    this.beforeRefusal(message);
    const { partition } = this.rows;
    this.#report.failed({ position, partition, reason, message, quotesRecord: false, ...kept });
  }

  #readMark(): void {
    while (this.#at < this.#chunk.length && this.#markBytes < byteOrderMark.length) {
      if (this.#chunk[this.#at] !== byteOrderMark[this.#markBytes]) {
        if (this.#markBytes > 0) this.#carryMark();
        this.#markBytes = -1;
        return;
      }
      this.#markBytes++;
      this.#at++;
    }
    if (this.#markBytes === byteOrderMark.length) this.#markBytes = -1;
  }

  /** What looked like the beginning of a mark is the beginning of a record. */
  #carryMark(): void {
    this.#carriedFrom = 0;
    this.beginRecord();
    this.recordEnd(byteOrderMark, 0, this.#markBytes);
    this.#append(byteOrderMark, 0, this.#markBytes);
    this.#markBytes = -1;
  }

  #tellCounts(): void {
    if (this.blankLines > 0) this.#report.counted('blankLines', this.blankLines);
    if (this.extraFields > 0) this.#report.counted('extraFields', this.extraFields);
    if (this.duplicateKeys > 0) this.#report.counted('duplicateKeys', this.duplicateKeys);
    this.blankLines = this.extraFields = this.duplicateKeys = 0;
  }
}
