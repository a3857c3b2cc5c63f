import { AssertionError, ok } from 'node:assert/strict';
import { inspect } from 'node:util';

import { systemClock } from '../core/index.ts';

/**
 * One thing that a component must do: `run` rejects where it does not. Any test runner takes a list
 * of them: `for (const { name, run } of stageSuite(…)) test(name, run)`.
 */
export interface Check {
  readonly name: string;
  /** Does nothing where the check does not apply. */
  readonly run: () => Promise<void>;
  /** Why the check does not apply; undefined where it does. */
  readonly skipped: string | undefined;
}

/** Checks that do not apply to a component, each with the reason. */
export type Skips<Name extends string> = { readonly [N in Name]?: string };

/** A list of checks of one subject, from a table of them. */
export function checksOf<Name extends string, Subject>(
  title: string,
  table: Readonly<Record<Name, (subject: Subject) => void | Promise<void>>>,
  subject: Subject,
  skips: Skips<Name> = {},
): Check[] {
  for (const [name, reason] of Object.entries<string | undefined>(skips)) {
    ok(name in table, `there is no check named \`${name}\``);
    ok(reason !== undefined && reason.trim().length > 3, `\`${name}\` is skipped without a reason`);
  }
  return Object.entries<(subject: Subject) => void | Promise<void>>(table).map(([name, check]) => {
    const skipped = skips[name as Name];
    return {
      name: `${title}: ${name}`,
      skipped,
      run: skipped === undefined ? async () => check(subject) : () => Promise.resolve(),
    };
  });
}

/** Compares lists of records; numbers may differ by 1e-9 of their size, as rolling results may. */
export function sameRecords(
  actual: readonly unknown[],
  expected: readonly unknown[],
  what: string,
): void {
  const length = Math.max(actual.length, expected.length);
  for (let at = 0; at < length; at++) {
    const [a, b] = [actual[at], expected[at]];
    if (at < actual.length && at < expected.length && isNear(a, b)) continue;
    const shown = (value: unknown): string => inspect(value, { breakLength: Infinity });
    throw new AssertionError({
      message: `${what}: number ${at} of ${actual.length} is ${shown(a)}, not ${shown(b)}, of ${expected.length}`,
      actual: a,
      expected: b,
    });
  }
}

function isNear(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number') {
    return Object.is(a, b) || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const names = Object.keys(a);
  if (Array.isArray(a) !== Array.isArray(b) || names.length !== Object.keys(b).length) return false;
  return names.every(
    (name) =>
      Object.hasOwn(b, name) &&
      isNear((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
  );
}

/** Lets everything go on that can without waiting for time, or for a call to the system. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** How long a component may take over what a check asks of it. */
export interface Patience {
  /** Of real time, for one call of the component; 4,000 unless given. */
  readonly settleMsMax?: number | undefined;
}

// Test runners commonly give a test five seconds: what is stuck is to be said before.
const settleMsMaxUnlessGiven = 4000;

/** What a component that is stuck fails with. */
class Stuck extends AssertionError {}

/** True when a promise settles, either way, within that time. */
export async function settles(
  promise: Promise<unknown>,
  settleMsMax: number = settleMsMaxUnlessGiven,
): Promise<boolean> {
  const settled = promise.then(
    () => true,
    (error: unknown) => !(error instanceof Stuck),
  );
  const over = new AbortController();
  const late = async (): Promise<boolean> => {
    await systemClock.sleep(settleMsMax, { signal: over.signal }).catch(() => {});
    // Where the machine is busy, an answer may wait behind the timer.
    await turns(10);
    return false;
  };
  try {
    return await Promise.race([settled, late()]);
  } finally {
    over.abort(null);
  }
}

/** What a promise gives. Throws an error that says `fact` where it does not settle in time. */
export function within<T>(promise: Promise<T>, fact: string, settleMsMax?: number): Promise<T> {
  const stuck = async (): Promise<T> => {
    if (await settles(promise, settleMsMax)) return promise;
    throw new Stuck({ message: fact });
  };
  return Promise.race([promise, stuck()]);
}

const flowsMax = 20_000;

/** The same flow. Throws where it neither goes on nor ends, with `fact`, or goes on without end. */
export async function* bounded<T>(
  given: AsyncIterable<T>,
  fact: string,
  settleMsMax?: number,
): AsyncGenerator<T> {
  const iterator = given[Symbol.asyncIterator]();
  let isWaiting = false;
  try {
    for (let count = 0; ; count++) {
      if (count === flowsMax) throw new Stuck({ message: 'it gives batches without end' });
      isWaiting = true;
      const next = await within(iterator.next(), fact, settleMsMax);
      if (next.done === true) return;
      isWaiting = false;
      yield next.value;
    }
  } finally {
    // One that is stuck would not hear that nobody takes more.
    if (!isWaiting) {
      const ended = Promise.resolve(iterator.return?.());
      await within(ended, 'it does not end early', settleMsMax);
    }
  }
}
