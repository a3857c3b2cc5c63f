import { describe, expect, test } from 'vitest';

import { type ErrorMatch, errorTest, isRefusal } from '../../src/resilience/error-match.ts';
import {
  BulkheadFullError,
  CircuitOpenError,
  RateLimitedError,
  RetryExhaustedError,
  TimeoutError,
} from '../../src/resilience/errors.ts';

const facts = { place: 'x', fact: 'y' };

describe('which errors an option means', () => {
  test('those of its classes and of classes made from them', () => {
    class NotFound extends RangeError {}
    const matches = errorTest('api', 'retryOn', [TypeError, RangeError]);
    expect([new TypeError('a'), new NotFound('b'), new Error('c'), 'd'].map(matches)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('none, where the list is empty', () => {
    expect(errorTest('api', 'retryOn', [])(new Error('a'))).toBe(false);
  });

  test('those that its function says yes to', () => {
    const matches = errorTest('api', 'retryOn', (error) => error === 503);
    expect([503, 404].map(matches)).toEqual([true, false]);
  });

  test('a list that changes later changes nothing', () => {
    const classes = [TypeError];
    const matches = errorTest('api', 'retryOn', classes);
    classes.pop();
    expect(matches(new TypeError('a'))).toBe(true);
  });

  test.each([
    ['a class by itself', TypeError, 'a function'],
    ['the class of all', Error, 'a function'],
    ['names', ['TypeError'], 'a list'],
    ['a word', 'all', '"all"'],
    ['null', null, 'null'],
  ])('%s is refused', (_, match, given) => {
    expect(() => errorTest('api', 'retryOn', match as unknown as ErrorMatch)).toThrow(
      `ERR_CONFIG_INVALID [api.retryOn] cannot be ${given}; give a list of classes, as \`[TypeError]\`, or a function of the error`,
    );
  });

  test('refusals are the errors of policies that let nothing through', () => {
    const refusals = [
      new CircuitOpenError(facts, 1),
      new BulkheadFullError(facts),
      new RateLimitedError(facts, 1),
    ];
    expect(refusals.map(isRefusal)).toEqual([true, true, true]);
    expect([new TimeoutError(facts, 1), new Error('a'), undefined].map(isRefusal)).toEqual([
      false,
      false,
      false,
    ]);
    const ended = (cause: unknown): Error => new RetryExhaustedError({ ...facts, cause }, 3, 100);
    expect([...refusals.map(ended), ended(ended(refusals[0]))].every(isRefusal)).toBe(true);
    expect([ended(new Error('a')), new Error('a', { cause: refusals[0] })].some(isRefusal)).toBe(
      false,
    );
  });
});
