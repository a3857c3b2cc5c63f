import type { RefinementCtx, ZodType } from 'zod';

import { type Encoding, encodingOptions, refineEncoding, type Zod } from '../../core/index.ts';
import {
  type Compression,
  knownCompression,
  knownFormat,
  type WriteFormat,
  writeFormats,
} from './format.ts';
import type { Roll } from './parquet/sink.ts';
import { compressionOption } from './source-options.ts';

/** The options of `fileSink` with their defaults. */
export interface ParsedSinkOptions extends Encoding, Partial<Undefinable<Roll>> {
  readonly path: string;
  readonly format?: WriteFormat | undefined;
  readonly compression: Compression | 'auto';
  readonly mode: 'replace' | 'append';
}

type Undefinable<T> = { [K in keyof T]: T[K] | undefined };

/** A path that ends in a slash is a directory: a series of files goes into it. */
function isDirectory(path: string): boolean {
  return path.endsWith('/');
}

const rollNames = ['rollRows', 'rollBytes', 'rollMs'] as const;

/** When files of a series are finished; undefined where there is one file. */
export function rollOf(path: string, given: Partial<Undefinable<Roll>>): Roll | undefined {
  if (!isDirectory(path)) return undefined;
  const { rollRows = Infinity, rollBytes = 134_217_728, rollMs = 3_600_000 } = given;
  return { rollRows, rollBytes, rollMs };
}

/** The options of `fileSink`. */
export function sinkOptions(z: Zod): ZodType<ParsedSinkOptions> {
  return z
    .strictObject({
      path: z.string().min(1).describe('The file; directories on the way are made.'),
      format: z
        .enum(writeFormats)
        .optional()
        .describe('The format, by the name of the file unless given; `json` is one array.'),
      compression: compressionOption(z),
      mode: z
        .enum(['replace', 'append'])
        .default('replace')
        .describe('Begin a new file, or add to one; a torn last record is cut off first.'),
      rollRows: rollOption(z, 'rows in it'),
      rollBytes: rollOption(z, 'bytes of it; 134217728 unless given'),
      rollMs: rollOption(z, 'milliseconds since its first row; 3600000 unless given'),
      ...encodingOptions(z),
    })
    .superRefine((options, context) => {
      const format = options.format ?? knownFormat(options.path);
      if (format === undefined) {
        const message = `does not tell the format by its name; set \`format\` to ${writeFormats.join(' or ')}`;
        context.addIssue({ code: 'custom', path: ['path'], message });
      }
      refineEncoding(format, options, context);
      refineSeries(format, options, context);
      refineCompression(format, options, context);
    });
}

/** Refuses what cannot be compressed as a whole. */
function refineCompression(
  format: WriteFormat | undefined,
  { path, compression: told }: ParsedSinkOptions,
  context: RefinementCtx,
): void {
  const compression = told === 'auto' ? knownCompression(path) : told;
  if (compression === 'none' || format === undefined || format === 'ndjson' || format === 'csv') {
    return;
  }
  const message =
    format === 'json'
      ? 'compressed, the end of an array could not be taken off to add to it; write ndjson'
      : `${format} is read by parts, and not where it is compressed as a whole; leave that out`;
  context.addIssue({ code: 'custom', path: [told === 'auto' ? 'path' : 'compression'], message });
}

function rollOption(z: Zod, limit: string): ZodType<number | undefined> {
  const message = `Parquet in a directory: a file is finished at the cut behind so many ${limit}.`;
  return z.number().positive().optional().describe(message);
}

/** Refuses a directory and what is for one where there is one file. */
function refineSeries(
  format: WriteFormat | undefined,
  options: ParsedSinkOptions,
  context: RefinementCtx,
): void {
  const refuse = (path: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [path], message });
  if (!isDirectory(options.path)) {
    const given = rollNames.filter((name) => options[name] !== undefined);
    const message = 'has a meaning for a directory only: a `path` that ends in `/`';
    for (const name of given) refuse(name, `\`${name}\` ${message}`);
  } else if (format !== undefined && format !== 'parquet') {
    refuse('path', 'is a directory; name a file, or set `format: parquet`');
  }
}
