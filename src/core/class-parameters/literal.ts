import type { Token } from './tokens.ts';

/** What an expression is, as far as its text tells. */
export interface Literal {
  /** `unknown` where the text does not tell. */
  readonly kind: string;
  /** Left out where it is known only when the code runs. */
  readonly value?: unknown;
}

const unknown: Literal = { kind: 'unknown' };

const words: ReadonlyMap<string, Literal> = new Map<string, Literal>([
  ['true', { kind: 'boolean', value: true }],
  ['false', { kind: 'boolean', value: false }],
  ['null', { kind: 'unknown', value: null }],
  // JSON has no such numbers.
  ['Infinity', { kind: 'number' }],
  ['NaN', { kind: 'number' }],
]);

const depthMax = 64;

/** Reads an expression. Where it is more than a value written out, only its kind, if even that. */
export function literalOf(tokens: readonly Token[], depth = 0): Literal {
  const [first, second] = tokens;
  if (first === undefined || depth > depthMax) return unknown;
  if (isFunction(tokens)) return { kind: 'function' };
  if (first.text === '[') return listOf(tokens, depth);
  if (first.text === '{') return mapOf(tokens, depth);
  if (first.type === 'template') return templateOf(tokens);
  if (tokens.length === 1) return single(first);
  if (tokens.length > 2 || second === undefined) return unknown;
  // As minified code writes `true` and `false`.
  if (first.text === '!' && /^[01]$/.test(second.text)) {
    return { kind: 'boolean', value: second.text === '0' };
  }
  const sign = first.text === '-' ? -1 : first.text === '+' ? 1 : undefined;
  const { kind, value } = single(second);
  if (sign === undefined || (kind !== 'number' && !(kind === 'bigint' && sign === -1))) {
    return unknown;
  }
  return typeof value === 'number' ? numberOf(sign * value) : { kind };
}

/** Whether an expression is `undefined`, in either way to write it. */
export function isUndefined([first, second, ...more]: readonly Token[]): boolean {
  if (more.length > 0) return false;
  if (second === undefined) return first?.text === 'undefined';
  return first!.text === 'void' && second.type === 'number';
}

/** The text that a string in quotes is; undefined where it is malformed. */
export function textOf(text: string): string | undefined {
  const escape = /\\(?:u\{([\da-f]+)\}|u([\da-f]{4})|x([\da-f]{2})|(\r\n|[^]))/gi;
  const inner = text.slice(1, -1);
  let isWrong = false;
  const read = inner.replace(escape, (_, point, unit, byte, char) => {
    const code = (point ?? unit ?? byte) as string | undefined;
    if (code !== undefined) {
      const number = Number.parseInt(code, 16);
      if (number <= 0x10ffff) return String.fromCodePoint(number);
      isWrong = true;
      return '';
    }
    if (/^[\n\r\u2028\u2029]/.test(char as string)) return '';
    if (/[1-9xu]/.test(char as string)) isWrong = true;
    return escapes.get(char as string) ?? (char as string);
  });
  return isWrong ? undefined : read;
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['b', '\b'],
  ['f', '\f'],
  ['v', '\v'],
  ['0', '\0'],
]);

/** The parts of what stands in a bracket, or between two of its commas: without that at the end. */
export function partsOf(tokens: readonly Token[], depth: number): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.depth === depth && token.text === ',') parts.push([]);
    else parts.at(-1)!.push(token);
  }
  if (parts.at(-1)!.length === 0) parts.pop();
  return parts;
}

/** Where the bracket that `tokens[at]` opens is closed. */
export function closingOf(tokens: readonly Token[], at: number): number {
  const { depth } = tokens[at]!;
  return tokens.findIndex((token, other) => other > at && token.depth === depth);
}

function single(token: Token): Literal {
  if (token.type === 'name') return words.get(token.text) ?? unknown;
  if (token.type === 'number') {
    const digits = token.text.replaceAll('_', '');
    return digits.endsWith('n') ? { kind: 'bigint' } : numberOf(Number(digits));
  }
  if (token.type !== 'string') return unknown;
  const value = textOf(token.text);
  return value === undefined ? { kind: 'string' } : { kind: 'string', value };
}

function numberOf(value: number): Literal {
  return Number.isFinite(value) ? { kind: 'number', value } : { kind: 'number' };
}

function isFunction(tokens: readonly Token[]): boolean {
  const at = tokens[0]!.text === 'async' && tokens.length > 1 ? 1 : 0;
  const first = tokens[at]!;
  if (first.text === 'function') {
    const body = tokens.findIndex(({ text, depth }) => text === '{' && depth === first.depth);
    return body > 0 && closingOf(tokens, body) === tokens.length - 1;
  }
  const end = first.text === '(' ? closingOf(tokens, at) : at;
  return tokens[end + 1]?.text === '=>' && (first.text === '(' || first.type === 'name');
}

function listOf(tokens: readonly Token[], depth: number): Literal {
  if (closingOf(tokens, 0) !== tokens.length - 1) return unknown;
  const items = partsOf(tokens.slice(1, -1), tokens[0]!.depth + 1);
  const values = items.map((item) => literalOf(item, depth + 1));
  if (values.some((item) => item.value === undefined)) return { kind: 'array' };
  return { kind: 'array', value: values.map(({ value }) => value) };
}

function mapOf(tokens: readonly Token[], depth: number): Literal {
  if (closingOf(tokens, 0) !== tokens.length - 1) return unknown;
  const entries: [string, unknown][] = [];
  for (const part of partsOf(tokens.slice(1, -1), tokens[0]!.depth + 1)) {
    const [key, colon, ...rest] = part;
    const name = key === undefined ? undefined : keyOf(key);
    const { value } = colon?.text === ':' ? literalOf(rest, depth + 1) : unknown;
    // `__proto__: …` is no property.
    if (name === undefined || name === '__proto__' || value === undefined)
      return { kind: 'object' };
    entries.push([name, value]);
  }
  return { kind: 'object', value: Object.fromEntries(entries) };
}

/** The name of a property as it is written; undefined where it is computed. */
export function keyOf(token: Token): string | undefined {
  if (token.type === 'name') return token.text.includes('\\') ? undefined : token.text;
  if (token.type === 'string') return textOf(token.text);
  if (token.type !== 'number') return undefined;
  const { value } = single(token);
  return value === undefined ? undefined : String(value as number);
}

function templateOf(tokens: readonly Token[]): Literal {
  const [first] = tokens;
  if (tokens.length === 1) {
    // A line ends in one way in a template, however it does in the source.
    const value = textOf(first!.text.replaceAll(/\r\n?/g, '\n'));
    return value === undefined ? { kind: 'string' } : { kind: 'string', value };
  }
  const isOne = tokens.every(
    ({ type, text, depth }, at) =>
      depth > first!.depth || (type === 'template' && (at === 0 || text.startsWith('}'))),
  );
  return isOne ? { kind: 'string' } : unknown;
}
