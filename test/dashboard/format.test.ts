import { expect, onTestFinished, test, vi } from 'vitest';

import {
  ago,
  bytes,
  dayAndTimeOf,
  field,
  since,
  span,
  timeOf,
  withTimes,
} from '../../dashboard/src/format.ts';

test('no time span is below 0', () => {
  expect(span(-3_190_396)).toBe('0 ms');
  expect(ago(2000, 1000)).toBe('just now');
  expect(since(2000, 1000)).toBe(`${timeOf(2000)} (just now)`);
  expect(since(2000, 8500)).toBe(`${timeOf(2000)} (6.5 s)`);
});

test('short time spans are told apart', () => {
  expect([0.0004, 0.0123, 0.0149, 0.1, 0.5].map(span)).toEqual([
    '0.4 µs',
    '12 µs',
    '15 µs',
    '0.10 ms',
    '0.50 ms',
  ]);
});

test('bytes in the unit of their size', () => {
  expect([0, 1023, 1536, 200 * 2 ** 20, 3 * 2 ** 30].map(bytes)).toEqual([
    '0 B',
    '1023 B',
    '1.5 KiB',
    '200 MiB',
    '3.0 GiB',
  ]);
});

test('fields of a log line read as what they are', () => {
  expect(field('value', 30.063351397999998)).toBe('30.06');
  expect(field('rows', 123_456)).toBe('123456');
  expect(field('sinceMs', 1_795_265_621_157)).toBe(timeOf(1_795_265_621_157));
  expect(field('openMs', 5000)).toBe('5.0 s');
  expect(field('ids', ['south-01'])).toBe('["south-01"]');
  expect(field('reason', 'probe-failed')).toBe('probe-failed');
  expect(field('limit', null)).toBe('null');
});

test('times in a text are those of this place', () => {
  onTestFinished(() => void vi.useRealTimers());
  vi.setSystemTime('2026-03-04T12:00:00Z');
  const at = (text: string): string => withTimes(`open, tried again at ${text}; gone`);
  const noon = Date.parse('2026-03-04T12:00:03.813Z');
  expect(at('2026-03-04T12:00:03.813Z')).toBe(`open, tried again at ${timeOf(noon)}; gone`);
  const longAgo = Date.parse('2020-01-01T00:00:00Z');
  expect(at('2020-01-01T00:00:00Z')).toBe(`open, tried again at ${dayAndTimeOf(longAgo)}; gone`);
  expect(at('2020-99-99T00:00:00Z')).toBe('open, tried again at 2020-99-99T00:00:00Z; gone');
});
