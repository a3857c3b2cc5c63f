import { closingOf, textOf } from './literal.ts';
import { isDot, isOperator, type Token, tokensOf, UnreadableSource } from './tokens.ts';

/** A constructor as its class writes it. */
export interface ConstructorSource {
  /** What stands between its parentheses. */
  readonly parameters: readonly Token[];
  readonly body: readonly Token[];
}

/** Words before a method of which the name is `constructor`, and that is none. */
const modifiers = new Set(['async', 'get', 'set', 'static']);

/** The constructor of a class; undefined where the class has none. Throws `UnreadableSource`. */
export function constructorOf(source: string): ConstructorSource | undefined {
  const tokens = tokensOf(source);
  const end = tokens.length - 1;
  // A class ends with its body, and before that there may be brackets, too: `extends mixin({})`.
  const begin = tokens.findLastIndex(({ depth }, at) => depth === 0 && at < end);
  if (!isClass(tokens) || tokens[end]?.text !== '}' || tokens[begin]?.text !== '{') {
    throw new UnreadableSource();
  }
  for (let at = begin + 1; at < end; at++) {
    if (!isConstructorName(tokens, at) || !isMember(tokens, at, begin)) continue;
    const close = closingOf(tokens, at + 1);
    if (tokens[close + 1]?.text !== '{') throw new UnreadableSource();
    return {
      parameters: tokens.slice(at + 2, close),
      body: tokens.slice(close + 2, closingOf(tokens, close + 1)),
    };
  }
  return undefined;
}

/** Decorators stand before it where no compiler has taken them away. */
function isClass(tokens: readonly Token[]): boolean {
  return tokens[0]?.text === '@' || tokens[0]?.text === 'class';
}

function isConstructorName(tokens: readonly Token[], at: number): boolean {
  const { depth, type, text } = tokens[at]!;
  if (depth !== 1 || tokens[at + 1]?.text !== '(') return false;
  return type === 'string' ? textOf(text) === 'constructor' : text === 'constructor';
}

/** Whether a member of the body begins at a name: not where the name is part of a value. */
function isMember(tokens: readonly Token[], at: number, begin: number): boolean {
  const before = tokens[at - 1]!;
  const word = tokens[at - 2];
  if (at - 1 === begin || [';', '}', ')', ']', '++', '--'].includes(before.text)) return true;
  if (before.type === 'sign') return false;
  if (before.type !== 'name' || isDot(word)) return true;
  if (before.text === 'function' || isOperator(before, word)) return false;
  // `async` is a field where the line ends behind it.
  return !modifiers.has(before.text) || (before.text === 'async' && tokens[at]!.isOnNewLine);
}
