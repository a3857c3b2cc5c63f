import { type LogLevel, logLevels } from '../../core/index.ts';
import { isSecret, isSecretName, masked, type Scrub } from '../../core/mask.ts';
import { cutText, keysMax } from './encode.ts';
import type { Levels } from './levels.ts';
import type { LineFormat } from './line-format.ts';

/** What a line says beside its event. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Names at the head of a line that no field can take: such a field has an underscore behind. */
const headNames: ReadonlySet<string> = new Set(['timestamp', 'level', 'event']);
const keptNamesMax = 256;
const moreName = '[more]';

/** What all contexts of a logger have in common. */
export interface ContextParts {
  readonly levels: Levels;
  readonly format: LineFormat;
  readonly scrub: Scrub | undefined;
}

/** What is bound to a logger, written out once, and the body of a line with it. */
export class LogContext {
  readonly component: string;
  /** The same as JSON: itself, but where lines are for people. */
  readonly json: LogContext;
  readonly #parts: ContextParts;
  readonly #format: LineFormat;
  /** Bound fields as they are written, by the name that they are written under. */
  readonly #bound: ReadonlyMap<string, string>;
  readonly #text: string;
  readonly #heads: Partial<Record<LogLevel, string>> = {};
  /** Names as they are written; null where a field of that name needs a look. */
  readonly #names: Map<string, string | null> = new Map();
  // The least level of the component, as last looked up.
  #version = -1;
  #weightMin = 0;

  constructor(
    component: string,
    parts: ContextParts,
    bound: ReadonlyMap<string, string> = new Map(),
    json?: LogContext,
  ) {
    this.component = component;
    this.json = json ?? this;
    this.#parts = parts;
    this.#format = parts.format;
    this.#bound = bound;
    this.#text = [...bound].map(([name, value]) => this.#format.name(name) + value).join('');
  }

  /** One with more fields; what is bound again takes the place of what was. */
  with(fields: LogFields): LogContext {
    if (Error.isError(fields)) return this.with({ error: fields });
    const { component, bound } = this.#merged(fields);
    const json = this.json === this ? undefined : this.json.with(fields);
    return new LogContext(component, this.#parts, bound, json);
  }

  /** True where lines of that weight are not written. */
  isOff(weight: number): boolean {
    if (this.#version !== this.#parts.levels.version) this.#lookUpLevel();
    return weight < this.#weightMin;
  }

  #lookUpLevel(): void {
    const { levels } = this.#parts;
    this.#weightMin = logLevels[levels.of(this.component)];
    this.#version = levels.version;
  }

  /** True where a bound field has that text. */
  hasText(name: string, text: string): boolean {
    return this.#bound.get(name) === this.#format.value(text);
  }

  /** All of a line but the time before and the end behind. */
  body(level: LogLevel, event: string, fields: LogFields | undefined): string {
    const head = (this.#heads[level] ??= this.#format.head(level, this.component));
    const start = head + this.#format.event(event) + this.#text;
    if (fields === undefined) return start;
    if (Error.isError(fields)) return this.body(level, event, { error: fields });
    return this.#plainBody(start, fields) ?? this.#mergedBody(level, event, fields);
  }

  /** Undefined where a name needs a look, or a getter throws. */
  #plainBody(start: string, fields: LogFields): string | undefined {
    let body = start;
    let count = 0;
    try {
      for (const key in fields) {
        if (!Object.hasOwn(fields, key)) continue;
        const name = this.#names.get(key) ?? this.#lookAt(key);
        if (name === null || ++count > keysMax) return undefined;
        const value = this.#format.value(fields[key]);
        if (value !== undefined) body += name + value;
      }
    } catch {
      return undefined;
    }
    return body;
  }

  #lookAt(key: string): string | null {
    const isTaken = headNames.has(key) || this.#bound.has(key);
    const isPlain = key !== 'component' && !isTaken && !isSecretName(key);
    const name = isPlain && this.#shown(key) === key ? this.#format.name(key) : null;
    if (this.#names.size < keptNamesMax) this.#names.set(key, name);
    return name;
  }

  #mergedBody(level: LogLevel, event: string, fields: LogFields): string {
    const { component, bound } = this.#merged(fields);
    let body = this.#format.head(level, component) + this.#format.event(event);
    for (const [name, value] of bound) body += this.#format.name(name) + value;
    return body;
  }

  #merged(fields: LogFields): { component: string; bound: Map<string, string> } {
    const bound = new Map(this.#bound);
    let { component } = this;
    const mine = new Set<string>();
    const keys = keysOf(fields);
    for (const key of keys.slice(0, keysMax)) {
      const field = readField(fields, key);
      const given = isSecret(key, field) ? masked : field;
      const value = this.#format.value(given);
      if (value === undefined) continue;
      if (key === 'component') {
        component = typeof given === 'string' ? given : value;
        continue;
      }
      const name = this.#freeName(key, mine);
      mine.add(name);
      bound.set(name, value);
    }
    if (keys.length > keysMax) {
      bound.set(this.#freeName(moreName, mine), String(keys.length - keysMax));
    }
    return { component, bound };
  }

  /** The name that a field is written under: not one of the head, nor of another field beside it. */
  #freeName(key: string, mine: ReadonlySet<string>): string {
    let name = this.#shown(key);
    if (name === 'component') name += '_';
    while (headNames.has(name) || mine.has(name)) name += '_';
    return name;
  }

  #shown(name: string): string {
    const { scrub } = this.#parts;
    return cutText(scrub === undefined ? name : scrub(name)).toWellFormed();
  }
}

function keysOf(fields: LogFields): string[] {
  try {
    return Object.keys(fields);
  } catch {
    return [];
  }
}

function readField(fields: LogFields, key: string): unknown {
  try {
    return fields[key];
  } catch {
    return '[unreadable]';
  }
}
