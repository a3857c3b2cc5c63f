import type { ZodType } from 'zod';

import { type DecodeFormat, decodeFormats } from '../batch/codec/contract.ts';
import type { Fields, Schema } from '../batch/index.ts';
import {
  type Decoding,
  decodingOptions,
  defineSource,
  refineDecoding,
  schemaOption,
  type SourceComponent,
  type SourceDefinition,
  type Zod,
} from '../core/index.ts';
import type { ParsedOptions } from './stdin/stream-source.ts';

/** How `stdinSource` reads standard input. */
export interface StdinSourceOptions<F extends Fields = Fields> extends Partial<Decoding> {
  /** NDJSON unless given. */
  readonly format?: DecodeFormat;
  /** Must be given: standard input cannot be looked at before it is read. */
  readonly schema: Schema<F>;
}

/** Reads records from standard input to its end. It cannot be resumed: its positions are null. */
export const stdinSource: SourceDefinition &
  (<F extends Fields>(options: StdinSourceOptions<F>) => SourceComponent<F>) = defineSource<
  <F extends Fields>(options: StdinSourceOptions<F>) => SourceComponent<F>,
  ParsedOptions
>({
  name: 'stdin',
  summary: 'Read records from standard input.',
  options: optionsOf,
  example: { schema: { sensorId: 'category', value: 'float64' } },
  whenPaused: 'hold',
  output: ({ schema }) => schema,
  create: async (options, context) => {
    const { standardInput, StreamSource } = await import('./stdin/stream-source.ts');
    return new StreamSource(standardInput, options, context);
  },
});

function optionsOf(z: Zod): ZodType<ParsedOptions> {
  return z
    .strictObject({
      format: z.enum(decodeFormats).default('ndjson').describe('The format of the records.'),
      schema: schemaOption(z).describe(
        'Field names and kinds; must be given, for standard input cannot be read twice.',
      ),
      ...decodingOptions(z),
    })
    .superRefine((options, context) => refineDecoding(options.format, options, context));
}
