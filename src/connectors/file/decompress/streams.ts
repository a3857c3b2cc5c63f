import { Buffer } from 'node:buffer';

import { PipelineError, reasonOf } from '../../../errors.ts';

/** Decompresses streams that follow one another, whatever the sizes of the parts they come in. */
export interface Decompressor {
  /** Takes the next compressed bytes, unchanged until `read` gives nothing, and only after it has. */
  write(bytes: Uint8Array): void;
  /** The next bytes that come of them; nothing where more are needed. Throws where they are damaged. */
  read(): Promise<Uint8Array | undefined>;
  /** False in the middle of a stream. */
  readonly isWhole: boolean;
  /** How many streams have begun. */
  readonly streams: number;
  /**
   * How many of the next bytes to write so that a part of the stream may end with them, which
   * `endHere` then tells.
   */
  partEnd(bytes: Uint8Array): number;
  /**
   * What a stream could be ended with behind what was written: nothing where it has ended. Undefined
   * in the middle of a part, as far as can be told, and in streams that we did not write.
   */
  endHere(): Uint8Array | undefined;
  /** How many bytes stand behind the last stream and belong to none. */
  readonly garbageBytes: number;
  close(): void;
}

const nothing = new Uint8Array(0);

/** What both kinds of streams do with what lies between them. */
export abstract class Streams implements Decompressor {
  readonly #path: string;
  #rest: Uint8Array = new Uint8Array(0);
  /** The offset in the file of the rest. */
  #offset = 0;
  #streams = 0;
  #garbageBytes = 0;
  #streamOffset = 0;
  protected isInside = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** How many bytes the magic number takes that every stream begins with. */
  protected abstract readonly magicBytes: number;
  protected abstract isMagic(bytes: Uint8Array): boolean;
  /** Begins a stream at the rest, or gets on in one; undefined where it needs more bytes. */
  protected abstract advance(): Promise<Uint8Array | undefined>;
  abstract close(): void;

  get isWhole(): boolean {
    return !this.isInside && this.#rest.length === 0;
  }

  get streams(): number {
    return this.#streams;
  }

  get garbageBytes(): number {
    return this.#garbageBytes;
  }

  abstract partEnd(bytes: Uint8Array): number;

  endHere(): Uint8Array | undefined {
    if (this.isWhole) return nothing;
    return this.isInside && this.#rest.length === 0 ? this.endInside() : undefined;
  }

  /** The same in the middle of a stream. */
  protected abstract endInside(): Uint8Array | undefined;

  protected get rest(): Uint8Array {
    return this.#rest;
  }

  write(bytes: Uint8Array): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.isInside || this.#begin()) {
      const left = this.#rest.length;
      try {
        const bytes = await this.advance();
        if (bytes !== undefined) return bytes;
      } catch (error) {
        throw this.damaged(reasonOf(error), error);
      }
      if (this.isInside && this.#rest.length === left) break;
    }
    this.#rest = Uint8Array.from(this.#rest);
    return undefined;
  }

  protected consume(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes);
    this.#offset += bytes;
  }

  protected damaged(fact: string, cause?: unknown): PipelineError {
    return new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: this.#path,
      fact: `is damaged in the compressed stream that begins at byte ${this.#streamOffset}: ${fact}`,
      remedy: 'take it away, or put a sound copy in its place, then run again',
      ...(cause === undefined ? {} : { cause }),
    });
  }

  /** Whether a stream begins here. Zeros behind one pad it; other bytes are garbage. */
  #begin(): boolean {
    if (this.#streams > 0 && this.#garbageBytes === 0) {
      const from = this.#rest.findIndex((byte) => byte !== 0);
      this.consume(from < 0 ? this.#rest.length : from);
    }
    if (this.#garbageBytes > 0) return this.#isGarbage();
    const head = this.#rest.subarray(0, this.magicBytes);
    if (head.length === 0) return false;
    if (!this.isMagic(head)) {
      if (this.#streams > 0) return this.#isGarbage();
      throw new PipelineError({
        code: 'ERR_CONNECTOR_FILE',
        place: this.#path,
        fact: 'does not begin as a compressed file does',
        remedy: 'where it is none, set `compression: none`; else put a sound copy in its place',
      });
    }
    if (head.length < this.magicBytes) return false;
    this.#streams++;
    this.#streamOffset = this.#offset;
    this.isInside = true;
    return true;
  }

  #isGarbage(): false {
    this.#garbageBytes += this.#rest.length;
    this.consume(this.#rest.length);
    return false;
  }
}
