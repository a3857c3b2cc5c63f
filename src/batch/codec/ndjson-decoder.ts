import { Buffer } from 'node:buffer';

import type { Fields, Schema } from '../schema.ts';
import type { DecodeOptions, NumberPolicy, TextEncoding } from './contract.ts';
import { FramedDecoder } from './framing.ts';
import { writeJsonCell } from './json-cell.ts';
import { parseJson } from './json-record.ts';
import { actions, type Shape, shapeOf } from './ndjson-shape.ts';
import { readFloat, readInt32, readInt64 } from './read-number.ts';
import { readTimestamp } from './timestamp.ts';
import { UndecodableError } from './undecodable.ts';
import { decodeText, sequenceEnd } from './utf8.ts';

/** Lines of this many shapes stay on the fast path at a time. */
const shapesMax = 4;
/** What `parseLine` gives instead of an offset. */
const otherShape = -1;
const otherValue = -2;

/**
 * One JSON object per line. The fast path takes lines that look like the last ones, their values
 * plain; any other line goes whole to the slow path, which is the runtime's own JSON parser.
 */
export class NdjsonDecoder<F extends Fields> extends FramedDecoder<F> {
  readonly columns = null;
  readonly #schema: Schema<F>;
  readonly #encoding: TextEncoding;
  readonly #number: NumberPolicy;
  readonly #refuseExtra: boolean;
  readonly #fast: boolean;
  /** For each byte inside a string: 1 stands for itself, 2 begins a sequence, 0 is unexpected. */
  readonly #inString: Uint8Array;
  readonly #nullable: readonly boolean[];
  readonly #scratch = new Float64Array(1);
  /** The last that fitted comes first. */
  #shapes: Shape[] = [];
  /** The bytes that are being parsed, for the runtime's parser of long numbers. */
  #text: Buffer = Buffer.alloc(0);

  /** `fast: false` sends every line to the slow path: for tests that compare the two. */
  constructor(schema: Schema<F>, options: DecodeOptions, fast = true) {
    super(schema, options);
    this.#schema = schema;
    this.#encoding = options.encoding ?? 'utf-8';
    this.#number = options.number ?? 'error';
    this.#refuseExtra = options.extraFields === 'error';
    this.#fast = fast;
    this.#nullable = schema.fields.map((field) => field.nullable);
    this.#inString = Uint8Array.from({ length: 256 }, (_, byte) => {
      if (byte >= 0x80) return this.#encoding === 'latin1' ? 0 : 2;
      return byte >= 0x20 && byte !== 34 && byte !== 92 ? 1 : 0;
    });
  }

  protected beginRecord(): void {}

  protected recordEnd(bytes: Uint8Array, from: number, to: number): number {
    const end = bytes.indexOf(10, from);
    return end < to ? end : -1;
  }

  protected refuseUnfinished(): void {}

  protected parse(bytes: Uint8Array, at: number, limit: number, base: number): number {
    // Up to here every line has its LF, at which each loop of the fast path stops at the latest.
    const end = bytes.lastIndexOf(10, limit - 1) + 1;
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    while (at < end && !this.rows.full) {
      const shape = this.#shapes[0];
      const next = shape === undefined ? otherShape : this.#parseLine(bytes, at, shape);
      if (next < 0) {
        const lineEnd = this.#parseOther(bytes, at, base, next);
        if (lineEnd < 0) return at;
        at = lineEnd + 1;
      } else {
        this.rows.commit(base + at);
        this.extraFields += shape!.extraFields;
        at = next;
      }
    }
    return at;
  }

  /** A line that is not of the last shape, or has an unexpected value: gives its LF. */
  #parseOther(bytes: Uint8Array, at: number, base: number, outcome: number): number {
    const lineEnd = bytes.indexOf(10, at);
    // Beyond this the record is too long even with a CR, and is not kept whole.
    if (lineEnd - at > this.recordBytesMax + 1) return -1;
    this.rows.rollback();
    for (let index = 1; index < this.#shapes.length; index++) {
      const shape = this.#shapes[index]!;
      const next = this.#parseLine(bytes, at, shape);
      if (next >= 0) {
        this.rows.commit(base + at);
        this.extraFields += shape.extraFields;
        this.#shapes.splice(index, 1);
        this.#shapes.unshift(shape);
        return lineEnd;
      }
      this.rows.rollback();
      if (next === otherValue) outcome = otherValue;
    }
    const end = bytes[lineEnd - 1] === 13 && lineEnd > at ? lineEnd - 1 : lineEnd;
    const accepted = this.#parseSlowly(bytes, at, end, base);
    if (accepted && this.#fast && outcome === otherShape) {
      const shape = shapeOf(bytes, at, end, this.#schema, this.#encoding);
      if (shape !== null) this.#shapes = [shape, ...this.#shapes.slice(0, shapesMax - 1)];
    }
    return lineEnd;
  }

  /** The slow path: decides what every line means. */
  #parseSlowly(bytes: Uint8Array, start: number, end: number, base: number): boolean {
    const position = base + start;
    try {
      if (end - start > this.recordBytesMax) {
        throw new UndecodableError('record.size', this.tooLong(end - start));
      }
      const text = decodeText(bytes, start, end, this.#encoding, position);
      if (/^[ \t\r]*$/.test(text)) {
        this.blankLines++;
        return false;
      }
      const record = parseJson(text);
      if (!/^\s*\{/.test(text)) {
        throw new UndecodableError('record.type', 'a record is a JSON object, this is none');
      }
      for (let index = 0; index < this.#schema.fields.length; index++) {
        writeJsonCell(this.rows, index, record, text, this.#number);
      }
      const extra = [...record.spans.keys()].filter((name) => !this.#schema.has(name));
      if (extra.length > 0 && this.#refuseExtra) {
        const fact = `field ${JSON.stringify(extra[0])} is not in the schema`;
        throw new UndecodableError('field.extra', fact);
      }
      this.rows.commit(position);
      this.extraFields += extra.length;
      this.duplicateKeys += record.duplicateKeys;
      return true;
    } catch (thrown) {
      if (!(thrown instanceof UndecodableError)) throw thrown;
      this.rows.rollback();
      this.refuse(bytes, start, end, position, thrown.reason, thrown.fact);
      return false;
    }
  }

  /** Writes the cells of the line at `at` and gives the offset behind its LF, or why it did not. */
  #parseLine(bytes: Uint8Array, start: number, shape: Shape): number {
    const { around, starts, fields } = shape;
    let at = start;
    let p = 0;
    for (let index = 0; index < fields.length; index++) {
      for (const end = starts[index + 1]!; p < end; p++) {
        if (bytes[at++] !== around[p]) return otherShape;
      }
      at = this.#readValue(bytes, at, shape.actions[index]!, fields[index]!);
      if (at < 0) return otherValue;
    }
    for (const end = around.length; p < end; p++) if (bytes[at++] !== around[p]) return otherShape;
    const byte = bytes[at++];
    if (byte !== 10 && (byte !== 13 || bytes[at++] !== 10)) return otherShape;
    if (at - start > this.recordBytesMax) return otherValue;
    for (const field of shape.missing) this.rows.setNull(field);
    return at;
  }

  #readValue(bytes: Uint8Array, at: number, action: number, field: number): number {
    const { rows } = this;
    const { row } = rows;
    const byte = bytes[at]!;
    if (byte === 110) return this.#readNull(bytes, at, field);
    switch (action) {
      case actions.float64:
        return readFloat(bytes, at, rows.floats[field]!, row, this.#text);
      case actions.timestamp: {
        if (byte !== 34) return readFloat(bytes, at, rows.floats[field]!, row, this.#text);
        const end = this.#stringEnd(bytes, at);
        const value = end < 0 ? NaN : readTimestamp(bytes, at + 1, end - 1);
        rows.floats[field]![row] = value;
        return Number.isNaN(value) ? -1 : end;
      }
      case actions.int32:
        return readInt32(bytes, at, rows.ints[field]!, row);
      case actions.int64:
        return readInt64(bytes, at, rows.longs[field]!, row);
      case actions.bool: {
        const end = literalEnd(bytes, at);
        rows.bools[field]![row] = end - at === 4 ? 1 : 0;
        return end;
      }
      case actions.category: {
        const end = this.#stringEnd(bytes, at);
        if (end > 0) rows.setCategory(field, bytes, at + 1, end - 1);
        return end;
      }
      case actions.text: {
        const end = this.#stringEnd(bytes, at);
        if (end > 0) rows.setData(field, bytes, at + 1, end - 1);
        return end;
      }
      case actions.skip:
        if (byte === 34) return this.#stringEnd(bytes, at);
        if (byte === 116 || byte === 102) return literalEnd(bytes, at);
        return readFloat(bytes, at, this.#scratch, 0, this.#text);
      default:
        return -1;
    }
  }

  #readNull(bytes: Uint8Array, at: number, field: number): number {
    if (bytes[at + 1] !== 117 || bytes[at + 2] !== 108 || bytes[at + 3] !== 108) return -1;
    if (field >= 0) {
      if (!this.#nullable[field]!) return -1;
      this.rows.setNull(field);
    }
    return at + 4;
  }

  /** Behind the string at `at`, or −1 where it has anything but plain valid text. */
  #stringEnd(bytes: Uint8Array, at: number): number {
    const inString = this.#inString;
    if (bytes[at] !== 34) return -1;
    at++;
    for (;;) {
      while (inString[bytes[at]!] === 1) at++;
      if (bytes[at] === 34) return at + 1;
      if (inString[bytes[at]!] !== 2) return -1;
      at = sequenceEnd(bytes, at);
      if (at < 0) return -1;
    }
  }
}

/** Behind `true` or `false` at `at`, or −1. */
function literalEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === 116) {
    return bytes[at + 1] === 114 && bytes[at + 2] === 117 && bytes[at + 3] === 101 ? at + 4 : -1;
  }
  if (bytes[at] !== 102 || bytes[at + 1] !== 97 || bytes[at + 2] !== 108) return -1;
  return bytes[at + 3] === 115 && bytes[at + 4] === 101 ? at + 5 : -1;
}
