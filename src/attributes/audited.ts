import {
  type AttributeFacts,
  describeSetter,
  factsOfSetter,
  propertyOf,
} from '../core/attribute.ts';
import { type ChangeLog, ChangeTrail } from '../core/change-trail.ts';
import type { Class } from '../core/is-class.ts';
import { accessorOf, checkAccessor, checkClass, defineAccessors } from './accessor.ts';
import { misused } from './misused.ts';
import { auditedSetter } from './setters.ts';

/**
 * `@audited` before an accessor keeps a log of its changes on each instance, which `getChangeLog`
 * gives. With a rule, in either order, only what the rule accepts is a change.
 */
export function audited<This, T>(
  target: ClassAccessorDecoratorTarget<This, T>,
  context: ClassAccessorDecoratorContext<This, T>,
): ClassAccessorDecoratorResult<This, T> {
  checkAccessor('audited', target, context);
  const { name } = context;
  if (context.private) {
    const fact = `stands before \`${String(name)}\`, whose log nobody could ask for`;
    throw misused('@audited', fact, 'give the accessor a public name');
  }
  return { set: logged(target as Target<T>, name) };
}

/** Keeps logs of changes of a class's attributes, as `@audited` does, and returns the class. */
export function defineAudited<C extends Class>(
  component: C,
  names: readonly (keyof InstanceType<C> & string)[],
): C {
  checkClass('defineAudited', component);
  if (!Array.isArray(names)) {
    throw misused('defineAudited', 'was given no list of names', "name attributes, as `['level']`");
  }
  // All are made before one is defined: a refusal leaves the class as it was.
  const made = [...new Set<string>(names)].map((name) => {
    const below = accessorOf('defineAudited', component, name);
    return [name, { get: below.get, set: logged(below, name) }] as const;
  });
  defineAccessors(component, new Map(made));
  return component;
}

type Target<T> = ClassAccessorDecoratorTarget<unknown, T>;

function logged<T>(target: Target<T>, name: string | symbol): Target<T>['set'] {
  if (factsOfSetter(target.set)?.trailOf !== undefined) {
    throw misused('audited', `\`${String(name)}\` is audited already`, 'audit it once');
  }
  const key = Symbol(`changes of ${String(name)}`);
  const trailOf = (holder: object): ChangeTrail | undefined =>
    Object.hasOwn(holder, key) ? (holder as Record<symbol, ChangeTrail>)[key] : undefined;
  return setterOver(target);

  function setterOver({ get: read, set: store }: Target<T>): Target<T>['set'] {
    const set = auditedSetter({ key, read, store });
    const { readKept = read, withoutRule } = factsOfSetter(store) ?? {};
    // A child that has another rule goes on with the log.
    const withoutRuleBelow =
      withoutRule && (() => setterOver({ get: readKept, set: withoutRule() } as Target<T>));
    describeSetter(set, store, { trailOf, withoutRule: withoutRuleBelow });
    return set;
  }
}

const emptyLog: ChangeLog<never> = new ChangeTrail<never>().log();

/**
 * The changes of an instance's attribute, as they are now; empty when none. Throws
 * `ERR_CONFIG_INVALID` where the attribute is not audited.
 */
export function getChangeLog<I extends object, K extends keyof I>(
  instance: I,
  name: K,
): ChangeLog<I[K]> {
  const trailOf = trailsUnder(Object(instance) as object, name);
  if (trailOf === undefined) throw notAudited(Object(instance) as object, name);
  return (trailOf(instance)?.log() ?? emptyLog) as ChangeLog<I[K]>;
}

function notAudited(instance: object, name: PropertyKey): Error {
  const shown = `\`${String(name)}\``;
  const isField = Object.hasOwn(instance, name);
  if (isField && trailsUnder(Object.getPrototypeOf(instance) as object, name) !== undefined) {
    const fact = `${shown} is a field in front of the audited attribute`;
    return misused('getChangeLog', fact, 'only `declare` it in the class');
  }
  const remedy = 'put `@audited` before it, or name it in `defineAudited`';
  return misused('getChangeLog', `${shown} is no audited attribute`, remedy);
}

function trailsUnder(instance: object, name: PropertyKey): AttributeFacts['trailOf'] {
  const set = propertyOf(instance, name)?.set;
  return set && factsOfSetter(set)?.trailOf;
}

/** An attribute of two instances; null where it has no value. */
export interface SnapshotDiff<A, B = A> {
  readonly stageA: A | null;
  readonly stageB: B | null;
  /** The second less the first, where both are numbers that have a difference. */
  readonly delta: number | null;
}

/**
 * Compares an attribute of two instances as it is now. Throws `ERR_CONFIG_INVALID` where one of them
 * has no attribute of that name.
 */
export function diffStageSnapshots<A extends object, B extends object, K extends keyof A & keyof B>(
  a: A,
  b: B,
  name: K,
): SnapshotDiff<A[K], B[K]> {
  for (const [at, one] of [a, b].entries()) {
    if (name in (Object(one) as object)) continue;
    const fact = `\`${String(name)}\` is no attribute of the ${at === 0 ? 'first' : 'second'}`;
    throw misused('diffStageSnapshots', fact, 'name an attribute that both have');
  }
  const [stageA, stageB] = [a[name] ?? null, b[name] ?? null];
  const areNumbers = typeof stageA === 'number' && typeof stageB === 'number';
  const delta = areNumbers ? stageB - stageA : NaN;
  return Object.freeze({ stageA, stageB, delta: Number.isNaN(delta) ? null : delta });
}
