import type * as yaml from 'yaml';
import type { Document, LineCounter, Pair, ParsedNode } from 'yaml';

import type { Path } from '../description.ts';
import type { Problem, ProblemKind } from '../problem.ts';

/** The yaml module, loaded with the first document. */
type Yaml = typeof yaml;

/** What a config file holds. Maps have no prototype, so that no key of theirs means anything. */
export type ConfigValue = null | boolean | number | string | ConfigValue[] | ConfigMap;

export interface ConfigMap {
  [key: string]: ConfigValue;
}

export const configLimits = {
  bytesMax: 1_048_576,
  depthMax: 64,
  tokensMax: 50_000,
  problemsMax: 20,
};

/** An empty map, or one of the given entries. */
export function configMap(entries: Iterable<readonly [string, ConfigValue]> = []): ConfigMap {
  const map = Object.create(null) as ConfigMap;
  for (const [key, value] of entries) map[key] = value;
  return map;
}

export function isConfigMap(value: ConfigValue | undefined): value is ConfigMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A place in a text, counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * A YAML or JSON text as values and places. Only the core schema of YAML 1.2 is read: no tags, no
 * aliases, no merge keys, no second key of one name.
 */
export class ConfigDocument {
  readonly value: ConfigValue;
  /** What is wrong with the text itself; then `value` is not to be used. */
  readonly problems: readonly Problem[];
  readonly #text: string;
  readonly #root: ParsedNode | null;
  readonly #yaml: Yaml;
  readonly #lines: LineCounter;

  static async parse(text: string): Promise<ConfigDocument> {
    return new ConfigDocument(text, await import('yaml'));
  }

  private constructor(source: string, module: Yaml) {
    const text = source.replace(/^\uFEFF/, '');
    this.#text = text;
    this.#yaml = module;
    this.#lines = new module.LineCounter();
    const bomb = checkTokens(text, module);
    const reader = new Reader(this.#lines, module);
    if (bomb !== undefined) this.#lines.addNewLine(0);
    this.#root = bomb === undefined ? reader.compose(text) : null;
    const value = reader.problems.length > 0 ? null : reader.read(this.#root);
    this.problems =
      bomb === undefined ? reader.problems.slice(0, configLimits.problemsMax) : [bomb];
    this.value = this.problems.length > 0 ? null : value;
  }

  /**
   * Where a path stands: the value it leads to; the key, where that is a collection or the key
   * itself is the matter; the key of the last part that exists, where the path leads nowhere.
   * `at`: which character of the value, where that is written as it is.
   */
  placeOf(path: Path, kind?: ProblemKind, at?: number): Place {
    const { key, node, found } = this.#find(path);
    const { isScalar } = this.#yaml;
    const isValue = found === path.length && isScalar(node) && node.range[0] < node.range[1];
    if (!isValue || kind === 'unknown-key') return placeAt(this.#lines, key?.range[0] ?? 0);
    const [start, end] = node.range;
    if (at === undefined) return placeAt(this.#lines, start);
    const within = this.#text.slice(start, end).indexOf(String(node.value));
    return placeAt(this.#lines, within < 0 ? start : start + within + at);
  }

  /** Whether the path leads to something in the text. */
  has(path: Path): boolean {
    return this.#find(path).found === path.length;
  }

  /** Follows a path as far as it leads: the last node, its key, and how many parts were found. */
  #find(path: Path): { key: ParsedNode | null; node: ParsedNode | null; found: number } {
    const { isMap, isSeq } = this.#yaml;
    let node: ParsedNode | null = this.#root;
    let key: ParsedNode | null = node;
    let found = 0;
    for (; found < path.length; found++) {
      const pair = isMap(node) ? pairOf(node.items, String(path[found]), this.#yaml) : undefined;
      const item = isSeq(node) ? node.items[Number(path[found])] : undefined;
      if (pair === undefined && item === undefined) break;
      key = pair?.key ?? (item as ParsedNode);
      node = pair === undefined ? (item as ParsedNode) : pair.value;
    }
    return { key, node, found };
  }
}

type ParsedPair = Pair<ParsedNode, ParsedNode | null>;

function pairOf(pairs: readonly ParsedPair[], name: string, module: Yaml): ParsedPair | undefined {
  return pairs.find(({ key }) => keyText(key, module) === name);
}

/** A key as text; undefined for a key that is a collection or nothing. */
function keyText(key: ParsedNode | null, { isScalar }: Yaml): string | undefined {
  if (!isScalar(key) || key.value === null) return undefined;
  return typeof key.value === 'string' ? key.value : key.source;
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

// The composer recurses and its time can grow with the square of the depth, so a text that nests
// without end is refused before it gets there.
function checkTokens(text: string, { Lexer }: Yaml): Problem | undefined {
  const { bytesMax, depthMax, tokensMax } = configLimits;
  if (text.length > bytesMax) return bomb(text, 0, `a config holds at most ${bytesMax} bytes`);
  const nesting = new Nesting();
  let offset = 0;
  let tokens = 0;
  for (const token of new Lexer().lex(text)) {
    // Text over many lines is no less work than as many words.
    tokens += token.length > 80 ? token.split('\n').length : 1;
    if (tokens > tokensMax) {
      return bomb(text, offset, `a config holds at most ${tokensMax} words, signs and lines`);
    }
    if (controlTokens.has(token)) continue;
    if (nesting.depthAt(token) > depthMax) return bomb(text, offset, tooDeep);
    offset += token.length;
  }
  return undefined;
}

/** How deep a text nests, roughly: by brackets, by indentation, by `- - -` in one line. */
class Nesting {
  #brackets = 0;
  #inLine = 0;
  #indent: number | undefined = 0;
  readonly #indents: number[] = [];

  depthAt(token: string): number {
    const first = token[0]!;
    if (first === '\n' || first === '\r') {
      this.#inLine = 0;
      this.#indent = 0;
    } else if (this.#brackets === 0 && this.#indent !== undefined && first !== '#') {
      if (token.trim() === '') this.#indent = token.length;
      else this.#beginLine(this.#indent);
    }
    if (first === '[' || first === '{') this.#brackets++;
    else if (first === ']' || first === '}') this.#brackets = Math.max(0, this.#brackets - 1);
    else if (this.#brackets === 0 && '-?:'.includes(token)) this.#inLine++;
    return Math.max(this.#brackets, this.#inLine, this.#indents.length);
  }

  #beginLine(indent: number): void {
    while ((this.#indents.at(-1) ?? -1) >= indent) this.#indents.pop();
    this.#indents.push(indent);
    this.#indent = undefined;
  }
}

// What the lexer says of its own: begin of a document, a flow's end in error, begin of a scalar.
const controlTokens = new Set(['\u0002', '\u0018', '\u001f']);

const tooDeep = `nested deeper than ${configLimits.depthMax} levels`;

function bomb(text: string, offset: number, what: string): Problem {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { kind: 'syntax', path: [], text: what, line, column: offset - before.lastIndexOf('\n') };
}

class Reader {
  readonly problems: Problem[] = [];
  readonly #yaml: Yaml;
  readonly #lines: LineCounter;

  constructor(lines: LineCounter, module: Yaml) {
    this.#lines = lines;
    this.#yaml = module;
  }

  compose(text: string): ParsedNode | null {
    const { Composer, Parser } = this.#yaml;
    const parser = new Parser(this.#lines.addNewLine);
    const composer = new Composer({
      version: '1.2',
      schema: 'core',
      merge: false,
      resolveKnownTags: false,
      strict: true,
      // Our own check is linear.
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
    });
    const documents = [...composer.compose(parser.parse(text), true, text.length)];
    const [document, another] = documents as Document.Parsed<ParsedNode>[];
    if (document === undefined) return null;
    for (const { pos, message } of document.errors) this.#problem(pos[0], plainMessage(message));
    if (another !== undefined) {
      const at = another.contents?.range[0] ?? another.range[0];
      this.#problem(at, 'a second document begins; a config is one document');
    }
    return document.contents;
  }

  read(node: ParsedNode | null, depth = 0): ConfigValue {
    const { isAlias, isScalar, isSeq } = this.#yaml;
    if (node === null) return null;
    if (isAlias(node))
      return this.#problem(
        node.range[0],
        `aliases (\`*${node.source}\`) are not read; write the value out`,
      );
    if (node.tag !== undefined) {
      return this.#problem(node.range[0], `tags (\`${node.tag}\`) are not read; leave it out`);
    }
    if (depth > configLimits.depthMax) {
      return this.#problem(node.range[0], tooDeep);
    }
    if (isScalar(node)) return node.value as ConfigValue;
    if (isSeq(node)) return node.items.map((item) => this.read(item, depth + 1));
    const map = configMap();
    for (const { key, value } of node.items) {
      const name = keyText(key, this.#yaml);
      const at = key?.range[0] ?? node.range[0];
      if (name === undefined) this.#problem(at, 'a key must be plain text');
      else if (name === '<<')
        this.#problem(at, 'merge keys (`<<`) are not read; write the keys out');
      else if (name in map) this.#problem(at, `key \`${name}\` is there twice`);
      else map[name] = this.read(value, depth + 1);
    }
    return map;
  }

  #problem(offset: number, text: string): null {
    const { line, column } = placeAt(this.#lines, offset);
    const last = this.problems.at(-1);
    // The parser may say one thing twice.
    const isTwice = last?.text === text && last.line === line && last.column === column;
    if (!isTwice) this.problems.push({ kind: 'syntax', path: [], text, line, column });
    return null;
  }
}

function plainMessage(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
