import type { ChangeTrail } from './change-trail.ts';

/** A JSON Schema as plain data. */
export type AttributeSchema = Readonly<Record<string, unknown>>;

/** A rule as far as it is data. */
export interface AttributeRule {
  /** `rangeFloat` */
  readonly ruleName: string;
  /** What it takes: `a finite number from 0.5 to 2, inclusive`. */
  readonly text: string;
  /** The JSON Schema of what it takes, with the `default` where it has one. */
  readonly jsonSchema: AttributeSchema;
}

/** What is known of an attribute. */
export interface AttributeFacts {
  readonly rule?: AttributeRule | undefined;
  /** The changes of one object's attribute; undefined before the first. */
  readonly trailOf?: (holder: object) => ChangeTrail | undefined;
}

type Setter = (this: never, value: never) => void;

/** A class that may have attributes. */
export type AttributeClass = abstract new (...given: never[]) => unknown;

// By the setter, so that what is said of a class is what its accessors do, inherited or overridden.
const factsBySetter = new WeakMap<Setter, AttributeFacts>();

/** What is known of the accessor that has this setter. */
export function factsOfSetter(setter: Setter): AttributeFacts | undefined {
  return factsBySetter.get(setter);
}

/** Says something of a setter that wraps another, of which all else still holds. */
export function describeSetter(setter: Setter, wrapped: Setter, facts: AttributeFacts): void {
  factsBySetter.set(setter, { ...factsBySetter.get(wrapped), ...facts });
}

/** The accessor or property that an object has under a name, its own or inherited. */
export function propertyOf(holder: object, name: PropertyKey): PropertyDescriptor | undefined {
  let one: object | null = holder;
  while (one !== null) {
    const found = Object.getOwnPropertyDescriptor(one, name);
    if (found !== undefined) return found;
    one = Object.getPrototypeOf(one) as object | null;
  }
  return undefined;
}

/** The rule of each attribute that the instances of a class have; inherited ones first. */
export function attributeRulesOf(component: AttributeClass): ReadonlyMap<string, AttributeRule> {
  const prototypes: object[] = [];
  let one = component.prototype as object | null | undefined;
  for (; one; one = Object.getPrototypeOf(one) as object | null) prototypes.unshift(one);
  const rules = new Map<string, AttributeRule>();
  for (const [name, { set }] of prototypes.flatMap(propertiesOf)) {
    const rule = set && factsBySetter.get(set)?.rule;
    if (rule !== undefined) rules.set(name, rule);
    else rules.delete(name);
  }
  return rules;
}

function propertiesOf(prototype: object): [string, PropertyDescriptor][] {
  return Object.entries(Object.getOwnPropertyDescriptors(prototype));
}

/** The JSON Schema of an object with a class's attributes. Those without a default are required. */
export function jsonSchemaOf(component: AttributeClass): AttributeSchema {
  const rules = [...attributeRulesOf(component)];
  return {
    type: 'object',
    properties: Object.fromEntries(rules.map(([name, { jsonSchema }]) => [name, jsonSchema])),
    required: rules.filter(([, rule]) => !('default' in rule.jsonSchema)).map(([name]) => name),
    additionalProperties: false,
  };
}
