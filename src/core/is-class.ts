/** A class, whatever its constructor takes. */
export type Class = abstract new (...given: never[]) => object;

/** Whether a value is a class. */
export function isClass(value: unknown): value is Class {
  if (typeof value !== 'function') return false;
  if (Object.getOwnPropertyDescriptor(value, 'prototype')?.writable !== false) return false;
  // The `prototype` of another function is read-only only where that was frozen.
  return !Object.isFrozen(value) || /^class\b/.test(Function.prototype.toString.call(value));
}
