import { types } from 'node:util';

import { isClass } from '../core/is-class.ts';
import { PipelineError } from '../errors.ts';
import { bytesReached, hasFastShape, highWater } from './heap.ts';
import { objectSizes } from './heap-snapshot.ts';

/** What instances of one kind take of memory, in bytes of one of them unless said otherwise. */
export interface InstanceSize {
  /** How many were held at a time. */
  readonly instances: number;
  /** True where V8 keeps the fields of each sample by a hidden class; false in dictionary mode. */
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
 * let go, and the median of several rounds counts; sizes of one are those of one in the middle. Forces collections and takes a snapshot of the
 * whole heap: in a process that does other work meanwhile, that is measured too (`measureModule`
 * has one of its own), so that one measurement waits for the other. Throws `ERR_MEMORY_MEASURE` where
 * `create` makes no objects, or one object again and again.
 */
export async function measureInstanceSize(
  create: (index: number) => unknown,
  n = 100_000,
): Promise<InstanceSize> {
  checkInstances(n);
  checkCreate(create);
  return alone(() => measureInstances(create, n));
}

/**
 * The bytes of all that is reached from an object: fields, their values, buffers, private fields,
 * what a `WeakMap` keeps for it. Hidden classes, prototypes, and what functions close over or classes
 * have belong to the program and do not count. Takes a snapshot of the whole heap.
 */
export async function deepInstanceSize(target: object): Promise<number> {
  const fault = faultOf(target);
  if (fault !== undefined) throw refusal(`it is ${fault}`, 'give an object', 'target');
  return alone(async () => (await objectSizes(target)).deepBytes);
}

let last: Promise<unknown> = Promise.resolve();

/** One measurement at a time: the heap has no owners. */
function alone<T>(measure: () => Promise<T>): Promise<T> {
  const measured = last.then(measure);
  last = measured.catch(() => {});
  return measured;
}

async function measureInstances(
  create: (index: number) => unknown,
  n: number,
): Promise<InstanceSize> {
  const make = (held: unknown[]): void => {
    for (let index = 0; index < held.length; index++) held[index] = create(index);
  };
  const one = (index: number): object => assertObject(create(index));
  if (one(0) === one(0)) {
    throw refusal(
      'it gave the same object twice',
      'give a function that makes a new one each time',
    );
  }
  const held = await measureHeld(make, n, roundsFor(n));
  // The first one is often unlike the others: its index is 0.
  const samples = sampleShares.map((share) => one(Math.floor(n * share)));
  const sizes = await objectSizes(samples[0]!);
  return {
    instances: n,
    hasFastShape: samples.every(hasFastShape),
    ...sizes,
    retainedBytes: held.retainedBytes / n,
    peakMb: held.peakBytes / 1e6,
  };
}

/** Where samples are taken, off all round numbers. The first one gives the sizes. */
const sampleShares = [0.618034, 0, 0.236068, 0.854102, 0.472136];

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

function checkCreate(create: unknown): void {
  if (typeof create !== 'function') throw refusal(`it is of type ${typeof create}`);
  if (isClass(create)) {
    throw refusal('it is a class', `give \`(index) => new ${create.name}(index)\``);
  }
}

function assertObject(made: unknown): object {
  const fault = faultOf(made);
  if (fault !== undefined) throw refusal(`it gave ${fault}`);
  return made as object;
}

/** What a value is that cannot be measured. */
function faultOf(value: unknown): string | undefined {
  if (value === null) return 'null';
  if (typeof value !== 'object' && typeof value !== 'function') {
    return `a value of type ${typeof value}`;
  }
  if (types.isPromise(value)) return 'a promise';
  // V8 ends the process where it is asked for the shape of one.
  return types.isProxy(value) ? 'a proxy' : undefined;
}

function refusal(
  fact: string,
  remedy = 'give a function that makes an object, at once',
  place = 'create',
): PipelineError {
  return new PipelineError({ code: 'ERR_MEMORY_MEASURE', place, fact, remedy });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
