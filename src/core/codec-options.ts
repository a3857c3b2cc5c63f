import type { RefinementCtx, ZodType } from 'zod';

import {
  decimalsMax,
  decodeFormats,
  type EncodeFormat,
  encodeFormats,
  type EncodeOptions,
  numberPolicies,
  type NumberPolicy,
  type TextEncoding,
  textEncodings,
} from '../batch/codec/contract.ts';
import type { Schema } from '../batch/index.ts';
import type { Zod } from './component.ts';
import { fieldOfKind } from './field-of-kind.ts';

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
  readonly decimals: Readonly<Record<string, number>>;
  readonly delimiter: string;
  readonly excelSafe: boolean;
}

const textDefaults = {
  encoding: 'utf-8',
  number: 'error',
  extraFields: 'ignore',
  recordBytesMax: 1_048_576,
} as const;

type Shape<T> = { [K in keyof T]: ZodType<T[K]> };

/** The options of `Decoding`, for the options of a connector that reads bytes. */
export function decodingOptions(z: Zod): Shape<Decoding> {
  return {
    encoding: z
      .enum(textEncodings)
      .default(textDefaults.encoding)
      .describe('How bytes become text; `replace` puts U+FFFD for what is not UTF-8.'),
    number: z
      .enum(numberPolicies)
      .default(textDefaults.number)
      .describe('What becomes of a number that a float64 cannot hold.'),
    extraFields: z
      .enum(['ignore', 'error'])
      .default(textDefaults.extraFields)
      .describe('Whether fields outside the schema are counted, or cost the record.'),
    recordBytesMax: z
      .int()
      .positive()
      .default(textDefaults.recordBytesMax)
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
    decimals: z
      .record(z.string(), z.int().min(0).max(decimalsMax))
      .default({})
      .describe('Fields of float64 that are rounded to so many decimals at most: `value: 3`.'),
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
  decimals,
  delimiter,
  excelSafe,
}: Encoding): EncodeOptions {
  return { pretty, timestamps: timestampFormat, decimals, delimiter, excelSafe };
}

/** Throws where a field that is to be rounded is not there, or of another kind. */
export function checkDecimals(input: Schema, { decimals }: Encoding): void {
  for (const name of Object.keys(decimals)) fieldOfKind(input, name, ['float64']);
}

/**
 * Refuses options that mean nothing for a format, which may be one of no text; all are well where it
 * is not known.
 */
export function refineDecoding(
  format: string | undefined,
  { delimiter, header, ...text }: Decoding,
  context: RefinementCtx,
): void {
  if (format === undefined) return;
  if (format !== 'csv') {
    if (delimiter !== ',') misplaced(context, 'delimiter', 'csv');
    if (!header) misplaced(context, 'header', 'csv');
  }
  if ((decodeFormats as readonly string[]).includes(format)) return;
  for (const name of Object.keys(textDefaults) as (keyof typeof textDefaults)[]) {
    if (text[name] !== textDefaults[name]) misplaced(context, name, 'text');
  }
}

/**
 * Refuses options that mean nothing for a format, which may be one of no text; all are well where it
 * is not known.
 */
export function refineEncoding(
  format: string | undefined,
  { pretty, delimiter, excelSafe, timestampFormat, decimals }: Encoding,
  context: RefinementCtx,
): void {
  if (format === undefined) return;
  if (!(encodeFormats as readonly string[]).includes(format)) {
    if (timestampFormat !== 'ms') misplaced(context, 'timestampFormat', 'text');
    if (Object.keys(decimals).length > 0) misplaced(context, 'decimals', 'text');
  }
  if (pretty && format !== 'json') misplaced(context, 'pretty', 'json');
  if (delimiter !== ',' && format !== 'csv') misplaced(context, 'delimiter', 'csv');
  if (excelSafe && format !== 'csv') misplaced(context, 'excelSafe', 'csv');
}

function delimiterOption(z: Zod): ZodType<string> {
  return z.string().length(1).default(',').describe('CSV: what stands between cells.');
}

function misplaced(context: RefinementCtx, option: string, format: EncodeFormat | 'text'): void {
  const message = `\`${option}\` has a meaning for ${format} only; leave it out`;
  context.addIssue({ code: 'custom', path: [option], message });
}
