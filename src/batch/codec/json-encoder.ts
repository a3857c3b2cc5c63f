import { Buffer } from 'node:buffer';

import type { Batch } from '../batch.ts';
import type { BytesColumn } from '../column.ts';
import type { Schema } from '../schema.ts';
import type { EncodeOptions } from './contract.ts';
import type { CodecPath } from './kernels.ts';
import { RowEncoder, utf8 } from './row-encoder.ts';
import type { RowFrame } from './row-writer.ts';

const nothing = utf8('null');
const none = new Uint8Array(0);
/** A control character becomes `\u0001`. */
const escapedBytesMax = 6;

const escapes: readonly Uint8Array[] = Array.from({ length: 128 }, (_, code) =>
  utf8(JSON.stringify(String.fromCharCode(code)).slice(1, -1)),
);
const mustEscape = Uint8Array.from({ length: 256 }, (_, byte) =>
  (escapes[byte]?.length ?? 1) > 1 ? 1 : 0,
);

/** JSON objects, one per line, or one array of them. */
export class JsonEncoder extends RowEncoder {
  readonly #array: boolean;
  #rows = 0;

  /** `path`: for tests that compare them. */
  constructor(schema: Schema, options: EncodeOptions, array: boolean, path: CodecPath = 'kernels') {
    const pretty = array && options.pretty === true;
    const frame = array ? elementFrame(schema, pretty) : lineFrame(schema);
    const { timestamps = 'ms' } = options;
    const style = { format: 'json', timestamps, delimiter: 0, excelSafe: false } as const;
    super(schema, options, frame, style, path);
    this.#array = array;
  }

  begin(): Uint8Array {
    this.#rows = 0;
    return this.#array ? utf8('[') : none;
  }

  override encode(batch: Batch): Uint8Array {
    const bytes = super.encode(batch);
    if (!this.#array || batch.length === 0) return bytes;
    // Each element begins with the comma behind the one before.
    const skipped = this.#rows === 0 ? 1 : 0;
    this.#rows += batch.length;
    return bytes.subarray(skipped);
  }

  end(): Uint8Array {
    return this.#array ? utf8(this.#rows === 0 ? ']\n' : '\n]\n') : none;
  }

  protected textBytes(text: string): Uint8Array {
    return utf8(JSON.stringify(text));
  }

  protected dataBytesMax(bytes: number): number {
    return escapedBytesMax * bytes + 2;
  }

  protected writeData(out: Uint8Array, at: number, column: BytesColumn, row: number): number {
    const { data, offsets, kind } = column;
    const start = offsets[row]!;
    const end = offsets[row + 1]!;
    if (kind === 'json') {
      out.set(data.subarray(start, end), at);
      return at + end - start;
    }
    out[at++] = 34;
    if (kind === 'bytes') {
      at += Buffer.from(out.buffer, out.byteOffset).write(
        data.toString('base64', start, end),
        at,
        'latin1',
      );
    } else {
      at = writeEscaped(out, at, data, start, end);
    }
    out[at++] = 34;
    return at;
  }
}

function writeEscaped(
  out: Uint8Array,
  at: number,
  text: Uint8Array,
  start: number,
  end: number,
): number {
  for (let from = start; from < end; from++) {
    const byte = text[from]!;
    if (mustEscape[byte] === 0) {
      out[at++] = byte;
      continue;
    }
    const escape = escapes[byte]!;
    for (let index = 0; index < escape.length; index++) out[at++] = escape[index]!;
  }
  return at;
}

function lineFrame(schema: Schema): RowFrame {
  const before = schema.names.map((name, field) =>
    utf8(`${field === 0 ? '{' : ','}${JSON.stringify(name)}:`),
  );
  return { before, after: utf8(before.length === 0 ? '{}\n' : '}\n'), nothing };
}

function elementFrame(schema: Schema, pretty: boolean): RowFrame {
  const [row, cell, colon, last] = pretty
    ? [',\n  {', '\n    ', ': ', '\n  }']
    : [',\n{', '', ':', '}'];
  const before = schema.names.map((name, field) =>
    utf8(`${field === 0 ? row : ','}${cell}${JSON.stringify(name)}${colon}`),
  );
  return { before, after: utf8(before.length === 0 ? `${row}}` : last), nothing };
}
