import type { ParameterDescription } from '../describe.ts';
import { withoutSecrets } from '../mask.ts';
import { closingOf, isUndefined, keyOf, literalOf, partsOf } from './literal.ts';
import { type Token, UnreadableSource } from './tokens.ts';

/**
 * The parameters that the tokens between a constructor's parentheses name; of an object that is
 * taken apart its properties, as `limits.min`. Throws `UnreadableSource`.
 */
export function parametersIn(tokens: readonly Token[]): ParameterDescription[] {
  return partsOf(tokens, tokens[0]?.depth ?? 0).flatMap((part) =>
    part[0]?.text === '...' ? [rest(boundName(part.slice(1)), 'array')] : bindingOf(part, true),
  );
}

/** What is bound, its default behind it. `property`: the name that it is given under, if another. */
function bindingOf(
  tokens: readonly Token[],
  isRequired: boolean,
  property?: string,
): ParameterDescription[] {
  const [first] = tokens;
  const equals = tokens.findIndex(({ depth, text }) => depth === first!.depth && text === '=');
  const target = equals < 0 ? tokens : tokens.slice(0, equals);
  const given = equals < 0 ? undefined : tokens.slice(equals + 1);
  if (first?.text === '{') {
    const before = property === undefined ? '' : `${property}.`;
    return propertiesIn(target, before, isRequired && given === undefined);
  }
  const kind = first?.text === '[' ? 'array' : 'unknown';
  return [described(property ?? boundName(target), kind, given, isRequired)];
}

function propertiesIn(
  tokens: readonly Token[],
  before: string,
  isRequired: boolean,
): ParameterDescription[] {
  return partsOf(inBrackets(tokens), tokens[0]!.depth + 1).flatMap((part) => {
    const [key, colon, ...target] = part;
    if (key?.text === '...') return [rest(before + boundName(part.slice(1)), 'object')];
    const name = key && keyOf(key);
    // A name that is computed is known only when the code runs.
    if (name === undefined) throw new UnreadableSource();
    return bindingOf(colon?.text === ':' ? target : part, isRequired, before + name);
  });
}

function described(
  name: string,
  kind: string,
  given: readonly Token[] | undefined,
  isRequired: boolean,
): ParameterDescription {
  if (given === undefined) return { name, kind, hasDefault: false, required: isRequired };
  if (isUndefined(given)) return { name, kind, hasDefault: false, required: false };
  const { kind: inferred, value } = literalOf(given);
  return {
    name,
    kind: inferred === 'unknown' ? kind : inferred,
    ...(value !== undefined && { default: withoutSecrets(name, value) }),
    hasDefault: true,
    required: false,
  };
}

function rest(name: string, kind: string): ParameterDescription {
  return { name, kind, hasDefault: false, required: false };
}

/** The name of what is bound, or of the elements of a list: `[from, to]`. */
function boundName(tokens: readonly Token[]): string {
  const [first, ...others] = tokens;
  if (first?.type === 'name' && others.length === 0) return first.text;
  if (first?.text !== '[') throw new UnreadableSource();
  const elements = partsOf(inBrackets(tokens), first.depth + 1).map((part) => {
    const isRest = part[0]?.text === '...';
    const element = part[isRest ? 1 : 0];
    return `${isRest ? '...' : ''}${element?.type === 'name' ? element.text : '…'}`;
  });
  return `[${elements.join(', ')}]`;
}

function inBrackets(tokens: readonly Token[]): readonly Token[] {
  if (closingOf(tokens, 0) !== tokens.length - 1) throw new UnreadableSource();
  return tokens.slice(1, -1);
}
