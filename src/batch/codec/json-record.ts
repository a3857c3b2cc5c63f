import { Buffer } from 'node:buffer';

import { jsonFaultOf } from './json-fault.ts';
import { UndecodableError } from './undecodable.ts';

export const depthMax = 64;
export const keyBytesMax = 1024;

/** Part of a text: `text.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A JSON value with what its text says besides. */
export interface ParsedJson {
  readonly value: unknown;
  /** Of an object: where the last value of each of its keys stands in the text. */
  readonly spans: ReadonlyMap<string, Span>;
  /** Where the numbers stand, at any depth, that a float64 cannot hold. */
  readonly unsafeNumbers: readonly Span[];
  /** Keys that were there before in the same object, at any depth. */
  readonly duplicateKeys: number;
}

/**
 * Parses JSON with the runtime's own parser and looks at what that does not tell: depth, long and
 * duplicate keys, lone surrogates, the text of numbers. Throws `UndecodableError`.
 */
export function parseJson(text: string): ParsedJson {
  assertShallow(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Its own message quotes the text.
    throw new UndecodableError('json.syntax', jsonFaultOf(text));
  }
  return new Walk(text).parsed(value);
}

/** Whether a float64 holds a number given as JSON: no integer beyond ±2^53, nothing infinite. */
export function isSafeNumber(text: string): boolean {
  const value = Number(text);
  if (!Number.isFinite(value)) return false;
  if (Math.abs(value) < 2 ** 53 || !isIntegerText(text)) return true;
  const magnitude = BigInt(text.startsWith('-') ? text.slice(1) : text);
  return magnitude <= 2n ** 53n;
}

export function isIntegerText(text: string): boolean {
  return /^-?\d+$/.test(text);
}

/** Before the parser runs, which is not ours: nothing may depend on how deep it can go. */
function assertShallow(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34) at = stringEnd(text, at) - 1;
    else if (code === 123 || code === 91) depth++;
    else if (code === 125 || code === 93) depth--;
    if (depth > depthMax) {
      throw new UndecodableError('json.depth', `values nested deeper than ${depthMax}`);
    }
  }
}

/** Goes through text that is known to be valid JSON. */
class Walk {
  readonly #text: string;
  readonly #unsafeNumbers: Span[] = [];
  #duplicateKeys = 0;
  /** Behind the object that was gone through last. */
  #end = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parsed(value: unknown): ParsedJson {
    const start = skipSpace(this.#text, 0);
    let spans = new Map<string, Span>();
    if (this.#text.charCodeAt(start) === 123) spans = this.#members(start);
    else this.#value(start);
    return {
      value,
      spans,
      unsafeNumbers: this.#unsafeNumbers,
      duplicateKeys: this.#duplicateKeys,
    };
  }

  /** The spans of the values of the object at `at`. */
  #members(at: number): Map<string, Span> {
    const text = this.#text;
    const spans = new Map<string, Span>();
    at = skipSpace(text, at + 1);
    while (text.charCodeAt(at) !== 125) {
      const keyEnd = stringEnd(text, at);
      const key = this.#key(at, keyEnd);
      const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
      const end = this.#value(start);
      if (spans.has(key)) this.#duplicateKeys++;
      spans.set(key, { start, end });
      at = skipSpace(text, end);
      if (text.charCodeAt(at) === 44) at = skipSpace(text, at + 1);
    }
    this.#end = at + 1;
    return spans;
  }

  #value(at: number): number {
    const text = this.#text;
    switch (text.charCodeAt(at)) {
      case 34: {
        const end = stringEnd(text, at);
        this.#string(at, end);
        return end;
      }
      case 123:
        this.#members(at);
        return this.#end;
      case 91:
        at = skipSpace(text, at + 1);
        while (text.charCodeAt(at) !== 93) {
          at = skipSpace(text, this.#value(at));
          if (text.charCodeAt(at) === 44) at = skipSpace(text, at + 1);
        }
        return at + 1;
      default:
        return this.#plain(at);
    }
  }

  /** A number, true, false or null. */
  #plain(start: number): number {
    let end = start;
    while (end < this.#text.length && !',]} \t\r\n'.includes(this.#text[end]!)) end++;
    const isNumber = this.#text.charCodeAt(start) <= 57;
    if (isNumber && !isSafeNumber(this.#text.slice(start, end))) {
      this.#unsafeNumbers.push({ start, end });
    }
    return end;
  }

  #key(start: number, end: number): string {
    const key = this.#string(start, end);
    if (Buffer.byteLength(key) > keyBytesMax) {
      throw new UndecodableError('json.key', `a key longer than ${keyBytesMax} bytes`);
    }
    return key;
  }

  #string(start: number, end: number): string {
    const inside = this.#text.slice(start + 1, end - 1);
    if (!inside.includes('\\')) return inside;
    const value = JSON.parse(this.#text.slice(start, end)) as string;
    if (!value.isWellFormed()) {
      throw new UndecodableError('text.surrogate', 'half of a surrogate pair in a text');
    }
    return value;
  }
}

/** Behind the string that begins with the quote at `at`, or the end of the text. */
function stringEnd(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (end > 0) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 92) slashes++;
    if (slashes % 2 === 0) return end + 1;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

function skipSpace(text: string, at: number): number {
  while (' \t\r\n'.includes(text[at] ?? '.')) at++;
  return at;
}
