import { canGenerate } from '../generate.ts';
import type { Fields, Schema } from '../schema.ts';
import type { DecodeOptions, NumberPolicy, TextEncoding } from './contract.ts';
import { FramedDecoder } from './framing.ts';
import { writeJsonCell } from './json-cell.ts';
import { parseJson } from './json-record.ts';
import type { KernelRows } from './kernel-rows.ts';
import { type CodecPath, loadKernels } from './kernels.ts';
import { ndjsonKernel } from './ndjson-kernel.ts';
import { createLineParser, type LineParser } from './ndjson-parser.ts';
import { type Shape, shapeOf } from './ndjson-shape.ts';
import { viewOf } from './read-number.ts';
import { UndecodableError } from './undecodable.ts';
import { decodeText } from './utf8.ts';

/** Lines of this many shapes stay on the fast path at a time. */
const shapesMax = 4;
/**
 * A parser takes as long to make as some hundred lines take on the slow path, so each is paid for by
 * this many lines: a stream in which every line is different stays as fast as the slow path.
 */
const linesPerParser = 256;
const linesSavedMax = 8 * linesPerParser;

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
  /** The last that fitted comes first. */
  #shapes: { readonly shape: Shape; readonly parser: LineParser }[] = [];
  #linesSaved = linesSavedMax;
  readonly #kernel: KernelRows<F> | null;

  /** `path` keeps to the twin of the kernels, or to the slow path: for tests that compare them. */
  constructor(schema: Schema<F>, options: DecodeOptions, path: CodecPath = 'kernels') {
    super(schema, options);
    this.#schema = schema;
    this.#encoding = options.encoding ?? 'utf-8';
    this.#number = options.number ?? 'error';
    this.#refuseExtra = options.extraFields === 'error';
    this.#fast = path !== 'slow' && canGenerate();
    const kernels = path === 'kernels' ? loadKernels() : null;
    this.#kernel =
      kernels &&
      ndjsonKernel(kernels, schema, this.rows, {
        recordBytesMax: this.recordBytesMax,
        ascii: this.#encoding === 'latin1',
        refuseExtra: this.#refuseExtra,
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
    const view = viewOf(bytes);
    while (at < end && !this.rows.full) {
      const behind = this.#kernel === null ? -1 : this.#parseByKernel(bytes, at, end, base);
      if (behind >= 0) {
        at = behind;
        if (at === end || this.rows.full || !this.#kernel!.isOdd) continue;
      }
      const rest = behind >= 0 ? ~at : this.#parseKnown(bytes, view, at, end, base);
      at = rest < 0 ? ~rest : rest;
      if (at === end || this.rows.full) break;
      const lineEnd = bytes.indexOf(10, at);
      // Beyond this the record is too long even with a CR, and is not kept whole.
      if (lineEnd - at > this.recordBytesMax + 1) return at;
      this.#parseOther(bytes, at, lineEnd, base, rest >= 0);
      at = lineEnd + 1;
    }
    return at;
  }

  #parseByKernel(bytes: Uint8Array, at: number, end: number, base: number): number {
    const kernel = this.#kernel!;
    const behind = kernel.parse(bytes, at, end, base);
    this.blankLines += kernel.blankLines;
    this.extraFields += kernel.extraFields;
    kernel.blankLines = kernel.extraFields = 0;
    return behind;
  }

  /** Parses lines of known shapes; gives the first that is not, as `LineParser` does. */
  #parseKnown(bytes: Uint8Array, view: DataView, at: number, end: number, base: number): number {
    let rest = at;
    for (let index = 0; index < this.#shapes.length; index++) {
      const { shape, parser } = this.#shapes[index]!;
      const { row } = this.rows;
      const stopped = parser(bytes, view, at, end, base, this.rows);
      const parsed = this.rows.row - row;
      this.extraFields += parsed * shape.extraFields;
      this.#saveLines(parsed);
      this.rows.rollback();
      if (stopped < 0) rest = stopped;
      if (parsed === 0) continue;
      // The shape that fits comes first, and all of them are tried on the line behind.
      this.#shapes.unshift(...this.#shapes.splice(index, 1));
      at = rest = stopped < 0 ? ~stopped : stopped;
      if (at === end || this.rows.full) return at;
      index = -1;
    }
    return rest;
  }

  /** A line of no known shape, or with an unexpected value. */
  #parseOther(bytes: Uint8Array, at: number, lineEnd: number, base: number, isNew: boolean): void {
    const end = bytes[lineEnd - 1] === 13 && lineEnd > at ? lineEnd - 1 : lineEnd;
    if (!this.#parseSlowly(bytes, at, end, base) || !this.#fast || !isNew) return;
    this.#saveLines(1);
    if (this.#linesSaved < linesPerParser) return;
    const shape = shapeOf(bytes, at, end, this.#schema, this.#encoding);
    if (shape === null) return;
    this.#linesSaved -= linesPerParser;
    const parser = createLineParser(shape, this.#schema, this.#encoding, this.recordBytesMax);
    this.#shapes = [{ shape, parser }, ...this.#shapes.slice(0, shapesMax - 1)];
  }

  #saveLines(lines: number): void {
    this.#linesSaved = Math.min(linesSavedMax, this.#linesSaved + lines);
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
        const { start: at } = record.spans.get(extra[0]!)!;
        const fact = `the field with its value at character ${at + 1} is not in the schema`;
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
}
