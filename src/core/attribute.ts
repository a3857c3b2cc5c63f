import type { ChangeTrail } from './change-trail.ts';
import type { Class } from './is-class.ts';

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
  /** Where it takes undefined too, so that documents may do without the attribute. */
  readonly isOptional?: true;
}

type Setter = (this: never, value: never) => void;

/** What is known of an attribute. */
export interface AttributeFacts {
  readonly rule?: AttributeRule | undefined;
  /** Reads what was set, without a default. */
  readonly readKept?: (this: never) => unknown;
  /** Stores below all rules and logs. */
  readonly storeKept?: Setter;
  /** Makes the same setter without its rule. */
  readonly withoutRule?: (() => Setter) | undefined;
  /** The changes of one object's attribute; undefined before the first. */
  readonly trailOf?: (holder: object) => ChangeTrail | undefined;
}

// By the setter, so that what is said of a class is what its accessors do, inherited or overridden.
const factsBySetter = new WeakMap<Setter, AttributeFacts>();

/** What is known of the accessor that has this setter. */
export function factsOfSetter(setter: Setter): AttributeFacts | undefined {
  return factsBySetter.get(setter);
}

/** Says something of a setter that wraps another, of which all else still holds. */
export function describeSetter(setter: Setter, wrapped: Setter, facts: AttributeFacts): void {
  factsBySetter.set(setter, { storeKept: wrapped, ...factsBySetter.get(wrapped), ...facts });
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
export function attributeRulesOf(component: Class): ReadonlyMap<string, AttributeRule> {
  return factsUnder(component.prototype as object | undefined, ({ rule }) => rule);
}

/** The trail of each audited attribute of an object that has changed; inherited ones first. */
export function trailsOf(holder: object): ReadonlyMap<string, ChangeTrail> {
  return factsUnder(holder, ({ trailOf }) => trailOf?.(holder));
}

/** Of each attribute that an object has, itself or from its prototypes, what there is of a fact. */
function factsUnder<T>(
  holder: object | undefined,
  pick: (facts: AttributeFacts) => T | undefined,
): ReadonlyMap<string, T> {
  const objects: object[] = [];
  let one: object | null | undefined = holder;
  for (; one; one = Object.getPrototypeOf(one) as object | null) objects.unshift(one);
  const found = new Map<string, T>();
  for (const [name, { set }] of objects.flatMap(propertiesOf)) {
    const facts = set && factsBySetter.get(set);
    const fact = facts && pick(facts);
    if (fact !== undefined) found.set(name, fact);
    else found.delete(name);
  }
  return found;
}

function propertiesOf(holder: object): [string, PropertyDescriptor][] {
  return Object.entries(Object.getOwnPropertyDescriptors(holder));
}
