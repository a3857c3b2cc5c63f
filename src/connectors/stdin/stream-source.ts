import process from 'node:process';
import { Readable } from 'node:stream';

import { createDecoder, type DecodeFormat, type Decoder } from '../../batch/codec.ts';
import { Batch, type Schema } from '../../batch/index.ts';
import {
  type Decoding,
  endOfInput,
  type Position,
  type SourceConnector,
  type SourceContext,
} from '../../core/index.ts';
import { RefusedRecords } from '../../core/refused-records.ts';
import { PipelineError } from '../../errors.ts';

/** The options with their defaults. */
export interface ParsedOptions extends Decoding {
  readonly format: DecodeFormat;
  readonly schema: Schema;
}

/** Node stands an empty stream in for what it cannot read from, such as a directory. */
export function standardInput(): AsyncIterable<Uint8Array> {
  const { stdin } = process;
  if (Object.getPrototypeOf(stdin) === Readable.prototype) {
    throw new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: 'standard input',
      fact: 'is a directory, or something else that cannot be read',
      remedy: 'give it a file or the output of a program',
    });
  }
  return stdin;
}

const partBytes = 131_072;

/** Reads records from a stream of bytes. Rows that wait longer than `waitMsMax` go out as they are. */
export class StreamSource implements SourceConnector {
  readonly #stream: () => AsyncIterable<Uint8Array>;
  readonly #context: SourceContext;
  readonly #decoder: Decoder;
  readonly #refused: RefusedRecords;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #chunk: Uint8Array = new Uint8Array(0);
  #next: Promise<IteratorResult<Uint8Array>> | undefined;
  #atEnd = false;

  constructor(
    stream: () => AsyncIterable<Uint8Array>,
    options: ParsedOptions,
    context: SourceContext,
  ) {
    this.#stream = stream;
    this.#context = context;
    const { format, schema, ...decoding } = options;
    const { id, report, batchLimits } = context;
    this.#refused = new RefusedRecords(report, batchLimits);
    this.#decoder = createDecoder(format, schema, {
      ...decoding,
      ...batchLimits,
      source: id,
      report: this.#refused,
    });
  }

  async open(): Promise<void> {
    this.#chunks = this.#stream()[Symbol.asyncIterator]();
  }

  async read(signal: AbortSignal): Promise<Batch | typeof endOfInput> {
    const { clock, batchLimits, id } = this.#context;
    let closesAt = Infinity;
    for (;;) {
      const { areMany } = this.#refused;
      const isLate = clock.monotonic() >= closesAt;
      const batch = this.#decoder.next() ?? (areMany || isLate ? this.#decoder.flush() : null);
      if (batch !== null || areMany) {
        this.#refused.clear();
        return batch ?? Batch.from([], this.#context.output, { source: id });
      }
      if (this.#atEnd) return endOfInput;
      if (this.#decoder.rowsPending > 0 && closesAt === Infinity) {
        closesAt = clock.monotonic() + batchLimits.waitMsMax;
      }
      try {
        await this.#fill(closesAt, signal);
      } catch (error) {
        // A stop while rows wait for their batch to fill: they go out as they are.
        const rest = signal.aborted ? this.#decoder.flush() : null;
        if (rest === null) throw error;
        return rest;
      }
    }
  }

  position(): Position {
    return null;
  }

  lag(): null {
    return null;
  }

  // The iterator's own `return` would wait for the chunk that may never come.
  async close(): Promise<void> {
    const stream = this.#chunks === undefined ? undefined : this.#stream();
    if (stream !== undefined && 'destroy' in stream) (stream.destroy as () => void)();
  }

  /** Gives the decoder more bytes, or gives up at `closesAt`. */
  async #fill(closesAt: number, signal: AbortSignal): Promise<void> {
    if (this.#chunk.length === 0) {
      this.#next ??= this.#chunks!.next();
      const result = await this.#settled(this.#next, closesAt, signal);
      if (result === undefined) return;
      this.#next = undefined;
      if (result.done === true) {
        this.#decoder.end();
        this.#atEnd = true;
        return;
      }
      this.#chunk = result.value;
      this.#context.report.bytesRead(result.value.length);
    }
    const part = this.#chunk.subarray(0, partBytes);
    this.#chunk = this.#chunk.subarray(part.length);
    this.#decoder.push(part);
  }

  /** What a promise gives, or undefined where it takes longer than until `closesAt`. */
  async #settled<T>(
    promise: Promise<T>,
    closesAt: number,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    signal.throwIfAborted();
    const { clock, idle } = this.#context;
    const waiting = new AbortController();
    const stop = (): void => waiting.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    const delayMs = Math.max(0, closesAt - clock.monotonic());
    const wait =
      closesAt === Infinity
        ? untilAborted(waiting.signal)
        : clock.sleep(delayMs, { signal: waiting.signal });
    try {
      return await idle(Promise.race([promise, wait.then(() => undefined)]));
    } finally {
      signal.removeEventListener('abort', stop);
      waiting.abort();
    }
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
