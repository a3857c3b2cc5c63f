import { PipelineError } from '../../errors.ts';
import { UndecodableError } from './undecodable.ts';

const lineFeed = 10;
const quote = 34;

/** One cell: an empty one is null, a quoted empty one is empty text. */
export interface Cell {
  readonly text: string;
  readonly quoted: boolean;
}

const atCell = 0;
const inPlain = 1;
const inQuotes = 2;
const behindQuote = 3;

/**
 * Finds where records end, over any chunks: at an LF outside quotes (RFC 4180). A quote opens quotes
 * only as the first character of a cell; elsewhere outside quotes it stands for itself.
 */
export class RecordScanner {
  readonly #delimiter: number;
  #state = atCell;

  constructor(delimiter: number) {
    this.#delimiter = delimiter;
  }

  begin(): void {
    this.#state = atCell;
  }

  /** Whether what was scanned of the record ends in the middle of a quoted cell. */
  get isInQuotes(): boolean {
    return this.#state === inQuotes;
  }

  /** The LF in `bytes[from … to)` that ends the record, or −1 where it goes on. */
  end(bytes: Uint8Array, from: number, to: number): number {
    let state = this.#state;
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!;
      if (state === inQuotes) {
        if (byte === quote) state = behindQuote;
      } else if (byte === lineFeed) {
        return at;
      } else if (byte === this.#delimiter) {
        state = atCell;
      } else if (byte === quote && state !== inPlain) {
        state = inQuotes;
      } else {
        state = inPlain;
      }
    }
    this.#state = state;
    return -1;
  }
}

/** The cells of one record, without its line end. Throws `UndecodableError`. */
export function splitCells(text: string, delimiter: string): Cell[] {
  const cells: Cell[] = [];
  let at = 0;
  for (;;) {
    const quoted = text[at] === '"';
    let end: number;
    if (quoted) {
      end = quotesEnd(text, at);
      cells.push({ text: text.slice(at + 1, end - 1).replaceAll('""', '"'), quoted });
      if (end < text.length && text[end] !== delimiter) {
        throw new UndecodableError('csv.quote', 'text behind the end quote of a cell');
      }
    } else {
      end = text.indexOf(delimiter, at);
      if (end < 0) end = text.length;
      const cell = text.slice(at, end);
      if (cell.includes('\r')) {
        throw new UndecodableError('csv.carriage-return', 'a CR that is not followed by LF');
      }
      cells.push({ text: cell, quoted });
    }
    if (end === text.length) return cells;
    at = end + 1;
  }
}

/** Behind the quote that ends the quoted cell at `at`. */
function quotesEnd(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  if (end < 0) throw new UndecodableError('csv.quote', 'a quoted cell without its end quote');
  return end + 1;
}

/** The byte of a delimiter. Throws `ERR_CODEC_FORMAT` where it cannot be one. */
export function delimiterByte(delimiter: string): number {
  const byte = delimiter.charCodeAt(0);
  if (delimiter.length !== 1 || byte > 126 || '"\r\n'.includes(delimiter)) {
    const fact = `${JSON.stringify(delimiter)} cannot be the delimiter of a CSV`;
    throw refusedFormat(fact, 'give one ASCII character that is no quote and no line end');
  }
  return byte;
}

/** A CSV that cannot be read or written at all. */
export function refusedFormat(fact: string, remedy: string): PipelineError {
  return new PipelineError({ code: 'ERR_CODEC_FORMAT', place: 'csv', fact, remedy });
}
