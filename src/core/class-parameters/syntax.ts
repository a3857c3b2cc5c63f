// What a text of JavaScript says is for the engine to tell. Here its compiler is asked: a text is cut
// at the first sign before which it is whole, and no sign inside a string, a comment, a regular
// expression or a bracket is such a place. Nothing of it runs but values that are written out.

/** Said where a source cannot be read for certain. */
export class UnreadableSource extends Error {}

const gapPattern =
  /(?:\s|\/\*(?:[^*]|\*(?!\/))*\*\/|\/\/[^\n\r\u2028\u2029]*(?=[\n\r\u2028\u2029]|$))*/u;

/** Space and comments, to be put into patterns. */
export const gap: string = gapPattern.source;

/** The name of something, to be put into patterns. */
export const name: string = String.raw`[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*`;

const privateName = new RegExp(`#(?!constructor\\b)${name}`, 'gu');

/** Whether a text is an expression, in whatever class. */
export function isExpression(text: string): boolean {
  const privates = [...new Set(text.match(privateName))].map((one) => `${one};`);
  try {
    // That is of modules alone, and of no matter here.
    const inScript = text.replaceAll('import.meta', 'import_meta');
    scriptOf(`(class{${privates.join('')}_(){(${inScript})}})`);
    return true;
  } catch {
    return false;
  }
}

/** Whether a member of instances, with nothing before its name, may stand behind that part of a class. */
export function isMemberPlace(before: string): boolean {
  return isExpression(`${before}static _(){}}`);
}

/** Whether a text is a list of parameters, as a constructor has them. */
export function areParameters(text: string): boolean {
  return isExpression(`class extends Object{constructor(${text}){}}`);
}

/** What an expression gives that only writes values; undefined where that is an error: `+1n`. */
export function valueOf(expression: string): unknown {
  try {
    return scriptOf(`(${expression}\n)`).runInThisContext();
  } catch {
    return undefined;
  }
}

function scriptOf(text: string): { runInThisContext(): unknown } {
  const { Script } = process.getBuiltinModule('node:vm');
  return new Script(text);
}

/** Where the first `sign` is before which the text is whole; -1 where there is none. */
export function wholeAt(text: string, sign: string, isWhole: (part: string) => boolean): number {
  for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + 1)) {
    if (isWhole(text.slice(0, at))) return at;
  }
  return -1;
}

/** The parts of a list: without one at the end that is only space. */
export function partsOf(list: string, isWhole: (part: string) => boolean): string[] {
  const parts: string[] = [];
  let rest = list;
  for (let at = wholeAt(rest, ',', isWhole); at >= 0; at = wholeAt(rest, ',', isWhole)) {
    parts.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return isBlank(rest) ? parts : [...parts, rest];
}

/** Whether a text is only space and comments. */
export function isBlank(text: string): boolean {
  return new RegExp(`^${gap}$`, 'u').test(text);
}

/** A text from where more than space and comments begins. */
export function trimmed(text: string): string {
  return text.slice(gapPattern.exec(text)![0].length);
}
