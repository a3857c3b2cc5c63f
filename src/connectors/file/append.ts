import { Buffer } from 'node:buffer';

import type { EncodeFormat } from '../../batch/codec.ts';
import { RecordScanner } from '../../batch/codec/csv-record.ts';
import type { FileHandle } from '../../core/index.ts';
import { endOfLastLine, readFully } from '../../core/record-file.ts';
import { PipelineError } from '../../errors.ts';

const blockBytes = 262_144;
/** A last line that is longer is no record. */
export const lineBytesMax = 1_048_576;

/** What a file to be appended to holds. */
export interface Appendable {
  /** Up to the end of its last whole record; what follows is torn, or the end of an array. */
  readonly recordBytes: number;
  /** True where the last record is whole but for its line end. */
  readonly lacksLineEnd: boolean;
  readonly tornBytes: number;
  /** True where it begins anew: nothing whole is in it. */
  readonly isEmpty: boolean;
}

const nothing: Appendable = { recordBytes: 0, lacksLineEnd: false, tornBytes: 0, isEmpty: true };

/**
 * Looks for the end of the last whole record. `header` and `delimiter` are those of a CSV. Throws
 * where the file is not of the format.
 */
export async function examine(
  path: string,
  handle: FileHandle,
  format: EncodeFormat,
  header: Uint8Array,
  delimiter: string,
): Promise<Appendable> {
  const { kind, sizeBytes } = await handle.facts();
  if (kind !== 'file' || sizeBytes === 0) return nothing;
  if (format === 'ndjson') return examineLines(path, handle, sizeBytes);
  if (format === 'csv') return examineCsv(path, handle, sizeBytes, header, delimiter);
  return examineArray(path, handle, sizeBytes);
}

async function examineLines(
  path: string,
  handle: FileHandle,
  sizeBytes: number,
): Promise<Appendable> {
  const recordBytes = await endOfLastLine(handle, sizeBytes);
  const tornBytes = sizeBytes - recordBytes;
  if (tornBytes > 0 && tornBytes <= lineBytesMax) {
    const line = Buffer.alloc(tornBytes);
    await readFully(handle, line, recordBytes);
    // An object that is whole but for its line end is no torn line.
    if (isJson(line))
      return { recordBytes: sizeBytes, lacksLineEnd: true, tornBytes: 0, isEmpty: false };
  }
  const isEmpty = recordBytes === 0;
  if (isEmpty) {
    const first = new Uint8Array(1);
    await readFully(handle, first, 0);
    assertTornRecord(path, first[0], tornBytes);
  }
  return { recordBytes, lacksLineEnd: false, tornBytes, isEmpty };
}

/** Throws where all of an NDJSON file cannot be one record that was not finished. */
export function assertTornRecord(path: string, first: number | undefined, bytes: number): void {
  if (first === openBrace && bytes <= lineBytesMax) return;
  throw unfit(path, `holds ${bytes} bytes, and no record or line end in them`);
}

/** Whether a line is a whole record of NDJSON. */
export function isJson(bytes: Buffer): boolean {
  try {
    return typeof JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) === 'object';
  } catch {
    return false;
  }
}

async function examineCsv(
  path: string,
  handle: FileHandle,
  sizeBytes: number,
  header: Uint8Array,
  delimiter: string,
): Promise<Appendable> {
  const records = new RecordScanner(delimiter.charCodeAt(0));
  let recordBytes = 0;
  let headerBytes = 0;
  await scan(handle, (bytes, base) => {
    let end = records.end(bytes, 0, bytes.length);
    while (end >= 0) {
      recordBytes = base + end + 1;
      headerBytes ||= recordBytes;
      records.begin();
      end = records.end(bytes, end + 1, bytes.length);
    }
  });
  const found = Buffer.alloc(Math.min(headerBytes || sizeBytes, lineBytesMax));
  await readFully(handle, found, 0);
  const [has, wanted] = [textOfHeader(found), textOfHeader(header)];
  if (headerBytes === 0 ? !wanted.startsWith(has) : has !== wanted) {
    throw unfit(path, `has the header \`${has.slice(0, 200)}\`, not \`${wanted.slice(0, 200)}\``);
  }
  return {
    recordBytes,
    lacksLineEnd: false,
    tornBytes: sizeBytes - recordBytes,
    isEmpty: recordBytes === 0,
  };
}

/** A CSV header without its line end. */
export function textOfHeader(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\r?\n$/, '');
}

/** Follows an array of objects from its beginning: only so is it known which bracket ends it. */
async function examineArray(
  path: string,
  handle: FileHandle,
  sizeBytes: number,
): Promise<Appendable> {
  const array = new ArrayScan(path);
  await scan(handle, (bytes, base) => {
    for (let at = 0; at < bytes.length; at++) array.take(bytes[at]!, base + at);
  });
  const { recordBytes, isClosed } = array;
  if (recordBytes === 0) return { ...nothing, tornBytes: isClosed ? 0 : sizeBytes };
  return {
    recordBytes,
    lacksLineEnd: false,
    tornBytes: isClosed ? 0 : sizeBytes - recordBytes,
    isEmpty: false,
  };
}

class ArrayScan {
  /** The end of the last whole element. */
  recordBytes = 0;
  readonly #path: string;
  #depth = 0;
  #inText = false;
  #isEscaped = false;
  isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  take(byte: number, offset: number): void {
    if (this.#inText) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === backslash) this.#isEscaped = true;
      else if (byte === quote) this.#inText = false;
      return;
    }
    if (this.#depth < 2) this.#assertBetween(byte, offset);
    if (byte === quote) this.#inText = true;
    else if (byte === openBrace || byte === openBracket) this.#depth++;
    else if (byte === closeBrace || byte === closeBracket) this.#close(offset);
  }

  #close(offset: number): void {
    if (--this.#depth === 1) this.recordBytes = offset + 1;
    else if (this.#depth === 0) this.isClosed = true;
  }

  // Outside its objects an array has brackets, commas and space.
  #assertBetween(byte: number, offset: number): void {
    const isSpace = byte === 32 || (byte >= 9 && byte <= 13);
    const isMark = offset < 3 && byte === [0xef, 0xbb, 0xbf][offset];
    if (isSpace || (isMark && this.#depth === 0)) return;
    const expected = this.#depth === 1 ? [openBrace, comma, closeBracket] : [openBracket];
    if (!this.isClosed && expected.includes(byte)) return;
    throw unfit(this.#path, `is not an array of objects, as byte ${offset} shows`);
  }
}

const [quote, backslash, comma] = [34, 92, 44];
const [openBrace, closeBrace, openBracket, closeBracket] = [123, 125, 91, 93];

async function scan(
  handle: FileHandle,
  take: (bytes: Uint8Array, base: number) => void,
): Promise<void> {
  const block = new Uint8Array(blockBytes);
  for (let base = 0; ;) {
    const read = await handle.read(block, base);
    if (read === 0) return;
    take(block.subarray(0, read), base);
    base += read;
  }
}

/** Why nothing can be appended to a file. */
export function unfit(path: string, fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONNECTOR_FILE',
    place: path,
    fact,
    remedy: 'append to another file, or set `mode: replace`',
  });
}
