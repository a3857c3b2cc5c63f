import { type AttributeRule, describeSetter, factsOfSetter } from '../core/attribute.ts';
import { isSecret, masked, withoutCredentials } from '../core/mask.ts';
import { shownValue } from '../core/option-message.ts';
import { escapeControls } from '../core/plain-text.ts';
import { PipelineError, reasonOf } from '../errors.ts';
import { checkAccessor } from './accessor.ts';
import { classNameOf, misused } from './misused.ts';
import { type Accept, acceptor, type refused, ruledSetter } from './setters.ts';

/** A rule, whatever it keeps. */
export interface AnyRule extends AttributeRule {
  /** The value as it is kept. Throws `ERR_ATTRIBUTE_INVALID` where the rule refuses it. */
  parse(value: unknown): unknown;
}

/**
 * What an attribute takes: a decorator of accessors, a value for `defineAttributes`, or a function
 * alone, `parse`.
 */
export interface Rule<T> extends AnyRule {
  /** Before an accessor of that type: what is set, and what it begins with, passes the rule. */
  <This>(
    target: ClassAccessorDecoratorTarget<This, T>,
    context: ClassAccessorDecoratorContext<This, T>,
  ): ClassAccessorDecoratorResult<This, T>;
  parse(value: unknown): T;
}

/** The type of what a rule keeps. */
export type TypeOf<R extends AnyRule> = ReturnType<R['parse']>;

/** A rule as its author writes it. */
export interface RuleParts<T> extends AttributeRule {
  /** Gives the value as it is kept; `refused`, or the reason thrown, where it is none. */
  readonly read: (value: unknown) => T | typeof refused;
}

const partsByRule = new WeakMap<object, RuleParts<unknown>>();

/** Makes a rule. Throws where it refuses its own default. */
export function createRule<T>(given: RuleParts<T>): Rule<T> {
  const { ruleName, text, read, isOptional } = given;
  const jsonSchema = frozenCopy(ruleName, given.jsonSchema);
  const parts = { ...given, jsonSchema };
  const hasDefault = 'default' in jsonSchema;
  const acceptFor = (name: string | symbol): Accept<T, unknown> =>
    acceptor({
      read,
      refuse: (value, holder, reason) => refusal(parts, value, holder, name, reason),
    });
  const acceptAlone = acceptFor(ruleName);
  const parse = (value: unknown): T => acceptAlone(value, undefined);

  function decorate<This>(
    target: ClassAccessorDecoratorTarget<This, T>,
    context: ClassAccessorDecoratorContext<This, T>,
  ): ClassAccessorDecoratorResult<This, T> {
    checkAccessor(ruleName, target, context);
    const { name } = context;
    const below = factsOfSetter(target.set);
    const other = below?.rule;
    if (other !== undefined) {
      const fact = `\`${String(name)}\` has the rule \`${other.ruleName}\` already`;
      throw misused(`@${ruleName}`, fact, 'make one rule of the two by `custom`');
    }
    const accept = acceptFor(name);
    const readKept = (below?.readKept ?? target.get) as (this: This) => T;
    const storeKept = (below?.storeKept ?? target.set) as (this: This, value: T) => void;
    const store = hasDefault && below?.trailOf !== undefined ? storeFromDefault : target.set;
    const set = ruledSetter(accept, store);
    describeSetter(set, target.set, { rule, readKept, withoutRule: () => target.set });
    if (hasDefault) return { get: keptOrDefault, set, init };
    return readKept === target.get ? { set, init } : { get: readKept, set, init };

    // What has no value yet gets one from the constructor, which is set like any other.
    function init(this: This, value: T): T {
      return value === undefined ? value : accept(value, this);
    }
    function keptOrDefault(this: This): T {
      const kept = readKept.call(this);
      return kept === undefined ? initial! : kept;
    }
    /** A log below begins with the default. */
    function storeFromDefault(this: This, value: T): void {
      if (readKept.call(this) === undefined) storeKept.call(this, initial!);
      target.set.call(this, value);
    }
  }

  const rule: Rule<T> = Object.freeze(
    Object.assign(decorate, {
      ruleName,
      text,
      jsonSchema,
      ...(isOptional && { isOptional }),
      parse,
    }),
  );
  partsByRule.set(rule, parts);
  const initial = hasDefault ? frozenCopy(ruleName, parse(jsonSchema['default'])) : undefined;
  return rule;
}

/** A copy in which lists and plain objects are frozen, at every depth: all instances share it. */
function frozenCopy<T>(place: string, value: T, within: readonly unknown[] = []): T {
  if (typeof value !== 'object' || value === null) return value;
  const isList = Array.isArray(value);
  if (!isList && Object.getPrototypeOf(value) !== Object.prototype) return value;
  if (within.includes(value)) {
    const fact = 'was given a default or schema that holds itself';
    throw misused(place, fact, 'give plain data, as JSON can have it');
  }
  const copy = (item: unknown): unknown => frozenCopy(place, item, [...within, value]);
  if (isList) return Object.freeze(value.map(copy)) as T;
  const entries = Object.entries(value).map(([key, item]) => [key, copy(item)]);
  return Object.freeze(Object.fromEntries(entries)) as T;
}

/** What a rule was made of. Throws `ERR_CONFIG_INVALID` where it is no rule. */
export function partsOf<T>(place: string, rule: Rule<T>): RuleParts<T> {
  const parts = partsByRule.get(Object(rule) as object);
  if (parts !== undefined) return parts as RuleParts<T>;
  throw misused(place, 'was given something that is no rule', 'give one, as `rangeFloat(0, 1)` is');
}

/**
 * The same rule with a value for what is not set, which instances share: lists and plain objects in
 * it are copied and frozen. Documents, schema and manifest show it, and the
 * attribute is not required.
 */
export function withDefault<T>(rule: Rule<T>, value: T): Rule<T> {
  const parts = partsOf('withDefault', rule);
  return createRule({ ...parts, jsonSchema: { ...parts.jsonSchema, default: value } });
}

/**
 * The same rule for an attribute that may be unset: it takes undefined too, and keeps it. The
 * attribute is not required.
 */
export function optional<T>(rule: Rule<T>): Rule<T | undefined> {
  const { ruleName, text, jsonSchema, read } = partsOf('optional', rule);
  return createRule<T | undefined>({
    ruleName: `optional(${ruleName})`,
    text: `${text}, or undefined`,
    jsonSchema,
    isOptional: true,
    read: (value) => (value === undefined ? undefined : read(value)),
  });
}

/** A value as an error shows it: one line, nothing long, no credentials. */
export function shownInError(value: unknown): string {
  try {
    return escapeControls(withoutCredentials(shown(value)));
  } catch {
    return 'something that cannot be shown';
  }
}

function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return shownValue(value);
  const className = classNameOf(Object.getPrototypeOf(value));
  if (className === '' || className === 'Object') return shownValue(value);
  const what = `an object of class \`${className}\``;
  if (value instanceof Date) return `${what} that holds ${shownValue(value.toJSON())}`;
  const isBoxed = [Number, String, Boolean].some((box) => value instanceof box);
  return isBoxed ? `${what} that holds ${shownValue(value.valueOf())}` : what;
}

function refusal(
  { ruleName, text }: AttributeRule,
  value: unknown,
  holder: unknown,
  name: string | symbol,
  reason: unknown,
): PipelineError {
  // A number may be a PIN: it is as secret as a text.
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  const isHidden = isSecret(String(name), isNumber ? String(value) : value);
  const isSaid = reason !== undefined && !isHidden;
  const told = isHidden ? masked : shownInError(value);
  return new PipelineError({
    code: 'ERR_ATTRIBUTE_INVALID',
    place: escapeControls(placeOf(holder, name)),
    fact: isSaid ? `was given ${told}: ${escapeControls(reasonOf(reason))}` : `was given ${told}`,
    remedy: escapeControls(`\`${ruleName}\` takes ${text}`),
    ...(isSaid && reason instanceof Error && { cause: reason }),
  });
}

/** `SensorConfig.sensorId`, by the class of the object at hand. */
function placeOf(holder: unknown, name: string | symbol): string {
  const className = holder === undefined ? '' : classNameOf(holder);
  return className === '' ? String(name) : `${className}.${String(name)}`;
}
