import { writeFileSync } from 'node:fs';
import process from 'node:process';

/** Records of a program's own, as a module that is measured in another process. */
export class Own {
  first = 1.5;
  second: string | null = null;
}

/** Made of its index alone. */
export class Numbered {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}

const attached = new WeakMap<object, Float64Array>();

/** Has values that are no plain fields. */
export class Hidden {
  readonly #samples: Float64Array = new Float64Array(1000);
  readonly numbers: readonly number[] = [1.5, 2.5, 3.5];

  constructor() {
    attached.set(this, new Float64Array(1000));
  }

  get samples(): Float64Array {
    return this.#samples;
  }
}

/** What a program has, and is not the record's. */
const closedOver = new Array(100_000).fill(1.5);

class Kind {
  static readonly known: readonly number[] = new Array(100_000).fill(2.5);
}

export const withFunctions = (index: number): object => ({
  index,
  sum: () => closedOver.length,
  kind: Kind,
});

/** Makes garbage, all of which is gone before the last is made. */
export function wasteful(index: number): object {
  if (index < 500) new Array(2000).fill(index).reverse();
  if (index === 600) (globalThis as unknown as { gc(): void }).gc();
  return { index };
}

/** Prints, as a module of a user's may. */
export function talkative(index: number): object {
  if (index === 0) process.stdout.write('{"size":1}\n');
  return { index };
}

export const wide = (): object => ({ bytes: new Uint8Array(10_000) });

export const noObject = (index: number): number => index;

export const late = async (index: number): Promise<object> => ({ index });

export const proxied = (index: number): object => new Proxy({ index }, {});

const always = {};

export const same = (): object => always;

export function failing(index: number): object {
  if (index > 100) throw new RangeError('no more of them');
  return { index };
}

export const hungry = (): object => new Array(100_000).fill({});

export function ending(): object {
  process.exit(3);
}

export const notCallable = 'text';

/** Never comes to an end, and says first who it is. */
export function endless(): object {
  writeFileSync(process.env['ENDLESS_PID_FILE']!, String(process.pid));
  for (;;);
}
