import { canGenerate, generate } from '../batch/generate.ts';
import { slots } from '../core/change-trail.ts';
import { beginChange } from '../core/changed-by.ts';
import { AuditTrail } from './audit-trail.ts';
import { classNameOf, misused } from './misused.ts';

type Getter<T> = (this: never) => T;
type Setter<T> = (this: unknown, value: T) => void;

/** What a reader answers where there is no more to say than what the rule takes. */
export const refused: unique symbol = Symbol('refused');

/** Gives the value as a rule keeps it, or throws. `where`: what it is for, as `refuse` is told. */
export type Accept<T, Where> = (value: unknown, where: Where) => T;

/** What `acceptor` makes its function of. */
export interface AcceptParts<T, Where> {
  /** The value as it is kept, `refused`, or a reason thrown. */
  readonly read: (value: unknown) => T | typeof refused;
  /** The error for a refusal, with what was thrown where something was. */
  readonly refuse: (value: unknown, where: Where, reason?: unknown) => Error;
}

/** What the setter of an audited attribute is made of. */
export interface AuditedParts<T> {
  /** The property of the object that has the trail. */
  readonly key: symbol;
  readonly read: Getter<T>;
  readonly store: (this: never, value: T) => void;
}

// Each attribute has a copy of its own: shared by a few, a setter takes five times as long.
const accessorText = `return {
  get() { return this[key]; },
  set(value) {
    if (this[key] === undefined) keepFirst(this, key, value);
    else this[key] = value;
  },
};`;

const acceptText = `return function accept(value, where) {
  let kept;
  try {
    kept = read(value);
  } catch (thrown) {
    throw refuse(value, where, thrown ?? 'no reason was given');
  }
  if (kept === refused) throw refuse(value, where);
  return kept;
}`;

const ruledText = `return function set(value) {
  store.call(this, accept(value, this));
}`;

const auditedText = `return function set(value) {
  const from = read.call(this);
  let trail = this[key];
  if (trail === undefined || (trail.holder !== this && !hasOwn(this, key))) {
    if (from === undefined) return store.call(this, value);
    trail = begin(this, key);
  }
  if (trail.underWay !== undefined) return setWithin(this, value, trail, from);
  const change = trail.outermost;
  beginChange(change, from);
  trail.underWay = change;
  try {
    store.call(this, value);
  } catch (thrown) {
    trail.underWay = undefined;
    trail.note(change, read.call(this));
    throw thrown;
  }
  trail.underWay = undefined;
  const to = read.call(this);
  const last = change.from;
  // Object.is, in parts that are compiled for the types at hand.
  if (last === to ? last !== 0 || 1 / last === 1 / to : last !== last && to !== to) return;
  const values = trail.values;
  const newest = trail.newest;
  // Most changes by far. Added here, to columns of this attribute's types: in a function that all
  // attributes share it takes four times as long.
  if (trail.isPlain && change.by === null && last !== 0 && values[newest] === last) {
    const slot = newest + 1 === slots ? 0 : newest + 1;
    values[slot] = to;
    trail.times[slot] = change.at;
    trail.newest = slot;
    trail.changes++;
  } else {
    trail.add(change.at, last, to, change.by);
  }
}`;

/** An accessor that keeps the value in a hidden property. */
export function propertyAccessor(key: symbol): ClassAccessorDecoratorTarget<object, unknown> {
  if (canGenerate()) {
    const make = generate(['key', 'keepFirst'], accessorText);
    return make(key, keepFirst) as ClassAccessorDecoratorTarget<object, unknown>;
  }
  type Holder = Record<symbol, unknown>;
  return {
    get() {
      return (this as Holder)[key];
    },
    set(value) {
      if ((this as Holder)[key] === undefined) keepFirst(this, key, value);
      else (this as Holder)[key] = value;
    },
  };
}

/** Keeps the first value of an object's attribute. */
function keepFirst(holder: object, key: symbol, value: unknown): void {
  const { constructor } = holder as { readonly constructor?: { readonly prototype?: unknown } };
  if (constructor?.prototype === holder) {
    throw misused(
      `${classNameOf(holder)}.${key.description!}`,
      'was set on a prototype, whose value all instances would share',
      'set it on an instance, or give a default by `withDefault`',
    );
  }
  defineHidden(holder, key, value);
}

/** Gives an object a property that nobody sees who lists, prints, copies or compares what it holds. */
function defineHidden(holder: object, key: symbol, value: unknown): void {
  Object.defineProperty(holder, key, { value, writable: true, configurable: true });
}

/** The one way in which values are read by a rule, or refused. */
export function acceptor<T, Where>({ read, refuse }: AcceptParts<T, Where>): Accept<T, Where> {
  if (canGenerate()) {
    const make = generate(['read', 'refused', 'refuse'], acceptText);
    return make(read, refused, refuse) as Accept<T, Where>;
  }
  return (value, where) => {
    let kept;
    try {
      kept = read(value);
    } catch (thrown) {
      throw refuse(value, where, thrown ?? 'no reason was given');
    }
    if (kept === refused) throw refuse(value, where);
    return kept;
  };
}

/** A setter that keeps what a rule takes. */
export function ruledSetter<T>(
  accept: Accept<T, unknown>,
  store: (this: never, value: T) => void,
): Setter<T> {
  if (canGenerate()) return generate(['accept', 'store'], ruledText)(accept, store) as Setter<T>;
  return function set(value) {
    store.call(this as never, accept(value, this));
  };
}

/**
 * A setter that logs changes, in the order in which they happen where one makes another, and where
 * it throws after it has stored. What an attribute begins with is none.
 */
export function auditedSetter<T>({ key, read, store }: AuditedParts<T>): Setter<T> {
  function setWithin(holder: unknown, value: T, trail: AuditTrail, from: T): void {
    const outer = trail.underWay;
    if (outer !== undefined) trail.note(outer, from);
    const change = outer === undefined ? trail.outermost : { from: undefined, at: 0, by: null };
    beginChange(change, from);
    trail.underWay = change;
    try {
      store.call(holder as never, value);
    } finally {
      trail.underWay = outer;
      const to = read.call(holder as never);
      trail.note(change, to);
      if (outer !== undefined) outer.from = to;
    }
  }
  if (canGenerate()) {
    const make = generate(
      ['key', 'read', 'store', 'beginChange', 'hasOwn', 'begin', 'setWithin', 'slots'],
      auditedText,
    );
    return make(key, read, store, beginChange, hasOwn, begin, setWithin, slots) as Setter<T>;
  }
  return function set(value) {
    const from = read.call(this as never);
    let trail = (this as Record<symbol, AuditTrail | undefined>)[key];
    if (trail === undefined || (trail.holder !== this && !hasOwn(this, key))) {
      if (from === undefined) return store.call(this as never, value);
      trail = begin(this as object, key);
    }
    setWithin(this, value, trail, from);
  };
}

/** Whether a trail is that of an object, or of what a proxy stands for: one that is inherited is not. */
function hasOwn(holder: unknown, key: symbol): boolean {
  return Object.hasOwn(holder as object, key);
}

/** Begins the trail of an object, before the change: what cannot be noted is not done. */
function begin(holder: object, key: symbol): AuditTrail {
  if (!Object.isExtensible(holder)) {
    throw misused(
      classNameOf(holder) || 'an object',
      'is sealed or frozen, and cannot keep a log of its changes',
      'seal it after the first change, or audit another class',
    );
  }
  const trail = new AuditTrail(holder);
  defineHidden(holder, key, trail);
  return trail;
}
