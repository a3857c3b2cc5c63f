import { Buffer } from 'node:buffer';

import { RecordScanner } from '../../batch/codec/csv-record.ts';
import type { FileHandle } from '../../core/index.ts';
import type { Appendable } from './append.ts';
import { assertTornRecord, isJson, lineBytesMax, textOfHeader, unfit } from './append.ts';
import { createDecompressor } from './decompress.ts';
import type { Decompressor } from './decompress/streams.ts';
import type { Compression } from './format.ts';

const blockBytes = 65_536;
const headerBytesMax = 1_048_576;
const nothing: Uint8Array = new Uint8Array(0);
/** What ends one of our streams and begins the next: nothing is lost with it. */
const betweenBytesMax = 25;

/** What a compressed file to be appended to holds. */
export interface CompressedAppendable extends Appendable {
  /** What ends its last stream behind its last whole record, where that is open. */
  readonly end: Uint8Array;
}

/** How the records of a file are told apart. */
export interface RecordEnds {
  readonly format: 'ndjson' | 'csv';
  /** Of a CSV. */
  readonly header: Uint8Array;
  readonly delimiter: string;
}

/**
 * Decompresses a file to find the last place where both a record and a part of the stream end. Throws
 * where the file is not of the format, or cut short by more than a torn record.
 */
export async function examineCompressed(
  path: string,
  handle: FileHandle,
  compression: Exclude<Compression, 'none'>,
  ends: RecordEnds,
): Promise<CompressedAppendable> {
  const { sizeBytes } = await handle.facts();
  const scan = new Scan(path, compression, ends);
  try {
    const block = new Uint8Array(blockBytes);
    for (let offset = 0; ;) {
      const read = await handle.read(block, offset);
      if (read === 0) return scan.result(sizeBytes);
      await scan.take(block.subarray(0, read));
      offset += read;
    }
  } finally {
    scan.close();
  }
}

class Scan {
  readonly #path: string;
  readonly #decompressor: Decompressor;
  readonly #records: Records;
  #offset = 0;
  /** Where the file could be ended last, behind a record. */
  #end = { offset: 0, bytes: 0, streams: 0, end: nothing };

  constructor(path: string, compression: Exclude<Compression, 'none'>, ends: RecordEnds) {
    this.#path = path;
    this.#decompressor = createDecompressor(compression, path, { mayEnd: true });
    this.#records = new Records(path, ends);
  }

  async take(block: Uint8Array): Promise<void> {
    for (let at = 0; at < block.length;) {
      // What may end a part is looked at behind it, so the next bytes wait.
      const length = this.#decompressor.partEnd(block.subarray(at));
      this.#decompressor.write(block.subarray(at, at + length));
      for (;;) {
        const bytes = await this.#decompressor.read();
        if (bytes === undefined) break;
        this.#records.take(bytes);
      }
      at += length;
      this.#offset += length;
      const endHere = this.#decompressor.endHere();
      const { streams } = this.#decompressor;
      const { bytes, isBetween } = this.#records;
      if (endHere !== undefined && isBetween) {
        this.#end = { offset: this.#offset, bytes, streams, end: endHere };
      }
    }
  }

  result(sizeBytes: number): CompressedAppendable {
    const { isWhole, garbageBytes, streams } = this.#decompressor;
    const records = this.#records;
    if (garbageBytes > 0) {
      throw unfit(this.#path, `has ${garbageBytes} bytes behind its end that are not compressed`);
    }
    records.assertHeader();
    // The end of the stream shows that its last record is all that somebody wrote of it.
    if (isWhole && !records.isBetween && records.isLastWhole) {
      const whole = { recordBytes: sizeBytes, lacksLineEnd: true, tornBytes: 0, isEmpty: false };
      return { ...whole, end: nothing };
    }
    const { offset, bytes: kept, end } = this.#end;
    if (isWhole && kept < records.wholeBytes) {
      throw unfit(this.#path, 'ends within a record, which cannot be cut out of its stream');
    }
    if (isWhole && kept === 0) records.assertTorn();
    const isOurs = end.length > 0 && streams === this.#end.streams;
    if (!isWhole && !isOurs && sizeBytes - offset > betweenBytesMax) {
      throw unfit(this.#path, 'is cut short, and has no place where it could go on');
    }
    const tornBytes = sizeBytes - offset;
    return { recordBytes: offset, lacksLineEnd: false, tornBytes, isEmpty: kept === 0, end };
  }

  close(): void {
    this.#decompressor.close();
  }
}

/** Where records end in what comes out. */
class Records {
  readonly #path: string;
  readonly #ends: RecordEnds;
  readonly #scanner: RecordScanner | undefined;
  readonly #header: Uint8Array[] = [];
  #headerBytes = 0;
  #hasHeader = false;
  /** The last line of NDJSON, as far as it is there and not too long. */
  #line: Uint8Array[] = [];
  bytes = 0;
  /** Up to the end of the last record that has a line end. */
  wholeBytes = 0;

  constructor(path: string, ends: RecordEnds) {
    this.#path = path;
    this.#ends = ends;
    const { format, delimiter } = ends;
    this.#scanner = format === 'csv' ? new RecordScanner(delimiter.charCodeAt(0)) : undefined;
    this.#hasHeader = format !== 'csv';
  }

  take(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    if (this.#scanner === undefined) this.#takeLines(bytes);
    else this.#takeCsv(this.#scanner, bytes);
  }

  get isBetween(): boolean {
    return this.wholeBytes === this.bytes;
  }

  /** Whether the last record is whole but for its line end, if no more was to come. */
  get isLastWhole(): boolean {
    if (this.#scanner === undefined) return isJson(Buffer.concat(this.#line));
    return this.#hasHeader && !this.#scanner.isInQuotes;
  }

  /** Throws where what is there cannot be a record that was not finished. */
  assertTorn(): void {
    if (this.#scanner !== undefined || this.bytes === 0) return;
    assertTornRecord(this.#path, this.#line[0]?.[0], this.bytes);
  }

  /** Throws where a CSV has other columns, as far as is there. */
  assertHeader(): void {
    if (this.#ends.format !== 'csv' || this.bytes === 0) return;
    const has = textOfHeader(Buffer.concat(this.#header));
    const wanted = textOfHeader(this.#ends.header);
    if (this.#hasHeader ? has === wanted : wanted.startsWith(has)) return;
    throw unfit(
      this.#path,
      `has the header \`${has.slice(0, 200)}\`, not \`${wanted.slice(0, 200)}\``,
    );
  }

  #takeLines(bytes: Uint8Array): void {
    const begin = bytes.lastIndexOf(10) + 1;
    if (begin > 0) {
      this.wholeBytes = this.bytes - bytes.length + begin;
      this.#line = [];
    }
    if (this.bytes - this.wholeBytes > lineBytesMax) this.#line = [];
    else if (begin < bytes.length) this.#line.push(bytes.slice(begin));
  }

  #takeCsv(scanner: RecordScanner, bytes: Uint8Array): void {
    const base = this.bytes - bytes.length;
    let end = scanner.end(bytes, 0, bytes.length);
    this.#takeHeader(bytes, end);
    while (end >= 0) {
      this.wholeBytes = base + end + 1;
      scanner.begin();
      end = scanner.end(bytes, end + 1, bytes.length);
    }
  }

  #takeHeader(bytes: Uint8Array, end: number): void {
    if (this.#hasHeader || this.#headerBytes > headerBytesMax) return;
    const part = bytes.slice(0, end < 0 ? bytes.length : end + 1);
    this.#header.push(part);
    this.#headerBytes += part.length;
    this.#hasHeader = end >= 0;
  }
}
