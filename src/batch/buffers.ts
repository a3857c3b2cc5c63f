/** Typed arrays that columns are made of. */
export type Values = Float64Array | Int32Array | BigInt64Array | Uint8Array | Uint32Array;

export interface ValuesConstructor<T extends Values> {
  new (length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** Gives a typed array of at least so many elements. */
export type TakeValues = <T extends Values>(type: ValuesConstructor<T>, length: number) => T;

const capacityMin = 1024;
/** Longer arrays are not used again. */
export const capacityMax = 16_384;
/**
 * Of each type and size: more than full queues give back at once. What is not kept has grown old, and
 * is collected late.
 */
const freeBytesMax = 8_388_608;

const free = new Map<ValuesConstructor<Values>, Map<number, Values[]>>();

/**
 * A typed array of at least `length` elements, reused where one was given back. Its contents are
 * whatever the last user left: only rows that are written may be read.
 */
export function takeValues<T extends Values>(type: ValuesConstructor<T>, length: number): T {
  const capacity = capacityFor(length);
  const reused = free.get(type)?.get(capacity)?.pop();
  return (reused as T | undefined) ?? new type(capacity);
}

/** Gives an array back for reuse. The caller must not touch it again. */
export function giveValues(values: Values): void {
  const capacity = values.length;
  if (capacity < capacityMin || capacity > capacityMax || capacity !== capacityFor(capacity))
    return;
  // A view of part of a buffer may not be the only one.
  if (!(values.buffer instanceof ArrayBuffer) || values.byteLength !== values.buffer.byteLength)
    return;
  const type = values.constructor as ValuesConstructor<Values>;
  let sizes = free.get(type);
  if (sizes === undefined) free.set(type, (sizes = new Map()));
  let list = sizes.get(capacity);
  if (list === undefined) sizes.set(capacity, (list = []));
  if ((list.length + 1) * values.byteLength <= freeBytesMax) list.push(values);
}

function capacityFor(length: number): number {
  if (length > capacityMax) return length;
  return Math.max(capacityMin, 2 ** Math.ceil(Math.log2(Math.max(1, length))));
}
