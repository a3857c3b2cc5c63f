import { createDecoder } from '../../batch/codec.ts';
import { RecordScanner } from '../../batch/codec/csv-record.ts';
import type { DecodeFormat } from '../../batch/codec/contract.ts';
import type { Schema } from '../../batch/index.ts';
import type { Decoding } from '../../core/index.ts';
import { endOfLastLine } from '../../core/record-file.ts';
import { PipelineError } from '../../errors.ts';
import type { FileContents } from './contents.ts';

/** Where files are begun that no earlier run has read; an offset as their format counts. */
export type Start = 'beginning' | 'end' | { readonly offset: number };

/** Where a file is begun: between two records. */
export interface StartPosition {
  readonly offset: number;
  readonly columns?: readonly string[];
}

/** Finds where to begin in a file. Throws where that lies behind its end, or within a record. */
export async function startIn(
  path: string,
  handle: FileContents,
  start: Start,
  format: DecodeFormat,
  schema: Schema,
  decode: Decoding,
): Promise<StartPosition> {
  if (start === 'beginning' || (start !== 'end' && start.offset === 0)) return { offset: 0 };
  const wanted = start === 'end' ? Infinity : start.offset;
  const { sizeBytes } = await handle.facts();
  const isPlain = format === 'ndjson' && handle.compressed === undefined;
  if (isPlain && start === 'end') return { offset: await endOfLastLine(handle, sizeBytes) };
  const scan = new Scan(format, schema, decode);
  const from = isPlain ? Math.max(0, Math.min(wanted, sizeBytes) - 1) : 0;
  const bytes = await scan.to(handle, from, wanted);
  if (start === 'end') return scan.end;
  if (bytes < wanted) throw refused(path, `is ${bytes} bytes long, less than ${wanted}`);
  if (scan.end.offset !== wanted) throw refused(path, `byte ${wanted} lies within a record`);
  return scan.end;
}

const blockBytes = 65_536;

/** Follows the records of a file up to an offset. */
class Scan {
  readonly #format: DecodeFormat;
  readonly #schema: Schema;
  readonly #decode: Decoding;
  readonly #scanner: RecordScanner;
  #columns: readonly string[] | undefined;
  /** The first record, until it has ended. */
  #header: Uint8Array[] | undefined;
  #endOffset = 0;

  constructor(format: DecodeFormat, schema: Schema, decode: Decoding) {
    this.#format = format;
    this.#schema = schema;
    this.#decode = decode;
    this.#scanner = new RecordScanner(decode.delimiter.charCodeAt(0));
    if (format === 'csv' && decode.header) this.#header = [];
  }

  /** Behind the last record that has ended. */
  get end(): StartPosition {
    const columns = this.#columns;
    return { offset: this.#endOffset, ...(columns === undefined ? {} : { columns }) };
  }

  /** Resolves to where it came: less than `wanted` at the end. */
  async to(handle: FileContents, from: number, wanted: number): Promise<number> {
    let offset = from;
    while (offset < wanted) {
      const block = new Uint8Array(Math.min(blockBytes, wanted - offset));
      const read = await handle.read(block, offset);
      if (read === 0) break;
      this.#take(block.subarray(0, read), offset);
      offset += read;
    }
    return offset;
  }

  #take(bytes: Uint8Array, base: number): void {
    if (this.#format === 'ndjson') {
      const end = bytes.lastIndexOf(10);
      if (end >= 0) this.#endOffset = base + end + 1;
      return;
    }
    let end = this.#scanner.end(bytes, 0, bytes.length);
    this.#takeHeader(bytes, end);
    while (end >= 0) {
      this.#endOffset = base + end + 1;
      this.#scanner.begin();
      end = this.#scanner.end(bytes, end + 1, bytes.length);
    }
  }

  #takeHeader(bytes: Uint8Array, end: number): void {
    if (this.#header === undefined) return;
    this.#header.push(bytes.slice(0, end < 0 ? bytes.length : end + 1));
    if (end < 0) return;
    const report = { failed: () => {}, counted: () => {} };
    const decoder = createDecoder('csv', this.#schema, { ...this.#decode, report });
    for (const part of this.#header) {
      decoder.push(part);
      decoder.next()?.release();
    }
    this.#columns = decoder.columns ?? undefined;
    this.#header = undefined;
  }
}

function refused(path: string, fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: path,
    fact,
    remedy: 'let `start` be an offset at which a record begins',
  });
}
