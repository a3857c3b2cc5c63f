import { propertyOf } from '../core/attribute.ts';
import { hasField } from '../core/class-parameters/fields.ts';
import type { Class } from '../core/is-class.ts';
import { misused } from './misused.ts';
import { propertyAccessor } from './setters.ts';

/** Both functions of an accessor. */
export type Accessor = ClassAccessorDecoratorTarget<object, unknown>;

/** Throws `ERR_CONFIG_INVALID` where a decorator of accessors stands before anything else. */
export function checkAccessor(decorator: string, target: unknown, context: unknown): void {
  const { kind, name } = Object(context) as { readonly kind?: unknown; readonly name?: unknown };
  if (typeof kind !== 'string') {
    throw misused(
      `@${decorator}`,
      'was called, but not as a standard decorator',
      'put it before an `accessor`, with `experimentalDecorators` off',
    );
  }
  if (kind === 'accessor' && typeof target === 'object' && target !== null) return;
  const fact = `stands before the ${kind} \`${String(name)}\``;
  const remedy =
    kind === 'field' ? `write \`accessor ${String(name)}\`` : 'put it before an `accessor`';
  throw misused(`@${decorator}`, fact, remedy);
}

/** Throws `ERR_CONFIG_INVALID` where what should be a class is none. */
export function checkClass(place: string, component: unknown): void {
  const isClass =
    typeof component === 'function' && Object(component.prototype) === component.prototype;
  if (!isClass) throw misused(place, 'was given no class', 'give a class');
}

/** Throws `ERR_CONFIG_INVALID` where a class can have no accessor under a name. */
function checkName(place: string, { name: className, prototype }: Class, name: unknown): void {
  if (typeof name !== 'string' || name === '' || name === '__proto__') {
    const shown = typeof name === 'string' ? `"${name}"` : `a ${typeof name}`;
    throw misused(place, `was given ${shown} as a name`, "name attributes, as `['level']`");
  }
  const own = Object.getOwnPropertyDescriptor(prototype, name);
  if (own === undefined ? Object.isExtensible(prototype) : own.configurable) return;
  const fact = `\`${name}\` cannot be defined on \`${className}\``;
  throw misused(place, fact, 'define attributes before the prototype is frozen or sealed');
}

/**
 * The accessor of a class under a name, or one that keeps the value on the instance where it has
 * none. Throws where something else has the name.
 */
export function accessorOf(place: string, component: Class, name: string): Accessor {
  checkName(place, component, name);
  if (hasField(component, name)) {
    const fact = `\`${name}\` is a field of \`${component.name}\`, and would stand before the accessor`;
    throw misused(place, fact, 'only `declare` it, and set it in the constructor');
  }
  const { prototype } = component as { readonly prototype: object };
  const found = propertyOf(prototype, name);
  if (found === undefined) return propertyAccessor(Symbol(name));
  const { get, set } = found;
  if (get !== undefined && set !== undefined) return { get, set };
  const what = get === undefined && set === undefined ? 'a method or value' : 'half an accessor';
  const fact = `\`${name}\` is ${what} of \`${component.name}\``;
  throw misused(place, fact, 'name an accessor with `get` and `set`, or a name that is free');
}

/** Gives a class accessors. */
export function defineAccessors(
  { prototype }: Class,
  accessors: ReadonlyMap<string, Accessor>,
): void {
  for (const [name, { get, set }] of accessors) {
    Object.defineProperty(prototype, name, { get, set, configurable: true, enumerable: false });
  }
}
