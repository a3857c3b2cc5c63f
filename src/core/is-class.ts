/** Whether a value is a class. Of no other function is the `prototype` read-only. */
export function isClass(value: unknown): value is abstract new (...given: never[]) => unknown {
  if (typeof value !== 'function') return false;
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;
}
