import process from 'node:process';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { PipelineError } from '../../src/errors.ts';
import { keepingLogger, type Line } from './log-lines.ts';

/** For the nightly sizes. */
const isNightly = process.env['MILLRACE_NIGHTLY'] !== undefined;

function said(value: unknown, scrub?: (text: string) => string): unknown {
  const { log, lines } = keepingLogger(scrub === undefined ? {} : { scrub });
  log.info('x', { value });
  return lines()[0]!['value'];
}

// eslint-disable-next-line no-control-regex
const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/;

describe('values', () => {
  test.each<[what: string, value: unknown, expected: unknown]>([
    ['a large integer', 2n ** 60n, '1152921504606846976'],
    ['what is no number', [Number.NaN, Infinity, -Infinity], [null, null, null]],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['an invalid date', new Date(Number.NaN), null],
    ['a map', new Map([['a', 1]]), { a: 1 }],
    ['a map of other keys', new Map([[1, 'a']]), [[1, 'a']]],
    ['a set', new Set(['a', 2]), ['a', 2]],
    ['a typed array', new Float64Array([1.5, 2]), [1.5, 2]],
    ['a buffer', Buffer.from('ab'), [97, 98]],
    ['bytes', new ArrayBuffer(8), '[8 bytes]'],
    ['a function', function late() {}, '[function late]'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a boxed number', Object(5), 5],
    ['an URL', new URL('http://a/b'), 'http://a/b'],
    ['a secret', { value: 'hidden', toJSON: () => '[secret]' }, '[secret]'],
    ['a lone surrogate', 'a\ud800b', 'a\ufffdb'],
    ['holes and undefined', [undefined, () => {}].slice(0, 1), [null]],
    ['what has no prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ])('%s', (_, value, expected) => expect(said(value)).toEqual(expected));

  test('errors say name, code, message, stack and cause', () => {
    const cause = Object.assign(new RangeError('low'), { code: 'ENOSPC' });
    const error = new PipelineError({ code: 'ERR_TIMEOUT', place: 'x', fact: 'late', cause });
    expect(said(error)).toEqual({
      name: 'PipelineError',
      code: 'ERR_TIMEOUT',
      message: 'ERR_TIMEOUT [x] late',
      stack: expect.stringContaining('log-values.test'),
      cause: {
        name: 'RangeError',
        code: 'ENOSPC',
        message: 'low',
        stack: expect.stringContaining('RangeError: low'),
      },
    });
    expect(said(new AggregateError([new Error('a')], 'all'))).toMatchObject({
      name: 'AggregateError',
      errors: [{ message: 'a' }],
    });
    const own: Error = new Error('own');
    own.cause = own;
    expect(said(own)).toMatchObject({ cause: '[circular]' });
  });

  test('circles end, what comes twice does not count as one', () => {
    const circle: Line = { twice: { a: 1 } };
    circle['again'] = circle['twice'];
    circle['self'] = [circle];
    expect(said(circle)).toEqual({ twice: { a: 1 }, again: { a: 1 }, self: ['[circular]'] });
  });

  test('traps do no harm', () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    const trap = Object.defineProperty({ fine: 1 }, 'trap', { get: boom, enumerable: true });
    expect(said(trap)).toEqual({ fine: 1, trap: '[unreadable]' });
    expect(said({ toJSON: boom })).toBe('[unreadable]');
    expect(said(new Proxy({}, { ownKeys: boom, get: boom }))).toBe('[unreadable]');
    expect(said(Object.defineProperty(new Error('e'), 'message', { get: boom }))).toMatchObject({
      message: '[unreadable]',
    });
    const { log, lines } = keepingLogger();
    log.info('x', trap);
    log.info('x', new Proxy({}, { ownKeys: boom }));
    log.bindContext(trap).info('x', { b: 2 });
    expect(lines()).toMatchObject([{ fine: 1, trap: '[unreadable]' }, {}, { fine: 1, b: 2 }]);
  });

  test('are bounded in text, depth and keys', () => {
    const long = said('é'.repeat(10_000)) as string;
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(8192 + 3);
    expect(long.endsWith('é…')).toBe(true);
    const nested = Array.from({ length: 50 }).reduce<unknown>((inner) => [inner], 'x');
    expect(JSON.stringify(said(nested))).toBe(`${'['.repeat(8)}"[deep]"${']'.repeat(8)}`);
    const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`k${at}`, at]));
    expect(Object.keys(said(wide) as Line)).toHaveLength(101);
    expect(said(wide)).toMatchObject({ k99: 99, '[more]': 900 });
    expect(said(Array.from({ length: 1000 }, () => 0))).toContain('[900 more]');
    const bush = Array.from({ length: 8 }).reduce<unknown>(
      (inner) => Array.from({ length: 90 }, () => inner),
      'x',
    );
    expect(JSON.stringify(said(bush)).length).toBeLessThan(32_000);
    const { log, texts, lines } = keepingLogger();
    log.info('x', wide);
    expect(lines()[0]).toMatchObject({ k99: 99, '[more]': 900 });
    log.info('e'.repeat(100_000), { ['n'.repeat(100_000)]: new Error('m'.repeat(100_000)) });
    expect(texts[1]!.length).toBeLessThan(30_000);
  });

  test('what a name or an address says is secret is not written, wherever it stands', () => {
    const { log, texts, lines } = keepingLogger({
      context: { apiKey: 'CANARY', url: 'http://u:CANARY@h/' },
    });
    log
      .bindContext({ password: 'CANARY', request: { headers: { authorization: 'CANARY' } } })
      .info('at http://u:CANARY@h/', {
        token: 'CANARY',
        text: 'GET https://me:CAN@ARY@host/x?id=1&api_key=CANARY failed',
        list: [{ clientSecret: 'CANARY' }, new Map([['passwd', 'CANARY']])],
        error: new Error('http://u:CANARY@h/'),
        hasToken: true,
        pwd: null,
      });
    log.bindContext({ component: 'http://u:CANARY@h/' }).error('x', { secret: 5 });
    expect(texts.join('')).not.toContain('CANARY');
    expect(texts.join('')).not.toContain('ARY@');
    expect(lines()[0]).toMatchObject({
      apiKey: '[secret]',
      url: 'http://[secret]@h/',
      password: '[secret]',
      request: { headers: { authorization: '[secret]' } },
      token: '[secret]',
      text: 'GET https://[secret]@host/x?id=1&api_key=[secret] failed',
      list: [{ clientSecret: '[secret]' }, { passwd: '[secret]' }],
      hasToken: true,
      pwd: null,
    });
    expect(lines()[1]).toMatchObject({ secret: 5 });
  });

  test('people see no secret either', () => {
    const { log, texts } = keepingLogger({ format: 'text' });
    log.info('x', { token: 'CANARY', url: 'http://u:CANARY@h/', error: new Error('//u:CANARY@h') });
    expect(texts.join('')).not.toContain('CANARY');
  });

  test('an error in the place of the fields is the field `error`', () => {
    const { log, lines } = keepingLogger();
    const error = Object.assign(new Error('no answer'), { code: 'EPIPE' });
    log.error('x', error as never);
    log.bindContext(error as never).info('y');
    const written = { name: 'Error', code: 'EPIPE', message: 'no answer' };
    expect(lines()).toMatchObject([{ error: written }, { error: written }]);
  });

  test('no secret is seen, wherever it stands, nor the half that a cut leaves', () => {
    const scrub = (text: string): string => text.replaceAll('zqx"vj', '${env:PW}');
    const { log, texts } = keepingLogger({ scrub, component: 'zqx"vj', minLevel: 'DEBUG' });
    const value = {
      'zqx"vj': [new Error('zqx"vj', { cause: 'zqx"vj' }), new Set(['zqx"vj'])],
    };
    log.bindContext({ 'zqx"vj': 'zqx"vj' }).error('zqx"vj', { value, 'a zqx"vj': 1 });
    log.debug('x', { value: `${'x'.repeat(8190)}zqx"vj` });
    expect(texts.join('')).not.toMatch(/zqx|vj/);
  });
});

const json = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary', noUnicodeString: false });
const text = fc.string({ unit: 'binary', maxLength: 60 });

/** What JSON itself would make of it, with whole characters only. */
function meaning(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, item: unknown) =>
    typeof item === 'string' ? item.toWellFormed() : item,
  );
}

describe('any line', () => {
  test('is one line of JSON without raw controls, and says what it was given', () => {
    const { log, texts } = keepingLogger();
    fc.assert(
      fc.property(text, text, json, (event, bound, value) => {
        texts.length = 0;
        log.bindContext({ bound }).info(event, { value });
        const [line] = texts;
        expect(line!.indexOf('\n')).toBe(line!.length - 1);
        expect(line).not.toMatch(raw);
        expect(line!.isWellFormed()).toBe(true);
        const parsed = JSON.parse(line!) as Line;
        expect([parsed['event'], parsed['bound']]).toEqual([
          event.toWellFormed(),
          bound.toWellFormed(),
        ]);
        if (!hasOddNames(value)) expect(parsed['value']).toEqual(meaning(value));
      }),
      { numRuns: isNightly ? 100_000 : 1000 },
    );
  });

  test('has no name twice, whatever its fields are called', () => {
    const names = fc.oneof(
      text,
      fc.constantFrom('event', 'level', 'level_', 'a', '\ud800', '\ud801'),
    );
    const fields = fc.array(fc.tuple(names, fc.oneof(fc.integer(), fc.dictionary(names, json))));
    fc.assert(
      fc.property(fields, fields, (bound, given) => {
        const { log, texts } = keepingLogger();
        log.bindContext(ownFields(bound)).info('x', ownFields(given));
        expect(namesTwice(texts[0]!)).toEqual([]);
      }),
      { numRuns: isNightly ? 20_000 : 500 },
    );
  });

  test('survives whatever value there is', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
    });
    const { log, texts } = keepingLogger();
    fc.assert(
      fc.property(anything, anything, (bound, value) => {
        texts.length = 0;
        log.bindContext({ bound }).info('x', { value });
        expect(texts[0]).not.toMatch(raw);
        expect(JSON.parse(texts[0]!)).toMatchObject({ event: 'x' });
      }),
      { numRuns: isNightly ? 20_000 : 1000 },
    );
  });
});

function ownFields(entries: readonly (readonly [string, unknown])[]): Line {
  return Object.fromEntries(entries);
}

/** Names that are changed, as they are no text or a name of JavaScript's own. */
function hasOddNames(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([name, item]) => !name.isWellFormed() || name === '__proto__' || hasOddNames(item),
  );
}

/** Names that an object in the text has twice, which JSON.parse would not say. */
function namesTwice(line: string): string[] {
  const open: Set<string>[] = [];
  const twice: string[] = [];
  for (const [token, name] of line.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (name !== undefined && open.at(-1)!.has(name)) twice.push(name);
    else if (name !== undefined) open.at(-1)!.add(name);
  }
  return twice;
}
