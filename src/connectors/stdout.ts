import process from 'node:process';
import type { Writable } from 'node:stream';
import type { ZodType } from 'zod';

import { createEncoder } from '../batch/codec.ts';
import { type EncodeFormat, encodeFormats, type Encoder } from '../batch/codec/contract.ts';
import type { Batch, Fields } from '../batch/index.ts';
import {
  defineSink,
  encodeOptions,
  type Encoding,
  encodingOptions,
  Output,
  refineEncoding,
  type SinkComponent,
  type SinkConnector,
  type SinkContext,
  type SinkDefinition,
  type Zod,
} from '../core/index.ts';

export interface StdoutSinkOptions extends Partial<Encoding> {
  /** NDJSON unless given. */
  readonly format?: EncodeFormat;
}

interface ParsedOptions extends Encoding {
  readonly format: EncodeFormat;
}

/**
 * Writes records to standard output, as fast as what reads it. When that closes its end, as `head`
 * does, `write` throws `ERR_OUTPUT_CLOSED`: the run ends, and cleanly.
 */
export const stdoutSink: SinkDefinition & ((options?: StdoutSinkOptions) => SinkComponent<Fields>) =
  defineSink<(options?: StdoutSinkOptions) => SinkComponent<Fields>, ParsedOptions>({
    name: 'stdout',
    summary: 'Write records to standard output.',
    options: optionsOf,
    example: {},
    writesStdout: true,
    create: (options, context) => new StreamSink(() => process.stdout, options, context),
  });

function optionsOf(z: Zod): ZodType<ParsedOptions> {
  return z
    .strictObject({
      format: z
        .enum(encodeFormats)
        .default('ndjson')
        .describe('The format of the records; `json` is one array.'),
      ...encodingOptions(z),
    })
    .superRefine((options, context) => refineEncoding(options.format, options, context));
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
