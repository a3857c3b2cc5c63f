import { PipelineError } from '../errors.ts';
import { bytesReached, hasFastShape, highWater } from './heap.ts';
import { objectSizes } from './heap-snapshot.ts';

/** What instances of one kind take of memory, in bytes of one of them unless said otherwise. */
export interface InstanceSize {
  /** How many were held at a time. */
  readonly instances: number;
  /** True where V8 keeps its fields by a hidden class; false in dictionary mode. */
  readonly hasFastShape: boolean;
  /** The object alone: its own size in a heap snapshot. */
  readonly shellBytes: number;
  /** The sum of the values that its fields hold, itself not counted, shared ones included. */
  readonly directBytes: number;
  /** All that is reached from one, as if nobody shared anything of it. */
  readonly deepBytes: number;
  /** What each adds to the heap when all of them are held: what they share counts once. */
  readonly retainedBytes: number;
  /** The most that heap and buffers held while all were made, garbage included, in 10^6 bytes. */
  readonly peakMb: number;
}

/** The most instances that are made at a time. */
export const instancesMax = 10_000_000;

/**
 * Measures what instances take: `n` of them are made, one `create(index)` after the other, held and
 * let go, and the median of several rounds counts. Forces collections and takes a snapshot of the
 * whole heap: in a process that does other work meanwhile, that is measured too (`measureModule`
 * has one of its own). Throws `ERR_MEMORY_MEASURE` where `create` makes no objects.
 */
export async function measureInstanceSize(
  create: (index: number) => unknown,
  n = 100_000,
): Promise<InstanceSize> {
  checkInstances(n);
  const make = (held: unknown[]): void => {
    for (let index = 0; index < held.length; index++) held[index] = create(index);
  };
  const one = (): object => assertObject(create(0));
  one();
  const held = await measureHeld(make, n, roundsFor(n));
  const instance = one();
  const sizes = await objectSizes(instance);
  return {
    instances: n,
    hasFastShape: hasFastShape(instance),
    ...sizes,
    retainedBytes: held.retainedBytes / n,
    peakMb: held.peakBytes / 1e6,
  };
}

/**
 * The bytes of all that is reached from an object: fields, their values, buffers, private fields,
 * what a `WeakMap` keeps for it. Hidden classes, prototypes, and what functions close over or classes
 * have belong to the program and do not count. Takes a snapshot of the whole heap.
 */
export async function deepInstanceSize(target: object): Promise<number> {
  return (await objectSizes(assertObject(target))).deepBytes;
}

export interface HeldSize {
  readonly retainedBytes: number;
  readonly peakBytes: number;
}

/** What `make` puts into an array of so many slots, the array itself not counted. */
export async function measureHeld(
  make: (held: unknown[]) => void | Promise<void>,
  slots: number,
  rounds: number,
): Promise<HeldSize> {
  // Code is compiled, and the shape settles, before anything counts.
  await measureRound(make, Math.min(slots, 1000));
  const retained: number[] = [];
  const peaks: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const size = await measureRound(make, slots);
    retained.push(size.retainedBytes);
    peaks.push(size.peakBytes);
  }
  return { retainedBytes: median(retained), peakBytes: median(peaks) };
}

/** More rounds where one is quick and what is compiled meanwhile would show. */
export function roundsFor(n: number): number {
  return Math.min(11, Math.max(1, Math.round(300_000 / n)));
}

/** Throws `ERR_CONFIG_INVALID` for what is no number of instances. */
export function checkInstances(n: number): void {
  if (Number.isInteger(n) && n >= 1 && n <= instancesMax) return;
  throw new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: 'instances',
    fact: `${n} is no number of instances`,
    remedy: `give a whole number from 1 to ${instancesMax}`,
  });
}

async function measureRound(
  make: (held: unknown[]) => void | Promise<void>,
  slots: number,
): Promise<HeldSize> {
  const held = new Array<unknown>(slots).fill(null);
  const before = bytesReached();
  const peak = await highWater(() => make(held));
  const after = bytesReached();
  // Used here, so that it is not gone before.
  assertObject(held.at(-1));
  return { retainedBytes: after - before, peakBytes: peak - before };
}

function assertObject(made: unknown): object {
  const isObject = (typeof made === 'object' && made !== null) || typeof made === 'function';
  if (isObject && !(made instanceof Promise)) return made;
  throw new PipelineError({
    code: 'ERR_MEMORY_MEASURE',
    place: 'create',
    fact: `it gave ${made instanceof Promise ? 'a promise' : `a value of type ${made === null ? 'null' : typeof made}`}`,
    remedy: 'give a function that makes an object, at once',
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
