const literals = ['true', 'false', 'null'];
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * Where a text that is no JSON stops being it, counted in characters from 1, and what was expected
 * there. Quotes nothing of the text, unlike the runtime's parser. Not for deep values.
 */
export function jsonFaultOf(text: string): string {
  const { at, expected } = new Fault(text);
  const end = at >= text.length ? ', where it ends' : '';
  return `no JSON: ${expected} expected at character ${at + 1}${end}`;
}

class Fault {
  at = 0;
  expected = 'the end';
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    if (this.#value()) this.#skipSpace();
  }

  /** False where what comes is none: then `at` and `expected` say where and why. */
  #value(): boolean {
    this.#skipSpace();
    const first = this.#text[this.at];
    if (first === '{') return this.#items('}', () => this.#member());
    if (first === '[') return this.#items(']', () => this.#value());
    if (first === '"') return this.#string();
    const literal = literals.find((word) => this.#text.startsWith(word, this.at));
    if (literal !== undefined) this.at += literal.length;
    return literal !== undefined || this.#matches(number) || this.#isMissing('a value');
  }

  #items(close: string, item: () => boolean): boolean {
    this.at++;
    if (this.#takes(close)) return true;
    while (item()) {
      if (this.#takes(close)) return true;
      if (!this.#takes(',')) return this.#isMissing(`\`,\` or \`${close}\``);
    }
    return false;
  }

  #member(): boolean {
    this.#skipSpace();
    if (this.#text[this.at] !== '"') return this.#isMissing('a name in double quotes');
    if (!this.#string()) return false;
    return this.#takes(':') ? this.#value() : this.#isMissing('`:`');
  }

  #string(): boolean {
    for (this.at++; this.at < this.#text.length;) {
      const code = this.#text.charCodeAt(this.at);
      if (code < 32) return this.#isMissing('an escaped control character');
      if (code === 92) {
        if (!this.#matches(escape)) return this.#isMissing('an escape that JSON has');
        continue;
      }
      this.at++;
      if (code === 34) return true;
    }
    return this.#isMissing('the end of a text');
  }

  #matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.#text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  #takes(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  #skipSpace(): void {
    while (' \t\r\n'.includes(this.#text[this.at] ?? '?')) this.at++;
  }

  #isMissing(what: string): false {
    this.expected = what;
    return false;
  }
}
