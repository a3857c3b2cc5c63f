/** One word or sign of JavaScript. */
export interface Token {
  readonly type: 'name' | 'private' | 'number' | 'string' | 'template' | 'regex' | 'sign';
  readonly text: string;
  /** How many brackets are open around it. A bracket and its counterpart have the same. */
  readonly depth: number;
  /** Whether a line ends between the token before and this one. */
  readonly isOnNewLine: boolean;
}

/** Said where a source cannot be read for certain. */
export class UnreadableSource extends Error {}

/** A bracket that is open, and what a slash behind its counterpart begins. */
interface Bracket {
  readonly closedBy: '}' | ')' | ']' | 'template';
  readonly slash: 'division' | 'regex' | 'unknown';
}

const space = /(?:[\s\uFEFF]|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)+/y;
const name =
  /(?:[\p{ID_Start}$_]|\\u(?:[\da-f]{4}|\{[\da-f]+\}))(?:[\p{ID_Continue}$\u200c\u200d]|\\u(?:[\da-f]{4}|\{[\da-f]+\}))*/iuy;
const number = /0[xob][\da-f_]+n?|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d[\d_]*)?n?/iy;
const string = /'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*"/y;
const templatePart = /(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)/y;
const regex = /\/(?:[^\\/[\n\r]|\\.|\[(?:[^\]\\\n\r]|\\.)*\])+\/[\p{ID_Continue}$]*/uy;
const sign =
  /\.{3}|=>|[=!]==?|>>>=?|>>=?|<<=?|[<>]=?|\*\*=?|\+\+|--|&&=?|\|\|=?|\?\?=?|\?\.(?!\d)|[-+*%&|^]=?|[{}()[\];,.?:~!=@]/y;
const slash = /\/=?/y;

/** Words behind which an operand follows, where they are no names of properties. */
const operators = new Set(
  'await case delete do else extends in instanceof new return throw typeof void yield'.split(' '),
);
/** Of these only what stands around them tells whether they are names. */
const maybeOperators = new Set(['await', 'of', 'yield']);
const blockWords = new Set(['do', 'else', 'finally', 'static', 'try']);
const headWords = new Set(['for', 'if', 'while', 'with']);

/** Whether a token is a word behind which an operand follows, as `new` is. */
export function isOperator(token: Token | undefined, before: Token | undefined): boolean {
  return token?.type === 'name' && operators.has(token.text) && !isDot(before);
}

/** Whether what follows is the name of a property. */
export function isDot(token: Token | undefined): boolean {
  return token?.text === '.' || token?.text === '?.';
}

/** The tokens of a source that some engine has compiled. Throws `UnreadableSource`. */
export function tokensOf(source: string): Token[] {
  return new Tokenizer(source).read();
}

class Tokenizer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  readonly #open: Bracket[] = [];
  #at = 0;
  #isOnNewLine = false;
  /** What a slash begins here. */
  #slash: Bracket['slash'] = 'regex';

  constructor(source: string) {
    this.#source = source;
  }

  read(): Token[] {
    for (;;) {
      const skipped = this.#match(space) ?? '';
      this.#isOnNewLine = /[\n\r\u2028\u2029]/.test(skipped);
      if (this.#at === this.#source.length) break;
      this.#readOne();
    }
    if (this.#open.length > 0) throw new UnreadableSource();
    return this.#tokens;
  }

  #readOne(): void {
    const first = this.#source[this.#at];
    if (first === '/') return this.#readSlash();
    if (first === '`') {
      this.#at++;
      return this.#readTemplate('`');
    }
    if (first === '}' && this.#open.at(-1)?.closedBy === 'template') {
      this.#open.pop();
      this.#at++;
      return this.#readTemplate('}');
    }
    if (first === '#') {
      this.#at++;
      this.#add('private', `#${this.#match(name) ?? fail()}`);
      return;
    }
    const word = this.#match(name);
    if (word !== undefined) return this.#readWord(word);
    const digits = this.#match(number);
    if (digits !== undefined) return this.#add('number', digits);
    const text = this.#match(string);
    if (text !== undefined) return this.#add('string', text);
    // A comment in a script, operators in a module.
    const isComment = this.#startsWith('<!--') || (this.#isOnNewLine && this.#startsWith('-->'));
    this.#readSign(isComment ? fail() : (this.#match(sign) ?? fail()));
  }

  #readWord(word: string): void {
    const before = this.#tokens.at(-1);
    this.#add('name', word);
    if (isOperator(this.#tokens.at(-1), before)) this.#slash = 'regex';
    if (maybeOperators.has(word)) this.#slash = 'unknown';
  }

  #readSlash(): void {
    if (this.#slash === 'unknown') throw new UnreadableSource();
    if (this.#slash === 'regex') return this.#add('regex', this.#match(regex) ?? fail());
    this.#add('sign', this.#match(slash)!);
    this.#slash = 'regex';
  }

  /** A template, or what of it stands before or behind a value in it. */
  #readTemplate(begin: string): void {
    const part = this.#match(templatePart) ?? fail();
    this.#add('template', begin + part);
    if (part.endsWith('`')) return;
    this.#open.push({ closedBy: 'template', slash: 'division' });
    this.#slash = 'regex';
  }

  #readSign(text: string): void {
    if (text === '}' || text === ')' || text === ']') {
      const bracket = this.#open.pop();
      if (bracket?.closedBy !== text) throw new UnreadableSource();
      this.#add('sign', text);
      this.#slash = bracket.slash;
      return;
    }
    const bracket = this.#bracketOf(text);
    this.#add('sign', text);
    if (bracket !== undefined) this.#open.push(bracket);
    this.#slash = text === '++' || text === '--' ? 'division' : 'regex';
  }

  #bracketOf(text: string): Bracket | undefined {
    const before = this.#tokens.at(-1);
    if (text === '[') return { closedBy: ']', slash: 'division' };
    if (text === '(') {
      const isAwait = before?.text === 'await' && this.#tokens.at(-2)?.text === 'for';
      const isHead = before?.type === 'name' && headWords.has(before.text);
      const isStatement = isAwait || (isHead && !isDot(this.#tokens.at(-2)));
      return { closedBy: ')', slash: isStatement ? 'regex' : 'division' };
    }
    return text === '{' ? { closedBy: '}', slash: this.#behindBrace(before) } : undefined;
  }

  /** A block is followed by a statement, a value by what is done with it. */
  #behindBrace(before: Token | undefined): Bracket['slash'] {
    if (before?.type === 'name') {
      if (blockWords.has(before.text)) return 'regex';
      return isOperator(before, this.#tokens.at(-2)) ? 'division' : 'regex';
    }
    if (before?.type !== 'sign') return before?.type === 'template' ? 'unknown' : 'regex';
    if (before.text === ':') return 'unknown';
    return [')', '=>', ';', '{', '}', ']'].includes(before.text) ? 'regex' : 'division';
  }

  #add(type: Token['type'], text: string): void {
    const depth = this.#open.length;
    this.#tokens.push({ type, text, depth, isOnNewLine: this.#isOnNewLine });
    this.#slash = 'division';
  }

  #startsWith(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}

function fail(): never {
  throw new UnreadableSource();
}
