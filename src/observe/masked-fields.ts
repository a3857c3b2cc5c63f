import { isSecret, masked, type Scrub } from '../core/mask.ts';
import { encodeValue } from './log/encode.ts';

export type EventFieldValues = Readonly<Record<string, unknown>>;

/**
 * Fields as anyone may see them, the same as in a log line: plain data without secrets, and errors
 * of their class whose texts have none.
 */
export function withoutSecretFields(fields: EventFieldValues, scrub: Scrub): EventFieldValues {
  const copies = new Map<Error, Error>();
  const shown = (name: string, value: unknown): unknown => {
    if (isSecret(name, value)) return masked;
    if (typeof value === 'string') return scrub(value);
    if (isPlain(value)) return value;
    if (value instanceof Error) return copyOf(value);
    return JSON.parse(encodeValue(value, scrub) ?? 'null');
  };
  const copyOf = (error: Error): Error => {
    const known = copies.get(error);
    if (known !== undefined) return known;
    const copy = new Error();
    copies.set(error, copy);
    const names = new Set([...Reflect.ownKeys(error), ...inheritedNames]);
    for (const name of names) {
      const value = shown(String(name), readSafely(error, name));
      if (value === undefined) continue;
      const enumerable = Object.prototype.propertyIsEnumerable.call(error, name);
      Object.defineProperty(copy, name, { value, enumerable, configurable: true, writable: true });
    }
    return Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object) as Error;
  };
  const entries = Object.entries(fields);
  return Object.fromEntries(entries.map(([name, value]) => [scrub(name), shown(name, value)]));
}

/** What some errors read of slots that a copy does not have. */
const inheritedNames = ['name', 'message', 'stack', 'code'];

function isPlain(value: unknown): boolean {
  const type = typeof value;
  return type === 'number' || type === 'boolean' || type === 'undefined' || value === null;
}

function readSafely(error: Error, name: PropertyKey): unknown {
  try {
    return (error as unknown as Readonly<Record<PropertyKey, unknown>>)[name];
  } catch {
    return '[unreadable]';
  }
}
