import type { ZodType } from 'zod';

import {
  type DecodeFormat,
  decodeFormats,
  type EncodeFormat,
  encodeFormats,
} from '../batch/codec/contract.ts';
import type { Fields, Schema } from '../batch/index.ts';
import {
  type Decoding,
  decodingOptions,
  defineSink,
  defineSource,
  encodeOptions,
  type Encoding,
  encodingOptions,
  refineDecoding,
  refineEncoding,
  schemaOption,
  type SinkComponent,
  type SinkDefinition,
  type SourceComponent,
  type SourceDefinition,
  type Zod,
} from '../core/index.ts';
import { formatOf, knownFormat } from './file/format.ts';
import type { FileReading } from './file/source.ts';

/** Which files `fileSource` reads, and how. */
export interface FileSourceOptions<F extends Fields = Fields> extends Partial<Decoding> {
  /** Paths and glob patterns; each file is a partition, and they are read in the order of names. */
  readonly path: string | readonly string[];
  /** By the name of the file unless given. */
  readonly format?: DecodeFormat;
  /** Found in the first file unless given. */
  readonly schema?: Schema<F>;
}

interface ParsedSourceOptions extends Decoding {
  readonly path: string | string[];
  readonly format?: DecodeFormat | undefined;
  readonly schema?: Schema | undefined;
}

/** Reads NDJSON and CSV files. A file that is missing, a directory or not readable is refused. */
export const fileSource: SourceDefinition &
  (<F extends Fields = Fields>(options: FileSourceOptions<F>) => SourceComponent<F>) = defineSource<
  <F extends Fields = Fields>(options: FileSourceOptions<F>) => SourceComponent<F>,
  ParsedSourceOptions
>({
  name: 'file',
  summary: 'Read records from files, one or many by pattern.',
  options: sourceOptions,
  example: { path: 'readings.ndjson', schema: { sensorId: 'category', value: 'float64' } },
  whenPaused: 'hold',
  output: async (options, context) => {
    const { planFiles } = await import('./file/plan.ts');
    return planFiles(readingOf(options), options.schema, context);
  },
  reads: ({ path }) => [path].flat(),
  create: async (options, context) => {
    const { FileSource } = await import('./file/source.ts');
    return new FileSource(readingOf(options), context);
  },
});

function sourceOptions(z: Zod): ZodType<ParsedSourceOptions> {
  return z
    .strictObject({
      path: z
        .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
        .describe('A path, a glob pattern, or several; each file is a partition.'),
      format: z
        .enum(decodeFormats)
        .optional()
        .describe('The format; by the name of the file unless given.'),
      schema: schemaOption(z)
        .optional()
        .describe('Field names and kinds; found in the first file unless given.'),
      ...decodingOptions(z),
    })
    .superRefine((options, context) => {
      const formats = new Set(
        [options.path].flat().map((path) => options.format ?? knownFormat(path)),
      );
      if (formats.size === 1 && formats.has('ndjson')) refineDecoding('ndjson', options, context);
    });
}

function readingOf({ path, format, schema, ...decode }: ParsedSourceOptions): FileReading {
  return {
    paths: [path].flat(),
    formatOf: (one) => format ?? formatOf(one, decodeFormats),
    decode,
    isInferred: schema === undefined,
  };
}

/** Which file `fileSink` writes, and how. */
export interface FileSinkOptions extends Partial<Encoding> {
  /** Directories on the way are made. */
  readonly path: string;
  /** By the name of the file unless given. `json`: one array. */
  readonly format?: EncodeFormat;
  /** `replace` (the default) begins a new file; `append` cuts off a torn last record first. */
  readonly mode?: 'replace' | 'append';
}

interface ParsedSinkOptions extends Encoding {
  readonly path: string;
  readonly format?: EncodeFormat | undefined;
  readonly mode: 'replace' | 'append';
}

/** Writes one NDJSON, CSV or JSON file. Rows are durable (fdatasync) once a cut has passed. */
export const fileSink: SinkDefinition & ((options: FileSinkOptions) => SinkComponent<Fields>) =
  defineSink<(options: FileSinkOptions) => SinkComponent<Fields>, ParsedSinkOptions>({
    name: 'file',
    summary: 'Write records to a file.',
    details:
      'With `append`, a torn last record is cut off first, and the log says so ' +
      '(`file.mended`). In a CSV a last record without its line end counts as torn, since ' +
      'nothing shows that it is whole; in NDJSON it stays where it is whole. A file that ' +
      'holds no record at all, and does not begin as one, is refused. A CSV with one column has no way to write a null that reads back as one: its line ' +
      'would be blank, and blank lines are skipped. It is written as `""`, which reads back' +
      ' as empty text, or, in a column of another kind, as a dead letter (`field.type`). ' +
      'Write NDJSON, or a second column, where such nulls matter.',
    options: sinkOptions,
    example: { path: 'out.ndjson' },
    writes: ({ path }) => path,
    create: async ({ path, mode, format, ...encoding }, context) => {
      const { FileSink } = await import('./file/sink.ts');
      const encode = encodeOptions(encoding);
      return new FileSink(
        { path, mode, format: format ?? formatOf(path, encodeFormats), encode },
        context,
      );
    },
  });

function sinkOptions(z: Zod): ZodType<ParsedSinkOptions> {
  return z
    .strictObject({
      path: z.string().min(1).describe('The file; directories on the way are made.'),
      format: z
        .enum(encodeFormats)
        .optional()
        .describe('The format, by the name of the file unless given; `json` is one array.'),
      mode: z
        .enum(['replace', 'append'])
        .default('replace')
        .describe('Begin a new file, or add to one; a torn last record is cut off first.'),
      ...encodingOptions(z),
    })
    .superRefine((options, context) => {
      const format = options.format ?? knownFormat(options.path);
      if (format === undefined) {
        const message = `does not tell the format by its name; set \`format\` to ${encodeFormats.join(' or ')}`;
        context.addIssue({ code: 'custom', path: ['path'], message });
      }
      refineEncoding(format, options, context);
    });
}
