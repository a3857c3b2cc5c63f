import { expect, test } from 'vitest';

import { normalDeviate, seededRandom } from '../../src/core/index.ts';

test('the same seed gives the same numbers, another seed others', () => {
  const take = (seed: number | string) => {
    const random = seededRandom(seed);
    return Array.from({ length: 20 }, () => random.next());
  };
  expect(take(1)).toEqual(take(1));
  expect(take(1)).toEqual(take('1'));
  expect(take(1)).not.toEqual(take(2));
});

test('a fork depends on its name and the seed, not on what was drawn before', () => {
  const drawn = seededRandom(7);
  drawn.next();
  expect(drawn.fork('a').next()).toBe(seededRandom(7).fork('a').next());
  expect(drawn.fork('a').next()).not.toBe(drawn.fork('b').next());
});

test('numbers are spread evenly, deviates normally', () => {
  const random = seededRandom('spread');
  const buckets = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 100_000; draw++) buckets[Math.floor(random.next() * 10)]!++;
  for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  const deviates = Array.from({ length: 100_000 }, () => normalDeviate(random));
  const mean = deviates.reduce((sum, x) => sum + x, 0) / deviates.length;
  const variance = deviates.reduce((sum, x) => sum + (x - mean) ** 2, 0) / deviates.length;
  expect(Math.abs(mean)).toBeLessThan(0.02);
  expect(Math.abs(variance - 1)).toBeLessThan(0.03);
});
