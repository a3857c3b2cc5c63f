import type { ZodType } from 'zod';

import { type EncodeFormat, encodeFormats } from '../batch/codec/contract.ts';
import type { Fields } from '../batch/index.ts';
import {
  checkDecimals,
  defineSink,
  type Encoding,
  encodingOptions,
  refineEncoding,
  type SinkComponent,
  type SinkDefinition,
  type Zod,
} from '../core/index.ts';
import type { ParsedOptions } from './stdout/stream-sink.ts';

/** How `stdoutSink` writes standard output. */
export interface StdoutSinkOptions extends Partial<Encoding> {
  /** NDJSON unless given. */
  readonly format?: EncodeFormat;
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
    check: checkDecimals,
    create: async (options, context) => {
      const [{ SingleCalls }, { StreamSink }] = await Promise.all([
        import('../core/single-calls.ts'),
        import('./stdout/stream-sink.ts'),
      ]);
      const sink = new StreamSink(() => process.stdout, options, context);
      return new SingleCalls(sink, context.signal);
    },
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
