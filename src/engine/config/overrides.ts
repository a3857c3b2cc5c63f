import { PipelineError } from '../../errors.ts';
import type { Path } from '../description.ts';
import {
  ConfigDocument,
  configMap,
  type ConfigMap,
  type ConfigValue,
  isConfigMap,
} from './document.ts';

/** A value given on the command line: `stages.0.threshold.min=5`. */
export interface Override {
  readonly path: Path;
  /** Its value as written: a YAML scalar, a list or map in flow form, or plain text. */
  readonly text: string;
  /** Which of the overrides it is, from 1. */
  readonly number: number;
  /** Where its value begins in the argument, from 1. */
  readonly column: number;
}

const refusedKeys = new Set(['__proto__', 'constructor', 'prototype']);

/** Reads `path=value`. Throws `ERR_CONFIG_INVALID` where it is not that. */
export function parseOverride(argument: string, number: number): Override {
  const equals = argument.indexOf('=');
  if (equals <= 0) throw refused(argument, 'is not `path=value`');
  const written = argument.slice(0, equals);
  const parts = written.split('.');
  for (const part of parts) {
    if (part === '') throw refused(written, 'has an empty part in its path');
    if (refusedKeys.has(part)) throw refused(written, `names \`${part}\`, which no config has`);
  }
  const path = parts.map((part) => (/^(0|[1-9]\d*)$/.test(part) ? Number(part) : part));
  return { path, text: argument.slice(equals + 1), number, column: equals + 2 };
}

/** A list or map in flow form, or a scalar. */
async function parseValue(text: string): Promise<ConfigValue> {
  if (!/^\s*[[{]/.test(text)) return parseScalar(text);
  const { value, problems } = await ConfigDocument.parse(text);
  return problems.length === 0 ? value : text;
}

// What YAML would not read as one scalar is taken as the text that it is: no quotes within quotes.
async function parseScalar(text: string): Promise<ConfigValue> {
  const { parseDocument, isScalar } = await import('yaml');
  const document = parseDocument(text, { version: '1.2', schema: 'core', logLevel: 'silent' });
  const { contents } = document;
  if (contents === null && text.trim() === '') return '';
  const isPlain = isScalar(contents) && contents.tag === undefined && contents.anchor === undefined;
  const isWhole = document.errors.length === 0 && document.comment === null;
  return isPlain && isWhole && contents.comment === undefined
    ? (contents.value as ConfigValue)
    : text;
}

/** Sets the value in the tree; maps on the way are made. Says what is wrong where that cannot be. */
export async function applyOverride(
  root: ConfigMap,
  { path, text }: Override,
): Promise<string | undefined> {
  const value = await parseValue(text);
  let at: ConfigValue = root;
  const last = path.length - 1;
  for (const [depth, part] of path.entries()) {
    const next: ConfigValue = depth === last ? value : configMap();
    if (Array.isArray(at)) {
      if (typeof part !== 'number' || part >= at.length) {
        return `\`${path.slice(0, depth).join('.')}\` has ${at.length} items and no \`${part}\``;
      }
      if (depth === last || at[part] === null) at[part] = next;
      at = at[part]!;
    } else if (isConfigMap(at)) {
      const key = String(part);
      if (key === 'stages' && depth === 0 && last > 0 && (at[key] ?? null) === null) {
        return "there are no `stages` to set one of; set them all: `--set 'stages=[{ … }]'`";
      }
      if (depth === last || (at[key] ?? null) === null) at[key] = next;
      at = at[key]!;
    } else {
      const owner = path.slice(0, depth).join('.');
      return `\`${owner}\` is a value and holds no \`${part}\`; set all of it: \`--set ${owner}=…\``;
    }
  }
  return undefined;
}

function refused(written: string, fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: `--set ${written}`,
    fact,
    remedy: 'write it like `--set source.file.path=data.ndjson`',
  });
}
