import type { Batch } from '../batch.ts';
import type { Fields } from '../schema.ts';

/** What can be read; `ndjson` is one JSON object per line. */
export const decodeFormats = ['ndjson', 'csv'] as const;
/** One of `decodeFormats`. */
export type DecodeFormat = (typeof decodeFormats)[number];

/** What can be written; `json` is one array of objects. */
export const encodeFormats = ['ndjson', 'csv', 'json'] as const;
/** One of `encodeFormats`. */
export type EncodeFormat = (typeof encodeFormats)[number];

/** How bytes become text; `utf-8` refuses a record that is not valid, `replace` puts in U+FFFD. */
export const textEncodings = ['utf-8', 'latin1', 'replace'] as const;
/** One of `textEncodings`. */
export type TextEncoding = (typeof textEncodings)[number];

/**
 * What becomes of a number that a float64 cannot hold: an integer beyond ±2^53, or one that would
 * be Infinity. `error` refuses the record. `lossy` takes the nearest finite float64, where there is
 * one. `string` keeps its text where the field is text, category or json, else refuses the record.
 * Integers of int64 fields are exact to the range of the kind and never fall under this.
 */
export const numberPolicies = ['error', 'string', 'lossy'] as const;
/** One of `numberPolicies`. */
export type NumberPolicy = (typeof numberPolicies)[number];

/** Why a record did not become a row. */
export type DecodeReason =
  | 'csv.carriage-return'
  | 'csv.quote'
  | 'csv.ragged'
  | 'field.extra'
  | 'field.missing'
  | 'field.type'
  | 'json.depth'
  | 'json.key'
  | 'json.syntax'
  | 'number.range'
  | 'record.size'
  | 'record.type'
  | 'text.encoding'
  | 'text.surrogate';

/** A record that did not become a row, as `SourceReport.failed` of the core takes it. */
export interface UndecodedRecord {
  /** The offset of its first byte in the stream. */
  readonly position: number;
  readonly partition: string;
  readonly reason: DecodeReason;
  readonly message: string;
  readonly quotesRecord: false;
  /** The record without its line end: the first 64 KiB only where `recordBytes` is more. */
  readonly record: Uint8Array;
  readonly recordBytes: number;
  /** SHA-256 of the whole record, in hex, where `record` is not all of it. */
  readonly recordSha256?: string;
}

/** What a decoder tells besides rows. `SourceReport` of the core is one. */
export interface DecodeReport {
  failed(record: UndecodedRecord): void;
  /** `blankLines` skipped; `extraFields` and `duplicateKeys` of records that became rows. */
  counted(what: string, count: number): void;
}

/** Where decoded rows say they come from, the limits of a batch, and what is done with odd input. */
export interface DecodeOptions {
  readonly report: DecodeReport;
  /** Id of the source and its partition (a file name), as they stand in `Batch.origin`. */
  readonly source?: string | undefined;
  readonly partition?: string | undefined;
  /** Offset in the stream of the first byte that will be pushed: the start of a record. Default 0. */
  readonly position?: number | undefined;
  /** A batch closes at this many rows. Default 4096. */
  readonly rowsMax?: number | undefined;
  /** A batch closes once its columns take this many bytes. Default 1 MiB. */
  readonly bytesMax?: number | undefined;
  /** A longer record, without its line end, is refused. Default 1 MiB. */
  readonly recordBytesMax?: number | undefined;
  /** Default `utf-8`. */
  readonly encoding?: TextEncoding | undefined;
  /** Default `error`. */
  readonly number?: NumberPolicy | undefined;
  /** Whether fields outside the schema are counted or cost the record. Default `ignore`. */
  readonly extraFields?: 'ignore' | 'error' | undefined;
  /** CSV: one ASCII character between cells. Default a comma. */
  readonly delimiter?: string | undefined;
  /** CSV: whether the first record names the columns, else in schema order. Default true. */
  readonly header?: boolean | undefined;
  /** CSV: the names of the columns, as `Decoder.columns` gave them, to start behind the header. */
  readonly columns?: readonly string[] | undefined;
}

/**
 * Turns the bytes of one stream into batches, whatever the sizes of its chunks:
 *
 *     decoder.push(chunk)
 *     for (let batch = decoder.next(); batch !== null; batch = decoder.next()) …
 *
 * After the last chunk: `end()`, then `next()` until null. A chunk must stay unchanged until
 * `next()` has given null. Memory is bounded by one chunk, one record and one batch.
 */
export interface Decoder<F extends Fields = Fields> {
  /**
   * Where the next bytes may be read into, to be pushed from there without a copy; until then nothing
   * else may be called. Left out where a decoder copies nothing anyway.
   */
  room?(): Uint8Array;
  /** Gives the next bytes. Throws `ERR_CONNECTOR_PROTOCOL` before `next()` has given null. */
  push(chunk: Uint8Array): void;
  /** Says that no more bytes come: what stands behind the last line end is a record too. */
  end(): void;
  /**
   * The next full batch, or the last one after `end()`; null when more bytes are needed. Throws
   * `ERR_CODEC_FORMAT`.
   */
  next(): Batch<F> | null;
  /** The rows that wait for a batch to fill up, as a batch; null when there are none. */
  flush(): Batch<F> | null;
  /**
   * Goes on elsewhere, also after `end()`, once every batch is taken: `position` is the offset of the
   * next bytes in that partition.
   */
  moveTo(partition: string, position: number): void;
  /** How many rows wait for a batch to fill up. */
  readonly rowsPending: number;
  /** Where to resume behind the last batch given: an offset between two records. */
  readonly position: number;
  /** CSV: the names in the header, once read, for `DecodeOptions.columns`. Null for NDJSON. */
  readonly columns: readonly string[] | null;
}

/** A float64 is rounded to so many decimals, at most. */
export const decimalsMax = 15;

/** How values are written. */
export interface EncodeOptions {
  /** Takes the count of `nonFinite` numbers, which are written as null or an empty cell. */
  readonly report?: { counted(what: string, count: number): void } | undefined;
  /** How timestamps are written: milliseconds (default), or RFC 3339 text in UTC. */
  readonly timestamps?: 'ms' | 'iso' | undefined;
  /** JSON array: one line per field, indented. Default false. */
  readonly pretty?: boolean | undefined;
  /** CSV: one ASCII character between cells. Default a comma. */
  readonly delimiter?: string | undefined;
  /** Float64 fields that are rounded to so many decimals at most. All others are written whole. */
  readonly decimals?: Readonly<Record<string, number>> | undefined;
  /** CSV: puts ' before text that spreadsheets would run, with = + - or @ first. Default false. */
  readonly excelSafe?: boolean | undefined;
}

/**
 * Turns batches into bytes. What a method gives is valid until the next call: it is written out, or
 * copied, before.
 */
export interface Encoder {
  /** What stands before the first row of a new file: the CSV header, `[`, or nothing. */
  begin(): Uint8Array;
  /** The rows of the batch that count, each with its line end. */
  encode(batch: Batch): Uint8Array;
  /** What stands behind the last row: `]`, or nothing. */
  end(): Uint8Array;
}
