import { execFileSync } from 'node:child_process';
import process from 'node:process';

import { describe, expect, test } from 'vitest';

import { systemClock, VirtualClock } from '../../src/core/index.ts';

describe('virtual time', () => {
  test('jumps from sleeper to sleeper, in order', async () => {
    const clock = new VirtualClock(1_000_000);
    const woken: [string, number][] = [];
    const sleeper = async (name: string, delayMs: number) => {
      await clock.sleep(delayMs);
      woken.push([name, clock.now()]);
    };
    await Promise.all([sleeper('late', 30 * 60_000), sleeper('soon', 10), sleeper('same', 10)]);
    expect(woken).toEqual([
      ['soon', 1_000_010],
      ['same', 1_000_010],
      ['late', 1_000_000 + 30 * 60_000],
    ]);
    expect(clock.monotonic()).toBe(30 * 60_000);
  });

  test('stands still while something is held', async () => {
    const clock = new VirtualClock();
    const held = Promise.withResolvers<void>();
    void clock.hold(held.promise);
    let woken = false;
    const sleeping = clock.sleep(5).then(() => (woken = true));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect([woken, clock.monotonic()]).toEqual([false, 0]);
    held.resolve();
    await sleeping;
    expect(clock.monotonic()).toBe(5);
  });

  test('goes on when what was held has failed', async () => {
    const clock = new VirtualClock();
    await expect(clock.hold(Promise.reject(new Error('no')))).rejects.toThrow('no');
    await clock.sleep(1);
    expect(clock.monotonic()).toBe(1);
  });

  test('lets what is ready go on before it moves', async () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    const sleeping = clock.sleep(1000);
    let work = Promise.resolve();
    for (let step = 0; step < 100; step++)
      work = work.then(() => void seen.push(clock.monotonic()));
    await sleeping;
    expect(seen).toEqual(Array.from({ length: 100 }, () => 0));
  });
});

describe.each([
  ['system', () => systemClock],
  ['virtual', () => new VirtualClock()],
])('an abort on the %s clock', (_name, make) => {
  test('wakes a sleeper at once with its reason', async () => {
    const stop = new AbortController();
    const sleeping = make().sleep(1e9, { signal: stop.signal });
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
  });

  test('refuses a sleep that begins after it', async () => {
    const reason = new Error('over');
    await expect(make().sleep(1e9, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

test('the system clock sleeps longer than a timer can', async () => {
  const stop = new AbortController();
  const sleeping = systemClock.sleep(2 ** 40, { signal: stop.signal });
  let settled = false;
  sleeping.catch(() => (settled = true));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(settled).toBe(false);
  stop.abort();
  await expect(sleeping).rejects.toThrow();
});

describe.each([
  ['system', () => systemClock],
  ['virtual', () => new VirtualClock()],
])('the %s clock', (_name, make) => {
  test('gives everything else its turn, however short the sleep', async () => {
    let turned = false;
    setImmediate(() => (turned = true));
    for (let times = 0; times < 1000 && !turned; times++) await make().sleep(0);
    expect(turned).toBe(true);
  });

  test('sleeps for ever where that is asked, and time goes on', async () => {
    const clock = make();
    const stop = new AbortController();
    const sleeping = clock.sleep(Infinity, { signal: stop.signal });
    let settled = false;
    sleeping.catch(() => (settled = true));
    await clock.sleep(5);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect([settled, clock.monotonic() < Infinity]).toEqual([false, true]);
    stop.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
  });

  test('refuses to sleep for NaN', async () => {
    await expect((async () => make().sleep(NaN))()).rejects.toThrow('NaN');
  });
});

describe.each([
  ['system', () => systemClock],
  ['virtual', () => new VirtualClock()],
])('a timer of the %s clock', (_name, make) => {
  test('goes off at the last time it was set to, once, and not when it was stopped', async () => {
    const clock = make();
    const start = clock.monotonic();
    const wentOff: number[] = [];
    const timer = clock.timer(() => wentOff.push(clock.monotonic() - start));
    timer.set(start + 1);
    timer.set(start + 15);
    await clock.sleep(40);
    expect(wentOff).toHaveLength(1);
    expect(wentOff[0]).toBeGreaterThanOrEqual(15);
    timer.set(clock.monotonic() + 5);
    timer.stop();
    await clock.sleep(15);
    expect(wentOff).toHaveLength(1);
    // A time that has passed is now.
    timer.set(start);
    await clock.sleep(5);
    timer.set(-Infinity);
    await clock.sleep(5);
    expect(wentOff).toHaveLength(3);
  });

  test('may be set to earlier and to later, and again from what it calls', async () => {
    const clock = make();
    const due = Promise.withResolvers<number>();
    const start = clock.monotonic();
    let left = 2;
    const timer = clock.timer(() => {
      if (--left === 0) due.resolve(clock.monotonic() - start);
      else timer.set(start + 25);
    });
    timer.set(start + 60_000);
    timer.set(start + 5);
    timer.stop();
    timer.set(start + 15);
    expect(await due.promise).toBeGreaterThanOrEqual(25);
    expect(left).toBe(0);
  });

  test('refuses NaN, and stays set as it was', async () => {
    const clock = make();
    const due = Promise.withResolvers<void>();
    const timer = clock.timer(() => due.resolve());
    timer.set(clock.monotonic() + 5);
    expect(() => timer.set(NaN)).toThrow('NaN');
    await due.promise;
    expect(clock.monotonic()).not.toBeNaN();
  });

  test('never goes off at Infinity, and time goes on', async () => {
    const clock = make();
    let wentOff = 0;
    const timer = clock.timer(() => wentOff++);
    timer.set(clock.monotonic() + 5);
    timer.set(Infinity);
    await clock.sleep(15);
    expect(wentOff).toBe(0);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(clock.monotonic()).toBeLessThan(Infinity);
    timer.set(clock.monotonic() + 1);
    await clock.sleep(10);
    expect(wentOff).toBe(1);
  });
});

describe('a timer of the system clock', () => {
  test('that is stopped keeps no process alive, and one that is set does', async () => {
    const script = (end: string): string => `
      import { systemClock } from ${JSON.stringify(new URL('../../src/core/clock.ts', import.meta.url).href)};
      const timer = systemClock.timer(() => process.stdout.write('went off'));
      timer.set(systemClock.monotonic() + ${end === '' ? 20 : 60_000});
      ${end}`;
    const run = (end: string): string =>
      execFileSync(process.execPath, ['--input-type=module', '--eval', script(end)], {
        encoding: 'utf8',
        timeout: 30_000,
      });
    const ends = ['timer.stop();', 'timer.set(Infinity);', ''];
    expect(ends.map(run)).toEqual(['', '', 'went off']);
  });
});

test('a timer in the background does not keep the process alive', () => {
  const script = `
    import { systemClock } from './src/core/clock.ts';
    const timer = systemClock.timer(() => timer.set(systemClock.monotonic() + 60_000), { keepsAlive: false });
    timer.set(systemClock.monotonic() + 60_000);
    timer.set(systemClock.monotonic() + 70_000);
  `;
  execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 10_000 });
});

test('a timer in the background does not make virtual time advance, and goes off when it does', async () => {
  const clock = new VirtualClock();
  const wentOff: number[] = [];
  const timer = clock.timer(() => wentOff.push(clock.monotonic()), { keepsAlive: false });
  timer.set(1000);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(clock.monotonic()).toBe(0);
  await clock.sleep(1500);
  expect([wentOff, clock.monotonic()]).toEqual([[1000], 1500]);
  // Nor where the last that waits for it is gone before it gets there.
  timer.set(3000);
  const gone = new AbortController();
  const slept = clock.sleep(5000, { signal: gone.signal }).catch(() => 'gone');
  gone.abort();
  expect(await slept).toBe('gone');
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect([wentOff, clock.monotonic()]).toEqual([[1000], 1500]);
});
