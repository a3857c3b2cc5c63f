import { isSecret, masked, type Scrub } from '../../core/mask.ts';
import { escapeControls } from '../../core/plain-text.ts';

/** Bytes of text that a field may hold; what is longer is cut. */
const fieldBytesMax = 8192;
const depthMax = 8;
/** Keys of an object, items of a list, and fields of a line; of more only the number is said. */
export const keysMax = 100;

const encoder = new TextEncoder();
const scratch = new Uint8Array(fieldBytesMax);

/** Text of at most so many bytes of UTF-8, and an ellipsis where it was longer. */
export function cutText(text: string, bytesMax: number = fieldBytesMax): string {
  if (text.length * 3 <= bytesMax) return text;
  const { read } = encoder.encodeInto(text, scratch.subarray(0, bytesMax));
  return read === text.length ? text : `${text.slice(0, read)}…`;
}

/** Text as a JSON string: a lone surrogate becomes U+FFFD, as no strict reader takes it. */
export function encodeText(text: string): string {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // Controls, the quote, the backslash, and whatever is not ASCII.
    if (unit < 32 || unit === 34 || unit === 92 || unit > 126) {
      return escapeControls(JSON.stringify(text.toWellFormed()));
    }
  }
  return `"${text}"`;
}

/**
 * Any value as JSON on one line; undefined for undefined. Never throws: what cannot be read says so
 * in its place. Bounded in text, depth and keys.
 */
export function encodeValue(value: unknown, scrub: Scrub | undefined): string | undefined {
  switch (typeof value) {
    case 'string':
      return encodeText(cutText(scrub === undefined ? value : scrub(value)));
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'undefined':
      return undefined;
    default:
      return value === null ? 'null' : new ValueEncoding(scrub).encode(value, 0);
  }
}

/** The encoding of one field that is no plain value. */
class ValueEncoding {
  readonly #scrub: Scrub | undefined;
  /** What the value is inside of, to find circles. */
  readonly #outer: object[] = [];
  #bytesLeft = fieldBytesMax;

  constructor(scrub: Scrub | undefined) {
    this.#scrub = scrub;
  }

  encode(value: unknown, depth: number): string | undefined {
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'bigint':
        return this.#text(String(value));
      case 'symbol':
        return this.#text(String(value));
      case 'function':
        return this.#text(`[function ${String(readSafely(value, 'name'))}]`);
      case 'object':
        return value === null ? 'null' : this.#object(value, depth);
      default:
        this.#bytesLeft -= 8;
        return encodeValue(value, undefined);
    }
  }

  #text(text: string): string {
    const scrubbed = this.#scrub === undefined ? text : this.#scrub(text);
    const cut = cutText(scrubbed, Math.max(0, this.#bytesLeft));
    this.#bytesLeft -= cut.length + 2;
    return encodeText(cut);
  }

  #object(value: object, depth: number): string {
    if (this.#outer.includes(value)) return '"[circular]"';
    if (depth >= depthMax) return '"[deep]"';
    this.#outer.push(value);
    try {
      return this.#read(value, depth);
    } catch {
      return '"[unreadable]"';
    } finally {
      this.#outer.pop();
    }
  }

  #read(value: object, depth: number): string {
    if (value instanceof Error) return this.#error(value, depth);
    if (value instanceof Date) {
      return Number.isNaN(value.getTime()) ? 'null' : this.#text(value.toISOString());
    }
    // Before `toJSON`: that of a buffer is long and says little.
    if (ArrayBuffer.isView(value)) {
      return value instanceof DataView
        ? this.#text(`[${value.byteLength} bytes]`)
        : this.#list(value as unknown as ArrayLike<unknown>, depth);
    }
    if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
      return this.#text(`[${value.byteLength} bytes]`);
    }
    const toJson = (value as { readonly toJSON?: unknown }).toJSON;
    if (typeof toJson === 'function') {
      const plain: unknown = toJson.call(value, '');
      // What gives itself has said what it is.
      if (plain !== value) return this.encode(plain, depth + 1) ?? 'null';
    }
    if (Array.isArray(value)) return this.#list(value, depth);
    if (value instanceof Set) return this.#list([...firstOf(value)], depth, value.size);
    if (value instanceof Map) return this.#map(value, depth);
    if (isBoxed(value)) return this.encode(value.valueOf(), depth) ?? 'null';
    return this.#entries(Object.keys(value), (key) => readSafely(value, key), depth);
  }

  #error(error: Error, depth: number): string {
    const parts = new Map<string, unknown>();
    for (const name of ['name', 'code', 'message', 'stack', 'cause', 'errors']) {
      const part = readSafely(error, name);
      if (part !== undefined && (name !== 'errors' || Array.isArray(part))) parts.set(name, part);
    }
    return this.#entries([...parts.keys()], (name) => parts.get(name), depth);
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): string {
    const entries = [...firstOf(map)];
    if (!entries.every(([key]) => typeof key === 'string')) {
      return this.#list(entries, depth, map.size);
    }
    const names = entries.map(([key]) => key as string);
    return this.#entries(names, (name) => map.get(name), depth, map.size);
  }

  #list(items: ArrayLike<unknown>, depth: number, length: number = items.length): string {
    const written: string[] = [];
    for (let at = 0; at < items.length && this.#hasRoom(written); at++) {
      written.push(this.encode(readSafely(items, at), depth + 1) ?? 'null');
    }
    const more = length - written.length;
    if (more > 0) written.push(`"[${more} more]"`);
    return `[${written.join()}]`;
  }

  #entries(
    names: readonly string[],
    read: (name: string) => unknown,
    depth: number,
    count: number = names.length,
  ): string {
    const written: string[] = [];
    const taken = new Set<string>();
    let at = 0;
    for (; at < names.length && this.#hasRoom(written); at++) {
      const value = read(names[at]!);
      const encoded = this.encode(isSecret(names[at]!, value) ? masked : value, depth + 1);
      if (encoded === undefined) continue;
      const name = freeName(this.#text(names[at]!), taken);
      written.push(`${name}:${encoded}`);
    }
    if (count > at) written.push(`${freeName('"[more]"', taken)}:${count - at}`);
    return `{${written.join()}}`;
  }

  #hasRoom(written: readonly string[]): boolean {
    return this.#bytesLeft > 0 && written.length < keysMax;
  }
}

/** A quoted name that is not taken, and is from now on: two names may come to the same when cut. */
function freeName(quoted: string, taken: Set<string>): string {
  let name = quoted;
  while (taken.has(name)) name = `${name.slice(0, -1)}_"`;
  taken.add(name);
  return name;
}

function* firstOf<T>(items: Iterable<T>): Generator<T> {
  let left = keysMax;
  for (const item of items) {
    if (left-- === 0) return;
    yield item;
  }
}

function isBoxed(value: object): boolean {
  return value instanceof Number || value instanceof String || value instanceof Boolean;
}

/** A property, or a word in its place where reading it throws. */
function readSafely(from: object, key: PropertyKey): unknown {
  try {
    return (from as Readonly<Record<PropertyKey, unknown>>)[key];
  } catch {
    return '[unreadable]';
  }
}
