import type { RefinementCtx, ZodType } from 'zod';

import {
  type DecodeFormat,
  type EncodeFormat,
  type EncodeOptions,
  numberPolicies,
  type NumberPolicy,
  type TextEncoding,
  textEncodings,
} from '../batch/codec/contract.ts';
import type { Zod } from './component.ts';

/** How a connector reads bytes, with its defaults. */
export interface Decoding {
  readonly encoding: TextEncoding;
  readonly number: NumberPolicy;
  readonly extraFields: 'ignore' | 'error';
  readonly recordBytesMax: number;
  readonly delimiter: string;
  readonly header: boolean;
}

/** How a connector writes bytes, with its defaults. */
export interface Encoding {
  readonly pretty: boolean;
  readonly timestampFormat: 'ms' | 'iso';
  readonly delimiter: string;
  readonly excelSafe: boolean;
}

type Shape<T> = { [K in keyof T]: ZodType<T[K]> };

/** The options of `Decoding`, for the options of a connector that reads bytes. */
export function decodingOptions(z: Zod): Shape<Decoding> {
  return {
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
    delimiter: delimiterOption(z),
    header: z.boolean().default(true).describe('CSV: whether the first record names the columns.'),
  };
}

/** The options of `Encoding`, for the options of a connector that writes bytes. */
export function encodingOptions(z: Zod): Shape<Encoding> {
  return {
    pretty: z.boolean().default(false).describe('JSON: one line per field, indented.'),
    timestampFormat: z
      .enum(['ms', 'iso'])
      .default('ms')
      .describe('Timestamps as milliseconds since 1970, or as RFC 3339 text in UTC.'),
    delimiter: delimiterOption(z),
    excelSafe: z
      .boolean()
      .default(false)
      .describe("CSV: put ' before text that a spreadsheet would run as a formula."),
  };
}

/** The part of `Encoding` that an encoder takes. */
export function encodeOptions({
  pretty,
  timestampFormat,
  delimiter,
  excelSafe,
}: Encoding): EncodeOptions {
  return { pretty, timestamps: timestampFormat, delimiter, excelSafe };
}

/** Refuses options that mean nothing for a format; all are well where it is not known. */
export function refineDecoding(
  format: DecodeFormat | undefined,
  { delimiter, header }: Decoding,
  context: RefinementCtx,
): void {
  if (format !== 'ndjson') return;
  if (delimiter !== ',') misplaced(context, 'delimiter', 'csv');
  if (!header) misplaced(context, 'header', 'csv');
}

/** Refuses options that mean nothing for a format; all are well where it is not known. */
export function refineEncoding(
  format: EncodeFormat | undefined,
  { pretty, delimiter, excelSafe }: Encoding,
  context: RefinementCtx,
): void {
  if (format === undefined) return;
  if (pretty && format !== 'json') misplaced(context, 'pretty', 'json');
  if (delimiter !== ',' && format !== 'csv') misplaced(context, 'delimiter', 'csv');
  if (excelSafe && format !== 'csv') misplaced(context, 'excelSafe', 'csv');
}

function delimiterOption(z: Zod): ZodType<string> {
  return z.string().length(1).default(',').describe('CSV: what stands between cells.');
}

function misplaced(context: RefinementCtx, option: string, format: EncodeFormat): void {
  const message = `\`${option}\` has a meaning for ${format} only; leave it out`;
  context.addIssue({ code: 'custom', path: [option], message });
}
