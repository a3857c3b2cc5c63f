import type { Writable } from 'node:stream';

import { createEncoder, type EncodeFormat, type Encoder } from '../../batch/codec.ts';
import type { Batch } from '../../batch/index.ts';
import {
  encodeOptions,
  type Encoding,
  type SinkConnector,
  type SinkContext,
} from '../../core/index.ts';
import { Output } from '../../core/output.ts';

/** The options with their defaults. */
export interface ParsedOptions extends Encoding {
  readonly format: EncodeFormat;
}

/** Writes records to a stream of bytes, each batch when it comes. */
export class StreamSink implements SinkConnector {
  readonly #stream: () => Writable;
  readonly #encoder: Encoder;
  #output: Output | undefined;

  constructor(
    stream: () => Writable,
    { format, ...encoding }: ParsedOptions,
    context: SinkContext,
  ) {
    this.#stream = stream;
    const options = { ...encodeOptions(encoding), report: context.report };
    this.#encoder = createEncoder(format, context.input, options);
  }

  async open(signal: AbortSignal): Promise<void> {
    this.#output = new Output('stdout', this.#stream());
    await this.#output.write(this.#encoder.begin(), signal);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<void> {
    // A copy: a stream may keep it for longer, and the encoder uses its buffer again.
    await this.#output!.write(new Uint8Array(this.#encoder.encode(batch)), signal);
  }

  /** Every write has been taken by the system before it returned. */
  commit(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    const output = this.#output;
    if (output === undefined) return;
    // Behind a write that is still waiting this would wait too: whoever does not read gets no end.
    if (output.isFree) {
      await output.write(this.#encoder.end(), new AbortController().signal).catch(() => {});
    }
    output.release();
  }
}
