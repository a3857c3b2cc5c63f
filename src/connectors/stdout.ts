import process from 'node:process';
import type { Writable } from 'node:stream';
import type { ZodType } from 'zod';

import {
  type Batch,
  createEncoder,
  encodeFormats,
  type EncodeFormat,
  type Encoder,
  type Fields,
} from '../batch/index.ts';
import {
  defineSink,
  encodeOptions,
  type Encoding,
  encodingOptions,
  refineEncoding,
  type SinkComponent,
  type SinkConnector,
  type SinkContext,
  type SinkDefinition,
  type Zod,
} from '../core/index.ts';
import { PipelineError, reasonOf } from '../errors.ts';

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
  readonly #open: () => Writable;
  readonly #encoder: Encoder;
  #stream: Writable | undefined;
  #failure: PipelineError | undefined;

  constructor(open: () => Writable, { format, ...encoding }: ParsedOptions, context: SinkContext) {
    this.#open = open;
    const options = { ...encodeOptions(encoding), report: context.report };
    this.#encoder = createEncoder(format, context.input, options);
  }

  async open(signal: AbortSignal): Promise<void> {
    this.#stream = this.#open();
    this.#stream.on('error', this.#failed);
    await this.#send(this.#encoder.begin(), signal);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<void> {
    await this.#send(this.#encoder.encode(batch), signal);
  }

  /** Every write has been taken by the system before it returned. */
  commit(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) return;
    // Behind a write that is still waiting this would wait too: whoever does not read gets no end.
    if (this.#failure === undefined && stream.writableLength === 0) {
      await this.#send(this.#encoder.end(), new AbortController().signal).catch(() => {});
    }
    stream.off('error', this.#failed);
  }

  readonly #failed = (error: unknown): void => {
    this.#failure ??= outputError(error);
  };

  #send(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const stream = this.#stream!;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (bytes.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      // A copy: a stream may keep it for longer, and the encoder uses its buffer again.
      stream.write(new Uint8Array(bytes), (error) => {
        signal.removeEventListener('abort', abort);
        if (error === null || error === undefined) return resolve();
        this.#failed(error);
        reject(this.#failure!);
      });
    });
  }
}

const closedCodes = ['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'EOF'];

function outputError(error: unknown): PipelineError {
  const isClosed = closedCodes.includes((error as NodeJS.ErrnoException).code ?? '');
  return new PipelineError({
    code: isClosed ? 'ERR_OUTPUT_CLOSED' : 'ERR_CONNECTOR_FILE',
    place: 'stdout',
    fact: isClosed ? 'what reads the output has closed it' : reasonOf(error),
    cause: error,
  });
}
