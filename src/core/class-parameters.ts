import { parametersIn } from './class-parameters/bindings.ts';
import {
  areParameters,
  gap,
  isBlank,
  isExpression,
  isMemberPlace,
  name as nameText,
  trimmed,
  UnreadableSource,
  wholeAt,
} from './class-parameters/syntax.ts';
import type { ParameterList, Described } from './describe.ts';
import type { Class } from './is-class.ts';

/** A constructor as its class writes it. */
interface ConstructorSource {
  /** What stands between its parentheses. */
  readonly parameters: string;
  /** What follows them, to the end of the class. */
  readonly behind: string;
}

const empty = 'constructor(){}';
const heads = new RegExp(`(["']?)constructor\\1${gap}\\(`, 'gu');
const lone = new RegExp(`^${gap}\\.{3}${gap}(${nameText})${gap}$`, 'u');

/**
 * The parameters of a class's constructor, or of its parent's where it has none or passes on what it
 * is given. They are read from its source; what cannot be known so is said to be unknown.
 */
export function parametersOfClass(described: Class): ParameterList {
  let one: unknown = described;
  while (typeof one === 'function' && one !== Function.prototype) {
    if (one !== described && Object.hasOwn(one, 'describe')) {
      const { parameters, parametersUnknown } = (one as unknown as Described).describe();
      return { parameters, ...(parametersUnknown !== undefined && { parametersUnknown }) };
    }
    const read = readOne(one);
    if (read !== 'inherited') return read;
    one = Object.getPrototypeOf(one);
  }
  return { parameters: [] };
}

function readOne(one: object & { readonly name?: unknown }): ParameterList | 'inherited' {
  const source = Function.prototype.toString.call(one);
  const name = typeof one.name === 'string' && one.name !== '' ? `\`${one.name}\`` : 'a parent';
  if (/\{\s*\[native code\]\s*\}$/.test(source))
    return unknown(`the source of ${name} is not there`);
  if (!/^(class|@)/.test(source)) return unknown(`${name} is a function, no class`);
  try {
    const found = constructorOf(source);
    const use = found && useOfAll(found);
    if (found === undefined || use === 'passed on') return 'inherited';
    if (use === 'read') return unknown(`the constructor of ${name} reads \`arguments\``);
    return { parameters: parametersIn(found.parameters) };
  } catch (error) {
    if (!(error instanceof UnreadableSource)) throw error;
    return unknown(`the source of ${name} cannot be read for certain`);
  }
}

/** The constructor as its class writes it; undefined where the class has none. */
function constructorOf(source: string): ConstructorSource | undefined {
  const begun = source.slice(0, -1);
  if (isExpression(`${begun};${empty}}`)) return undefined;
  for (const { index, 0: head } of source.matchAll(heads)) {
    const before = source.slice(0, index);
    if (!isMemberPlace(before)) continue;
    const rest = source.slice(index + head.length);
    const end = wholeAt(rest, ')', areParameters);
    return { parameters: rest.slice(0, end), behind: rest.slice(end + 1) };
  }
  throw new UnreadableSource();
}

/** What it does with all that it is given, where that is not in its parameters. */
function useOfAll({ parameters, behind }: ConstructorSource): 'passed on' | 'read' | undefined {
  const given = isBlank(parameters) ? 'arguments' : lone.exec(parameters)?.[1];
  if (given === undefined || !behind.includes(given)) return undefined;
  // As compilers write it for fields with values.
  const call = `super(...${given})`;
  if (trimmed(trimmed(behind).slice(1)).startsWith(call)) return 'passed on';
  const end = wholeAt(behind, '}', (text) =>
    isExpression(`class extends Object{constructor(${parameters})${text}}}`),
  );
  // The value of a field has no `arguments` of its own, and may not name them.
  const body = behind.slice(0, end).replaceAll('super', 'Super');
  const isFree = isExpression(`class{_=()=>${body}}}`);
  return given === 'arguments' && !isFree ? 'read' : undefined;
}

function unknown(why: string): ParameterList {
  return { parameters: [], parametersUnknown: why };
}
