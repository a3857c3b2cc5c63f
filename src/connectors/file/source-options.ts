import type { ZodType } from 'zod';

import type { DecodeFormat } from '../../batch/codec/contract.ts';
import type { Schema } from '../../batch/index.ts';
import {
  type Decoding,
  decodingOptions,
  refineDecoding,
  schemaOption,
  type Zod,
} from '../../core/index.ts';
import type { FileFormat } from './file-format.ts';
import {
  type Compression,
  compressions,
  formatOf,
  knownCompression,
  knownFormat,
  type ReadFormat,
  readFormats,
} from './format.ts';
import type { FileReading } from './opening.ts';
import type { Start } from './start.ts';

/** The options of `fileSource` with their defaults. */
export interface ParsedSourceOptions extends Decoding {
  readonly path: string | string[];
  readonly format?: ReadFormat | undefined;
  readonly compression: Compression | 'auto';
  readonly schema?: Schema | undefined;
  readonly follow: boolean;
  readonly pollMs: number;
  readonly start: Start;
}

/** The options of `fileSource`. */
export function sourceOptions(z: Zod): ZodType<ParsedSourceOptions> {
  return z
    .strictObject({
      path: z
        .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
        .describe('A path, a glob pattern, or several; each file is a partition.'),
      format: z
        .enum(readFormats)
        .optional()
        .describe('The format; by the name of the file unless given.'),
      compression: compressionOption(z),
      schema: schemaOption(z)
        .optional()
        .describe('Field names and kinds; found in the first file unless given.'),
      follow: z
        .boolean()
        .default(false)
        .describe('Go on at the end, through rotation and truncation, and with files that come.'),
      pollMs: z
        .number()
        .min(10)
        .max(60_000)
        .default(500)
        .describe('With `follow`: how often to look for more, in milliseconds.'),
      start: z
        .union([z.enum(['beginning', 'end']), z.strictObject({ offset: z.int().nonnegative() })])
        .default('beginning')
        .describe(
          'Where a first run begins: `end` with `follow`; the offset of a record in a file, in ' +
            'Parquet and Arrow that of a row.',
        ),
      ...decodingOptions(z),
    })
    .superRefine((options, context) => {
      const formats = new Set(
        [options.path].flat().map((path) => options.format ?? knownFormat(path)),
      );
      if (formats.size === 1) refineDecoding([...formats][0], options, context);
      if (options.start === 'end' && !options.follow) {
        const message = '`end` has a meaning with `follow` only: nothing is behind the end';
        context.addIssue({ code: 'custom', path: ['start'], message });
      }
      const whole = (['parquet', 'arrow'] as const).filter((format) => formats.has(format));
      if (!options.follow || whole.length === 0) return;
      const message = `has no meaning for ${whole.join(' and ')}, whose files are read when they are whole; leave it out`;
      context.addIssue({ code: 'custom', path: ['follow'], message });
    });
}

/** What the options say about how files are read. */
export function readingOf({
  path,
  format,
  compression,
  schema,
  follow,
  pollMs,
  start,
  ...decode
}: ParsedSourceOptions): FileReading {
  const loaded = new Map<ReadFormat, Promise<FileFormat>>();
  return {
    paths: [path].flat(),
    formatFor: async (one) => {
      const name = format ?? formatOf(one, readFormats);
      const known = loaded.get(name) ?? loadFormat(name, decode);
      loaded.set(name, known);
      return known;
    },
    compressionOf: (one) => (compression === 'auto' ? knownCompression(one) : compression),
    schema,
    pollMs: follow ? pollMs : undefined,
    start,
  };
}

/** The format of a file that is one record behind the other; undefined where it is another. */
export function recordFormatOf(
  { format }: Pick<ParsedSourceOptions, 'format'>,
  path: string,
): DecodeFormat | undefined {
  const name = format ?? knownFormat(path);
  return name === 'ndjson' || name === 'csv' ? name : undefined;
}

async function loadFormat(name: ReadFormat, decode: Decoding): Promise<FileFormat> {
  if (name === 'parquet') return (await import('./parquet/format.ts')).parquetFormat;
  if (name === 'arrow') return (await import('./arrow/format.ts')).arrowFormat;
  const { RecordFormat } = await import('./records.ts');
  return new RecordFormat(name, decode);
}

/** How a file is compressed, as an option. */
export function compressionOption(z: Zod): ZodType<Compression | 'auto'> {
  return z
    .enum([...compressions, 'auto'])
    .default('auto')
    .describe('How the file is compressed; `auto`: by its name, `.gz` or `.zst`.');
}
