import type { RefinementCtx, ZodType } from 'zod';

import {
  decodeFormats,
  type DecodeFormat,
  encodeFormats,
  type EncodeFormat,
  type Fields,
  numberPolicies,
  type NumberPolicy,
  type Schema,
  textEncodings,
  type TextEncoding,
} from '../batch/index.ts';
import {
  defineSink,
  defineSource,
  schemaOption,
  type SinkComponent,
  type SinkDefinition,
  type SourceComponent,
  type SourceDefinition,
  type Zod,
} from '../core/index.ts';
import { formatOf, knownFormat } from './file/format.ts';
import { FileSink } from './file/sink.ts';
import { FileSource, type FileReading } from './file/source.ts';
import { planFiles } from './file/plan.ts';

export interface FileSourceOptions<F extends Fields = Fields> {
  /** Paths and glob patterns; each file is a partition, and they are read in the order of names. */
  readonly path: string | readonly string[];
  /** By the name of the file unless given. */
  readonly format?: DecodeFormat;
  /** Found in the first file unless given. */
  readonly schema?: Schema<F>;
  readonly encoding?: TextEncoding;
  readonly number?: NumberPolicy;
  readonly extraFields?: 'ignore' | 'error';
  readonly recordBytesMax?: number;
  readonly delimiter?: string;
  readonly header?: boolean;
}

interface ParsedSourceOptions {
  readonly path: string | string[];
  readonly format?: DecodeFormat | undefined;
  readonly schema?: Schema | undefined;
  readonly encoding: TextEncoding;
  readonly number: NumberPolicy;
  readonly extraFields: 'ignore' | 'error';
  readonly recordBytesMax: number;
  readonly delimiter: string;
  readonly header: boolean;
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
  output: (options, context) => planFiles(readingOf(options), options.schema, context),
  create: (options, context) => new FileSource(readingOf(options), context),
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
      encoding: z
        .enum(textEncodings)
        .default('utf-8')
        .describe('How bytes become text; `replace` puts U+FFFD for what is not UTF-8.'),
      number: z
        .enum(numberPolicies)
        .default('error')
        .describe('What becomes of a number that a float64 cannot hold.'),
      extraFields: z
        .enum(['ignore', 'error'])
        .default('ignore')
        .describe('Whether fields outside the schema are counted, or cost the record.'),
      recordBytesMax: z
        .int()
        .positive()
        .default(1_048_576)
        .describe('A longer record is a dead letter.'),
      delimiter: z.string().length(1).default(',').describe('CSV: what stands between cells.'),
      header: z
        .boolean()
        .default(true)
        .describe('CSV: whether the first record names the columns.'),
    })
    .superRefine(({ path, format, delimiter, header }, context) => {
      const formats = [path].flat().map((one) => format ?? knownFormat(one));
      if (formats.includes('csv') || formats.includes(undefined)) return;
      if (delimiter !== ',') misplaced(context, 'delimiter', 'csv');
      if (!header) misplaced(context, 'header', 'csv');
    }) as ZodType<ParsedSourceOptions>;
}

function readingOf(options: ParsedSourceOptions): FileReading {
  const { path, format, schema, encoding, number, extraFields } = options;
  const { recordBytesMax, delimiter, header } = options;
  return {
    paths: [path].flat(),
    formatOf: (one) => format ?? formatOf(one, decodeFormats),
    decode: { encoding, number, extraFields, recordBytesMax, delimiter, header },
    isInferred: schema === undefined,
  };
}

export interface FileSinkOptions {
  /** Directories on the way are made. */
  readonly path: string;
  /** By the name of the file unless given. `json`: one array. */
  readonly format?: EncodeFormat;
  /** `append`: a torn last record is cut off first. */
  readonly mode?: 'replace' | 'append';
  readonly pretty?: boolean;
  readonly timestampFormat?: 'ms' | 'iso';
  readonly delimiter?: string;
  readonly excelSafe?: boolean;
}

interface ParsedSinkOptions {
  readonly path: string;
  readonly format?: EncodeFormat | undefined;
  readonly mode: 'replace' | 'append';
  readonly pretty: boolean;
  readonly timestampFormat: 'ms' | 'iso';
  readonly delimiter: string;
  readonly excelSafe: boolean;
}

/** Writes one NDJSON, CSV or JSON file. Rows are durable (fdatasync) once a cut has passed. */
export const fileSink: SinkDefinition & ((options: FileSinkOptions) => SinkComponent<Fields>) =
  defineSink<(options: FileSinkOptions) => SinkComponent<Fields>, ParsedSinkOptions>({
    name: 'file',
    summary: 'Write records to a file.',
    options: sinkOptions,
    example: { path: 'out.ndjson' },
    check: (_, { path, format }) => void (format ?? formatOf(path, encodeFormats)),
    create: (options, context) => {
      const { path, mode, pretty, timestampFormat, delimiter, excelSafe } = options;
      const format = options.format ?? formatOf(path, encodeFormats);
      const encode = { pretty, timestamps: timestampFormat, delimiter, excelSafe };
      return new FileSink({ path, mode, format, encode }, context);
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
      pretty: z.boolean().default(false).describe('JSON: one line per field, indented.'),
      timestampFormat: z
        .enum(['ms', 'iso'])
        .default('ms')
        .describe('Timestamps as milliseconds since 1970, or as RFC 3339 text in UTC.'),
      delimiter: z.string().length(1).default(',').describe('CSV: what stands between cells.'),
      excelSafe: z
        .boolean()
        .default(false)
        .describe("CSV: put ' before text that a spreadsheet would run as a formula."),
    })
    .superRefine(({ path, format = knownFormat(path), pretty, delimiter, excelSafe }, context) => {
      if (format === undefined) return;
      if (pretty && format !== 'json') misplaced(context, 'pretty', 'json');
      if (delimiter !== ',' && format !== 'csv') misplaced(context, 'delimiter', 'csv');
      if (excelSafe && format !== 'csv') misplaced(context, 'excelSafe', 'csv');
    }) as ZodType<ParsedSinkOptions>;
}

function misplaced(context: RefinementCtx, option: string, format: EncodeFormat): void {
  const message = `\`${option}\` has a meaning for ${format} only; leave it out`;
  context.addIssue({ code: 'custom', path: [option], message });
}
