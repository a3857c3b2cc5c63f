import type { DecodeFormat, TextEncoding } from './codec/contract.ts';
import { delimiterByte, RecordScanner, splitCells } from './codec/csv-record.ts';
import { isIntegerText, parseJson } from './codec/json-record.ts';
import { parseTimestamp } from './codec/timestamp.ts';
import { UndecodableError } from './codec/undecodable.ts';
import { decodeText } from './codec/utf8.ts';
import { type Field, type Kind, Schema } from './schema.ts';

/** How a schema is inferred: how much is looked at, and how bytes become text and cells. */
export interface InferOptions {
  /** Whether the sample is all there is, so that its last line is complete. Default false. */
  readonly complete?: boolean | undefined;
  /** Records that are looked at, at most. Default 1000. */
  readonly recordsMax?: number | undefined;
  readonly encoding?: TextEncoding | undefined;
  /** CSV: as for `createDecoder`; without a header the fields are named `column1`, `column2` … */
  readonly delimiter?: string | undefined;
  readonly header?: boolean | undefined;
  /** Told of each record that cannot be read: where it begins in the sample, and why. */
  readonly refused?: ((offset: number, message: string) => void) | undefined;
}

/** What the values of one field were. */
interface Seen {
  records: number;
  numbers: number;
  /** Numbers that are integers of int64. */
  integers: number;
  beyondSafe: number;
  bools: number;
  texts: number;
  timestamps: number;
  others: number;
  readonly distinct: Set<string>;
}

const categoryCharsMax = 64;
const int64Max = 2n ** 63n - 1n;
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * The schema that the first records of a file or stream suggest. Numbers are float64, or int64 where
 * all are integers and one is beyond 2^53; text is a timestamp where all of it is RFC 3339, and a
 * category where values come twice on average. What was null or missing is nullable. Records that
 * cannot be read are left out; a CSV with a header that cannot gives no fields. The same sample
 * gives the same schema; int32 and bytes are never guessed.
 */
export function inferSchema(
  format: DecodeFormat,
  sample: Uint8Array,
  options: InferOptions = {},
): Schema {
  const isCsv = format === 'csv';
  const recordsMax = options.recordsMax ?? 1000;
  const fields = new Map<string, Seen>();
  let records = 0;
  let columns: string[] | null = null;
  const named = options.header ?? true;
  for (const [start, end] of recordSpans(format, sample, options)) {
    if (records === recordsMax) break;
    try {
      const text = decodeText(sample, start, end, options.encoding ?? 'utf-8', start);
      if (isCsv) {
        const cells = splitCells(text, options.delimiter ?? ',');
        if (columns === null) {
          columns = cells.map((cell, at) => (named ? cell.text : `column${at + 1}`));
          for (const name of columns) fieldOf(fields, name);
          if (named) continue;
        }
        if (cells.length !== columns.length) continue;
        for (const [at, cell] of cells.entries()) {
          const isNull = cell.text === '' && !cell.quoted;
          if (!isNull) seeCell(fieldOf(fields, columns[at]!), cell.text);
        }
      } else {
        seeRecord(fields, text);
      }
      records++;
    } catch (thrown) {
      if (!(thrown instanceof UndecodableError)) throw thrown;
      const isHeader = isCsv && named && columns === null;
      options.refused?.(start, `${isHeader ? 'the header cannot be read: ' : ''}${thrown.fact}`);
      // No other record is the header.
      if (isHeader) break;
    }
  }
  const found = [...fields].map(([name, seen]): Field => {
    return { name, kind: kindOf(seen, isCsv), nullable: seen.records < records || records === 0 };
  });
  return new Schema(found);
}

/** Where the records of the sample are, without their line ends; blank lines are left out. */
function* recordSpans(
  format: DecodeFormat,
  sample: Uint8Array,
  { complete = false, delimiter = ',' }: InferOptions,
): Generator<[start: number, end: number]> {
  const scanner = new RecordScanner(delimiterByte(delimiter));
  let at = sample[0] === 0xef && sample[1] === 0xbb && sample[2] === 0xbf ? 3 : 0;
  while (at < sample.length) {
    scanner.begin();
    const found =
      format === 'csv' ? scanner.end(sample, at, sample.length) : sample.indexOf(10, at);
    if (found < 0 && !complete) return;
    const lineEnd = found < 0 ? sample.length : found;
    const end = lineEnd > at && sample[lineEnd - 1] === 13 ? lineEnd - 1 : lineEnd;
    if (end > at) yield [at, end];
    at = lineEnd + 1;
  }
}

function seeRecord(fields: Map<string, Seen>, text: string): void {
  const { value, spans } = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UndecodableError('record.type', 'a record is a JSON object, this is none');
  }
  const values = value as Record<string, unknown>;
  for (const [name, { start, end }] of spans) {
    const seen = fieldOf(fields, name);
    const field = values[name];
    if (field !== null) seeValue(seen, field, text.slice(start, end));
  }
}

function seeCell(seen: Seen, text: string): void {
  if (jsonNumber.test(text)) seeValue(seen, Number(text), text);
  else if (/^(?:true|false)$/i.test(text)) seeValue(seen, true, text);
  else seeValue(seen, isJsonText(text) ? {} : text, text);
}

function isJsonText(text: string): boolean {
  if (!/^[[{]/.test(text)) return false;
  try {
    parseJson(text);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof UndecodableError)) throw thrown;
    return false;
  }
}

function seeValue(seen: Seen, value: unknown, text: string): void {
  seen.records++;
  if (typeof value === 'number') {
    seen.numbers++;
    const integer = isIntegerText(text) && text.length <= 20 ? BigInt(text) : null;
    if (integer !== null && integer <= int64Max && integer >= -int64Max - 1n) seen.integers++;
    if (isIntegerText(text) && Math.abs(value) >= 2 ** 53) seen.beyondSafe++;
  } else if (typeof value === 'boolean') {
    seen.bools++;
  } else if (typeof value === 'string') {
    seen.texts++;
    if (!Number.isNaN(parseTimestamp(value))) seen.timestamps++;
    if (value.length <= categoryCharsMax) seen.distinct.add(value);
    else seen.distinct.add(`${seen.texts} ${value}`);
  } else {
    seen.others++;
  }
}

function kindOf(seen: Seen, isCsv: boolean): Kind {
  const { records, numbers, integers, beyondSafe, bools, texts, timestamps, others } = seen;
  if (records > 0) {
    if (numbers === records) return beyondSafe > 0 && integers === records ? 'int64' : 'float64';
    if (bools === records) return 'bool';
    if (timestamps === records) return 'timestamp';
    if (texts === records) return seen.distinct.size * 2 <= texts ? 'category' : 'text';
    if (others === records) return 'json';
  }
  // Values of several types: a cell is text in any case, a JSON value only as json.
  return isCsv ? 'text' : 'json';
}

function fieldOf(fields: Map<string, Seen>, name: string): Seen {
  let seen = fields.get(name);
  if (seen === undefined) {
    seen = {
      records: 0,
      numbers: 0,
      integers: 0,
      beyondSafe: 0,
      bools: 0,
      texts: 0,
      timestamps: 0,
      others: 0,
      distinct: new Set(),
    };
    fields.set(name, seen);
  }
  return seen;
}
