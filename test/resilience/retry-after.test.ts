import { describe, expect, test } from 'vitest';

import { CircuitOpenError } from '../../src/resilience/errors.ts';
import { retryAfterOf } from '../../src/resilience/retry-after.ts';

const nowMs = Date.UTC(1994, 10, 6, 8, 49, 7);
const header = (value: unknown): unknown => ({ headers: { 'retry-after': value } });

describe('how long an error asks to wait', () => {
  test.each<[string, unknown, number | undefined]>([
    ['an error of ours', new CircuitOpenError({ place: 'b', fact: 'is open' }, 1500), 1500],
    ['any with `retryAfterMs`', { retryAfterMs: 20 }, 20],
    ['for ever', { retryAfterMs: Infinity }, Infinity],
    ['seconds as text', header('120'), 120_000],
    ['seconds as a number', header(2), 2000],
    ['a part of a second', header('0.5'), 500],
    ['headers of any case', { headers: { 'Retry-After': ' 3 ' } }, 3000],
    ['`Headers`', { headers: new Headers({ 'Retry-After': '4' }) }, 4000],
    ['a response', { response: { status: 429, headers: { 'retry-after': '5' } } }, 5000],
    ['a date', header('Sun, 06 Nov 1994 08:49:37 GMT'), 30_000],
    ['a date of RFC 850', header('Sunday, 06-Nov-94 08:49:37 GMT'), 30_000],
    ['a date of asctime', header('Sun Nov  6 08:49:37 1994'), 30_000],
    ['a date that has passed', header('Sun, 06 Nov 1994 08:00:00 GMT'), 0],
    ['no headers', new Error('a'), undefined],
    ['headers without it', { headers: new Headers() }, undefined],
    ['nothing', undefined, undefined],
    ['text', 'Retry-After: 3', undefined],
    ['a negative time', { retryAfterMs: -1, ...(header('-5') as object) }, undefined],
    ['no number', { retryAfterMs: NaN }, undefined],
    ['no date', header('Sun, 99 Nov 1994 08:49:37 GMT'), undefined],
    ['other text', header('soon, in 1 minute'), undefined],
    ['a list', header(['1']), undefined],
  ])('%s', (_, error, delayMs) => {
    expect(retryAfterOf(error, nowMs)).toBe(delayMs);
  });
});
