import { parametersIn } from './class-parameters/bindings.ts';
import { constructorOf, type ConstructorSource } from './class-parameters/constructor.ts';
import { type Token, UnreadableSource } from './class-parameters/tokens.ts';
import type { ParameterList, Described } from './describe.ts';

type Class = abstract new (...given: never[]) => unknown;

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
    if (found === undefined || passesOn(found)) return 'inherited';
    if (found.parameters.length === 0 && found.body.some(isArguments)) {
      return unknown(`the constructor of ${name} reads \`arguments\``);
    }
    return { parameters: parametersIn(found.parameters) };
  } catch (error) {
    if (!(error instanceof UnreadableSource)) throw error;
    return unknown(`the source of ${name} cannot be read for certain`);
  }
}

/** Whether it gives its parent what it is given, as compilers write it for fields with values. */
function passesOn({ parameters, body }: ConstructorSource): boolean {
  const [first, name, ...others] = parameters.map(({ text }) => text);
  const given = first === undefined ? 'arguments' : first === '...' ? name : undefined;
  if (given === undefined || others.length > 0) return false;
  const call = ['super', '(', '...', given, ')'];
  return body.some((_, at) => call.every((text, offset) => body[at + offset]?.text === text));
}

function isArguments({ type, text }: Token, at: number, body: readonly Token[]): boolean {
  const before = body[at - 1]?.text;
  return type === 'name' && text === 'arguments' && before !== '.' && before !== '?.';
}

function unknown(why: string): ParameterList {
  return { parameters: [], parametersUnknown: why };
}
