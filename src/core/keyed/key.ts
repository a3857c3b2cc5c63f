import type { Column, Fields, FieldOf, JsonValue, Schema } from '../../batch/index.ts';
import { PipelineError } from '../../errors.ts';
import type { Kept } from '../component.ts';

/** The kinds that state can be kept by. */
const keyKinds = ['category', 'text', 'int32', 'int64', 'timestamp', 'float64', 'bool'] as const;

/** The names of the fields of `F` that state can be kept by. */
type KeyField<F extends Fields> = FieldOf<F, (typeof keyKinds)[number]>;

/** One field, or several whose values together are the key. */
export type By<F extends Fields> = KeyField<F> | readonly KeyField<F>[];

/** A key as a map finds it: null is a key as any other, and so is NaN. */
export type Key = string | number | bigint | boolean | null;

/** Throws where a field of `by` does not exist or is of a kind that is no key. */
export function checkBy(input: Schema, by: string | readonly string[] | undefined): void {
  for (const name of fieldsOf(by)) {
    const { kind } = input.field(name);
    if ((keyKinds as readonly string[]).includes(kind)) continue;
    throw new PipelineError({
      code: 'ERR_BATCH_SCHEMA',
      place: name,
      fact: `state cannot be kept by \`${name}\`, which is ${kind}`,
      remedy: `give a field of one of the kinds ${keyKinds.join(', ')}`,
    });
  }
}

export function fieldsOf(by: string | readonly string[] | undefined): readonly string[] {
  if (by === undefined) return [];
  return typeof by === 'string' ? [by] : by;
}

/**
 * The key of several values: kind and length keep null apart from 'null', ('a', 'bc') from
 * ('ab', 'c').
 */
export function compositeKey(columns: readonly Column[], row: number): string {
  let key = '';
  for (const column of columns) {
    const value = column.value(row);
    const text = String(value);
    key += `${typeof value === 'string' ? 's' : 'v'}${text.length}:${text}`;
  }
  return key;
}

/** The values that a key is made of, by the kinds of their fields. */
export function valuesOfKey(key: Key, kinds: readonly string[]): readonly Key[] {
  if (kinds.length === 1) return [key];
  const text = String(key);
  let start = 0;
  return kinds.map((kind) => {
    const colon = text.indexOf(':', start);
    const end = colon + 1 + Number(text.slice(start + 1, colon));
    const value = text.slice(colon + 1, end);
    const isText = text[start] === 's';
    start = end;
    return isText ? value : valueOf(kind, value);
  });
}

function valueOf(kind: string, text: string): Key {
  if (text === 'null') return null;
  if (kind === 'bool') return text === 'true';
  return kind === 'int64' ? BigInt(text) : Number(text);
}

/** A key as JSON: what JSON has no number for is written as text. */
export function encodeKey(key: Key): JsonValue {
  if (typeof key === 'bigint') return String(key);
  if (typeof key === 'number' && !Number.isFinite(key)) return String(key);
  // A map holds −0 and 0 for the same key.
  return key === 0 ? 0 : key;
}

/** The key that `encodeKey` wrote, or undefined where it is none of that kind. */
export function decodeKey(kind: string, json: JsonValue): Key | undefined {
  if (json === null) return null;
  switch (kind) {
    case 'int64':
      return typeof json === 'string' && /^-?\d{1,19}$/.test(json) ? BigInt(json) : undefined;
    case 'bool':
      return typeof json === 'boolean' ? json : undefined;
    case 'int32':
    case 'timestamp':
    case 'float64':
      if (json === 'NaN' || json === 'Infinity' || json === '-Infinity') return Number(json);
      return typeof json === 'number' ? json : undefined;
    default:
      return typeof json === 'string' ? json : undefined;
  }
}

/** What a stage with state by these fields keeps. */
export function keptBy(by: string | readonly string[] | undefined): Kept {
  const fields = fieldsOf(by);
  return fields.length === 0 ? 'all' : { by: fields };
}
