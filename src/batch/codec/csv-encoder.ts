import { Buffer } from 'node:buffer';

import type { BytesColumn } from '../column.ts';
import type { Schema } from '../schema.ts';
import type { EncodeOptions } from './contract.ts';
import { delimiterByte } from './csv-record.ts';
import type { CodecPath } from './kernels.ts';
import { RowEncoder, utf8, writeBytes } from './row-encoder.ts';

const none = new Uint8Array(0);
const quote = 34;

/** CSV after RFC 4180, its lines ended by LF, with a header. */
export class CsvEncoder extends RowEncoder {
  readonly #delimiter: number;
  readonly #excelSafe: boolean;

  /** `path`: for tests that compare them. */
  constructor(schema: Schema, options: EncodeOptions, path: CodecPath = 'kernels') {
    const delimiter = Uint8Array.of(delimiterByte(options.delimiter ?? ','));
    const frame = {
      before: schema.fields.map((_, field) => (field === 0 ? none : delimiter)),
      after: utf8('\n'),
      // The line of a null alone would be blank, and blank lines are no records.
      nothing: schema.fields.length === 1 ? utf8('""') : none,
    };
    const { timestamps = 'ms', excelSafe = false } = options;
    const style = { format: 'csv', timestamps, delimiter: delimiter[0]!, excelSafe } as const;
    super(schema, options, frame, style, path);
    this.#delimiter = delimiter[0]!;
    this.#excelSafe = excelSafe;
  }

  begin(): Uint8Array {
    const delimiter = Uint8Array.of(this.#delimiter);
    const cells = this.schema.names.flatMap((name) => [delimiter, this.textBytes(name)]);
    return Buffer.concat([...cells.slice(1), utf8('\n')]);
  }

  end(): Uint8Array {
    return none;
  }

  protected textBytes(text: string): Uint8Array {
    const bytes = utf8(text);
    const out = new Uint8Array(this.dataBytesMax(bytes.length));
    return out.slice(0, this.#writeText(out, 0, bytes, 0, bytes.length));
  }

  protected dataBytesMax(bytes: number): number {
    return 2 * bytes + 3;
  }

  protected writeData(out: Uint8Array, at: number, column: BytesColumn, row: number): number {
    const { data, offsets, kind } = column;
    const start = offsets[row]!;
    const end = offsets[row + 1]!;
    if (kind !== 'bytes') return this.#writeText(out, at, data, start, end);
    return writeBytes(out, at, this.textBytes(data.toString('base64', start, end)));
  }

  #writeText(out: Uint8Array, at: number, text: Uint8Array, start: number, end: number): number {
    const first = at;
    const guarded = this.#excelSafe && end > start && startsFormula(text[start]!);
    let quoted = end === start;
    // A quote at the front is written always and moved over when it turns out to be needless.
    out[at++] = quote;
    if (guarded) out[at++] = 39;
    for (let from = start; from < end; from++) {
      const byte = text[from]!;
      if (byte === quote) out[at++] = quote;
      quoted ||= byte === quote || byte === this.#delimiter || byte === 10 || byte === 13;
      out[at++] = byte;
    }
    if (quoted) {
      out[at++] = quote;
      return at;
    }
    out.copyWithin(first, first + 1, at);
    return at - 1;
  }
}

function startsFormula(byte: number): boolean {
  return byte === 61 || byte === 43 || byte === 45 || byte === 64;
}
