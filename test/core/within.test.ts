import { expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { within } from '../../src/core/within.ts';

const comes = (clock: VirtualClock, afterMs: number) => clock.sleep(afterMs).then(() => 'there');

test('what comes in time is given, and nothing goes on waiting', async () => {
  const clock = new VirtualClock();
  expect(await within({ clock, limitMs: 100 }, comes(clock, 99), () => 'late')).toBe('there');
  expect(clock.monotonic()).toBe(99);
  const failing = Promise.reject(new Error('not at all'));
  await expect(within({ clock, limitMs: 100 }, failing, () => 'late')).rejects.toThrow(
    'not at all',
  );
  await clock.sleep(1);
  expect(clock.monotonic()).toBe(100);
});

test('what does not is given up: for something else, or for an error', async () => {
  const clock = new VirtualClock();
  expect(await within({ clock, limitMs: 100 }, comes(clock, 500), () => 'late')).toBe('late');
  expect(clock.monotonic()).toBe(100);
  const late = (): never => {
    throw new Error('late');
  };
  await expect(within({ clock, limitMs: 100 }, comes(clock, 500), late)).rejects.toThrow('late');
});

test('a limit that is ended holds no more', async () => {
  const clock = new VirtualClock();
  const ending = new AbortController();
  const waits = within(
    { clock, limitMs: 100, signal: ending.signal },
    comes(clock, 500),
    () => 'late',
  );
  await clock.sleep(50);
  ending.abort();
  expect(await waits).toBe('there');
});
