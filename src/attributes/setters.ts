import { canGenerate, generate } from '../batch/generate.ts';
import { ChangeTrail } from '../core/change-trail.ts';
import { addChange } from '../core/changed-by.ts';

type Getter<T> = (this: never) => T;
type Setter<T> = (this: unknown, value: T) => void;

/** What a reader answers where there is no more to say than what the rule takes. */
export const refused: unique symbol = Symbol('refused');

/** What the setter of an attribute with a rule is made of. */
export interface RuledParts<T> {
  /** The value as it is kept, `refused`, or a reason thrown. */
  readonly read: (value: unknown) => T | typeof refused;
  readonly store: (this: never, value: T) => void;
  /** The error for a refusal, with what was thrown where something was. */
  readonly refuse: (value: unknown, holder: unknown, reason?: unknown) => Error;
}

/** What the setter of an audited attribute is made of. */
export interface AuditedParts<T> {
  /** The property of the object that has the trail. */
  readonly key: symbol;
  readonly read: Getter<T>;
  readonly store: (this: never, value: T) => void;
}

// Each attribute has a copy of its own: shared by a few, a setter takes five times as long.
const accessorText = 'return { get() { return this[key]; }, set(value) { this[key] = value; } };';

const ruledText = `return function set(value) {
  let kept;
  try {
    kept = read(value);
  } catch (thrown) {
    throw refuse(value, this, thrown ?? 'no reason was given');
  }
  if (kept === refused) throw refuse(value, this);
  store.call(this, kept);
}`;

const auditedText = `return function set(value) {
  const from = read.call(this);
  store.call(this, value);
  const to = read.call(this);
  // Object.is, in parts that are compiled for the types at hand.
  if (from === to ? from !== 0 || 1 / from === 1 / to : from !== from && to !== to) return;
  const trail = this[key];
  if (trail !== undefined) addChange(trail, from, to);
  else if (from !== undefined) addChange(begin(this, key), from, to);
}`;

/** An accessor that keeps the value in a property. */
export function propertyAccessor(key: symbol): ClassAccessorDecoratorTarget<object, unknown> {
  if (canGenerate()) {
    const make = generate(['key'], accessorText);
    return make(key) as ClassAccessorDecoratorTarget<object, unknown>;
  }
  type Holder = Record<symbol, unknown>;
  return {
    get() {
      return (this as Holder)[key];
    },
    set(value) {
      (this as Holder)[key] = value;
    },
  };
}

/** A setter that keeps what a rule takes. */
export function ruledSetter<T>({ read, store, refuse }: RuledParts<T>): Setter<T> {
  if (canGenerate()) {
    const make = generate(['read', 'refused', 'store', 'refuse'], ruledText);
    return make(read, refused, store, refuse) as Setter<T>;
  }
  return function set(value) {
    let kept;
    try {
      kept = read(value);
    } catch (thrown) {
      throw refuse(value, this, thrown ?? 'no reason was given');
    }
    if (kept === refused) throw refuse(value, this);
    store.call(this as never, kept);
  };
}

/** A setter that logs changes. What an attribute begins with is none. */
export function auditedSetter<T>({ key, read, store }: AuditedParts<T>): Setter<T> {
  if (canGenerate()) {
    const make = generate(['key', 'read', 'store', 'addChange', 'begin'], auditedText);
    return make(key, read, store, addChange, begin) as Setter<T>;
  }
  return function set(value) {
    const from = read.call(this as never);
    store.call(this as never, value);
    const to = read.call(this as never);
    if (Object.is(from, to)) return;
    const trail = (this as Record<symbol, ChangeTrail>)[key];
    if (trail !== undefined) addChange(trail, from, to);
    else if (from !== undefined) addChange(begin(this as object, key), from, to);
  };
}

/** Begins the trail of an object, where nobody sees it who lists, copies or compares what it holds. */
function begin(holder: object, key: symbol): ChangeTrail {
  const trail = new ChangeTrail();
  Object.defineProperty(holder, key, { value: trail });
  return trail;
}
