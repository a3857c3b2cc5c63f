import { attributeRulesOf, factsOfSetter } from '../core/attribute.ts';
import type { Class } from '../core/is-class.ts';
import { type Accessor, accessorOf, checkClass, defineAccessors } from './accessor.ts';
import { misused } from './misused.ts';
import { type AnyRule, partsOf, type Rule, type TypeOf } from './rule.ts';

/** A rule for each attribute. */
export type Rules = Readonly<Record<string, AnyRule>>;

/** The types of the attributes that rules declare. */
export type AttributesOf<R extends Rules> = { -readonly [K in keyof R]: TypeOf<R[K]> };

/** Rules for attributes of the instances of a class, each of the attribute's type. */
export type RulesFor<C extends Class> = {
  readonly [K in keyof InstanceType<C> & string]?: Rule<InstanceType<C>[K]>;
};

/** The rules of a class by attribute; what has none is not there. */
export type RulesIn<C extends Class> = {
  readonly [K in keyof InstanceType<C> & string]?: AnyRule;
};

/**
 * Puts rules on attributes of a class, as decorators before `accessor` do, and returns the class. An
 * accessor that it has is used below the rule; the rule of a parent's is replaced. Other names it must
 * only `declare`: a field would stand before the accessor, and is refused.
 */
export function defineAttributes<C extends Class>(component: C, rules: RulesFor<C>): C {
  checkClass('defineAttributes', component);
  if (typeof rules !== 'object' || rules === null || Array.isArray(rules)) {
    const remedy = 'write `defineAttributes(Config, { level: rangeFloat(0, 1) })`';
    throw misused('defineAttributes', 'was given no rules by name', remedy);
  }
  const given = rules as Readonly<Record<string, Rule<unknown>>>;
  // All are made before one is defined: a refusal leaves the class as it was.
  const made = (Reflect.ownKeys(given) as string[]).map(
    (name) => [name, ruledAccessor(component, name, given[name]!)] as const,
  );
  defineAccessors(component, new Map(made));
  return component;
}

function ruledAccessor(component: Class, name: string, rule: Rule<unknown>): Accessor {
  const below = belowRule(component, name);
  partsOf('defineAttributes', rule);
  const context = { kind: 'accessor', name } as ClassAccessorDecoratorContext<object, unknown>;
  const { get = below.get, set } = rule(below, context);
  return { get, set: set! };
}

/** Of an accessor that is a parent's, all but its rule and default: this class has its own. */
function belowRule(component: Class, name: string): Accessor {
  const found = accessorOf('defineAttributes', component, name);
  if (Object.hasOwn(component.prototype as object, name)) return found;
  const { readKept, withoutRule } = factsOfSetter(found.set) ?? {};
  if (withoutRule === undefined) return found;
  return { get: readKept as Accessor['get'], set: withoutRule() as Accessor['set'] };
}

/** The rule of each attribute of a class's instances, inherited ones first. */
export function rulesOf<C extends Class>(component: C): RulesIn<C> {
  checkClass('rulesOf', component);
  return Object.freeze(Object.fromEntries(attributeRulesOf(component))) as RulesIn<C>;
}
