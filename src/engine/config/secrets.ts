import { isAbsolute } from 'node:path';

import type { Files } from '../../core/index.ts';
import { isPipelineError, reasonOf } from '../../errors.ts';
import type { Path } from '../description.ts';
import type { Problem } from '../problem.ts';
import { configMap, type ConfigValue } from './document.ts';

// Scrubbing shorter values would black out common words and digits.
const scrubbedLengthMin = 4;

/** Resolved `${env:NAME}` and `${file:path}` values, kept so that no text shows them. */
export class Secrets {
  readonly #references = new Map<string, string>();
  readonly #quoted = new Map<string, string>();
  /** By what it was resolved to: a whole text as it was written. */
  readonly #whole = new Map<string, string>();
  #written: [value: string, reference: string][] = [];

  add(reference: string, value: string): void {
    if (value.length < scrubbedLengthMin || this.#references.get(value) === reference) return;
    this.#references.set(value, reference);
    const forms = new Map<string, string>();
    for (const [secret, name] of this.#references) {
      for (const form of writtenForms(secret)) forms.set(form, name);
    }
    // The longest first, or a secret within another would leave the rest of it in sight.
    this.#written = [...forms].sort(([a], [b]) => b.length - a.length);
  }

  /** Keeps the whole text that references are part of. */
  addText(written: string, resolved: string): void {
    this.#quoted.set(JSON.stringify(resolved), JSON.stringify(written));
    if (resolved !== '') this.#whole.set(resolved, written);
  }

  /** As `scrub`, of a text that may quote what an option holds: also a value of any length. */
  scrubQuotes(text: string): string {
    let scrubbed = text;
    for (const [resolved, written] of this.#quoted)
      scrubbed = scrubbed.replaceAll(resolved, () => written);
    return this.scrub(scrubbed);
  }

  /** As `scrub`, of a text that may be the whole of an option: also a value of any length. */
  scrubWhole(text: string): string {
    return this.#whole.get(text) ?? this.scrub(text);
  }

  /** The text with each resolved value put back as its reference. */
  scrub(text: string): string {
    let scrubbed = text;
    for (const [value, reference] of this.#written)
      scrubbed = scrubbed.replaceAll(value, reference);
    return scrubbed;
  }
}

/** A value as it is, as JSON escapes it, as a URL does, and each long line of it. */
function writtenForms(value: string): Set<string> {
  const forms = [value, JSON.stringify(value).slice(1, -1), encodeURIComponentSafely(value)];
  const lines = value.split(/\r?\n/).filter((line) => line.length >= 2 * scrubbedLengthMin);
  return new Set([...forms, ...lines]);
}

function encodeURIComponentSafely(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly files: Files;
}

const referencePattern = /\$\$\{|\$\{([^}]*)\}/g;
const sourcePattern = /^(env|file):(.+)$/s;

/** Whether a string at a path is an expression: a value put into it could change what it means. */
export type IsExpression = (path: Path) => Promise<boolean>;

/**
 * Puts values in the place of `${env:NAME}` and `${file:path}` in the strings of a tree (`$${` stands
 * for `${`), except in expressions. What cannot be resolved stays as written and is added to `problems`.
 */
export async function resolveSecrets(
  value: ConfigValue,
  path: Path,
  environment: Environment,
  secrets: Secrets,
  problems: Problem[],
  isExpression: IsExpression,
): Promise<ConfigValue> {
  const resolve = (item: ConfigValue, key: string | number): Promise<ConfigValue> =>
    resolveSecrets(item, [...path, key], environment, secrets, problems, isExpression);
  if (typeof value === 'string') {
    return resolveText(value, path, environment, secrets, problems, isExpression);
  }
  if (Array.isArray(value)) {
    const items: ConfigValue[] = [];
    for (const [index, item] of value.entries()) {
      items.push(await resolve(item, index));
    }
    return items;
  }
  if (value === null || typeof value !== 'object') return value;
  const map = configMap();
  for (const [key, item] of Object.entries(value)) {
    map[key] = await resolve(item, key);
  }
  return map;
}

async function resolveText(
  text: string,
  path: Path,
  environment: Environment,
  secrets: Secrets,
  problems: Problem[],
  isExpression: IsExpression,
): Promise<string> {
  let resolved = '';
  let end = 0;
  for (const match of text.matchAll(referencePattern)) {
    resolved += text.slice(end, match.index);
    end = match.index + match[0].length;
    const [reference, inner] = match;
    if (inner === undefined) {
      resolved += '${';
      continue;
    }
    const found = (await isExpression(path))
      ? { problem: 'an expression is written out whole; a value put into it could change it' }
      : await lookUp(inner, environment);
    if (found.value === undefined) {
      problems.push({ kind: 'secret', path, text: `${reference}: ${found.problem}` });
      resolved += reference;
    } else {
      secrets.add(reference, found.value);
      resolved += found.value;
    }
  }
  resolved += text.slice(end);
  if (resolved !== text) secrets.addText(text, resolved);
  return resolved;
}

type Found = { value: string } | { value?: undefined; problem: string };

async function lookUp(inner: string, { variables, files }: Environment): Promise<Found> {
  const [, kind, name = ''] = sourcePattern.exec(inner) ?? [];
  if (kind === undefined) {
    const meant = /^\w+$/.test(inner) ? `did you mean \`\${env:${inner}}\`?` : 'use `${env:NAME}`';
    return { problem: `not a reference that is known, ${meant}` };
  }
  if (kind === 'env') {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    return value === undefined
      ? { problem: `the environment variable \`${name}\` is not set` }
      : { value };
  }
  try {
    // Files of secrets commonly end with a line end that is no part of the secret.
    return { value: (await files.readText(name)).replace(/\r?\n$/, '') };
  } catch (error) {
    const place = isAbsolute(name) ? 'the file' : `the file (beside the config)`;
    return { problem: `${place} ${isPipelineError(error) ? error.fact : reasonOf(error)}` };
  }
}
