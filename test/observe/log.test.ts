import { PassThrough } from 'node:stream';

import { describe, expect, test } from 'vitest';

import type { LogLevel } from '../../src/core/index.ts';
import { BufferedStructuredLogger, StructuredLogger } from '../../src/observe/log.ts';
import { keepingLogger } from './log-lines.ts';

const levels: readonly LogLevel[] = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];

function sayAll(log: StructuredLogger): void {
  log.debug('d');
  log.info('i');
  log.warning('w');
  log.error('e');
  log.critical('c');
}

describe('a line', () => {
  test('says timestamp, level, component, event, what is bound, then its fields', () => {
    const { log, texts } = keepingLogger({ component: 'boiler', context: { pipeline: 'p' } });
    log.bindContext({ stageId: 's' }).info('batch.sent', { rows: 5, late: false, none: null });
    expect(texts).toEqual([
      '{"timestamp":"1970-01-01T00:00:00.000Z","level":"INFO","component":"boiler",' +
        '"event":"batch.sent","pipeline":"p","stageId":"s","rows":5,"late":false,"none":null}\n',
    ]);
  });

  test('says the time of its clock', async () => {
    const { log, clock, lines } = keepingLogger();
    log.info('a');
    await clock.sleep(61_001);
    log.info('b');
    expect(lines().map(({ timestamp }) => timestamp)).toEqual([
      '1970-01-01T00:00:00.000Z',
      '1970-01-01T00:01:01.001Z',
    ]);
  });

  test('as text, for people', () => {
    const { log, texts } = keepingLogger({ format: 'text', component: 'main' });
    log.warning('file.replaced', { offset: 5, path: 'a\nb', error: new TypeError('no') });
    expect(texts).toEqual([
      '00:00:00.000 WARNING main file.replaced offset=5 path=a\\u000ab error=TypeError: no\n',
    ]);
  });
});

describe('levels', () => {
  test.each(levels)('%s and above are written, what is below is not even looked at', (minLevel) => {
    const { log, lines } = keepingLogger({ minLevel });
    sayAll(log);
    expect(lines().map(({ level }) => level)).toEqual(levels.slice(levels.indexOf(minLevel)));
    const trap = {
      get field(): never {
        throw new Error('looked at');
      },
    };
    expect(() => log.debug('d', trap)).not.toThrow();
  });

  test('INFO unless told otherwise; changed while running, for all that share it', () => {
    const { log, lines } = keepingLogger();
    const bound = log.bindContext({ a: 1 });
    expect(log.minLevel).toBe('INFO');
    bound.debug('no');
    bound.minLevel = 'DEBUG';
    log.debug('yes');
    bound.debug('yes');
    log.minLevel = 'CRITICAL';
    sayAll(bound);
    expect(lines().map(({ event }) => event)).toEqual(['yes', 'yes', 'c']);
  });

  test('of one component, also of loggers that are bound already', () => {
    const { log, lines } = keepingLogger();
    const [noisy, quiet] = ['noisy', 'quiet'].map((component) => log.bindContext({ component }));
    log.setLevel('noisy', 'ERROR');
    log.setLevel('quiet', 'DEBUG');
    noisy!.info('no');
    quiet!.debug('yes');
    log.debug('no');
    log.minLevel = 'WARNING';
    quiet!.debug('yes');
    log.setLevel('quiet', undefined);
    quiet!.info('no');
    noisy!.error('yes');
    expect(lines().map(({ event }) => event)).toEqual(['yes', 'yes', 'yes']);
  });

  test('one that is none is refused', () => {
    const { log } = keepingLogger();
    const wrong = 'info' as LogLevel;
    expect(() => (log.minLevel = wrong)).toThrow('ERR_CONFIG_INVALID');
    expect(() => log.setLevel('a', wrong)).toThrow('DEBUG, INFO, WARNING');
    expect(() => keepingLogger({ minLevel: wrong })).toThrow('ERR_CONFIG_INVALID');
  });
});

describe('bound context', () => {
  test('leaves its parent as it was', () => {
    const { log, lines } = keepingLogger();
    const one = log.bindContext({ a: 1 });
    const two = one.bindContext({ b: 2 });
    log.info('x');
    one.info('x');
    two.info('x');
    expect(lines().map(({ a, b }) => [a, b])).toEqual([
      [undefined, undefined],
      [1, undefined],
      [1, 2],
    ]);
  });

  test('is written out once, however many lines there are', () => {
    let reads = 0;
    const value = { toJSON: () => ++reads };
    const { log, lines } = keepingLogger();
    const bound = log.bindContext({ value });
    for (let at = 0; at < 10; at++) bound.info('x', { at });
    expect(lines().every(({ value: said }) => said === 1)).toBe(true);
    expect(reads).toBe(1);
  });

  test('shares counters, also where the class is one of your own with fields of its own', () => {
    class Own extends StructuredLogger {
      #lines = 0;

      constructor() {
        super({ write: () => {} });
      }

      override info(event: string): void {
        this.#lines++;
        super.info(event);
      }

      get lines(): number {
        return this.#lines;
      }
    }
    const own = new Own();
    const bound = own.bindContext({ a: 1 });
    bound.info('hello');
    own.info('hello');
    expect([own.lines, bound.totalRecordsWritten, own.totalRecordsWritten]).toEqual([1, 2, 2]);
    bound.minLevel = 'ERROR';
    expect(own.minLevel).toBe('ERROR');
  });

  test('a buffered logger gives a buffered one', () => {
    const stream = new PassThrough();
    const log = new BufferedStructuredLogger({ stream });
    const bound = log.bindContext({ a: 1 });
    bound.info('hello');
    expect([bound.maxBufferSizeReached, log.maxBufferSizeReached]).toEqual([1, 1]);
    expect(bound).toBeInstanceOf(BufferedStructuredLogger);
  });

  test('a scrub that throws shows nothing of a text, and nothing is thrown', () => {
    const scrub = (text: string): string => {
      if (text.includes('odd')) throw new Error('what is that');
      return text;
    };
    const { log, lines } = keepingLogger({ scrub });
    log.bindContext({ a: 'an odd thing', b: 1 }).info('x', { c: 'odd too', d: 'fine' });
    expect(lines()).toMatchObject([
      { event: 'x', a: '[unreadable]', b: 1, c: '[unreadable]', d: 'fine' },
    ]);
    expect(log.droppedLines).toBe(0);
  });

  test.each<[place: string, make: () => unknown]>([
    ['log.stream', () => new BufferedStructuredLogger({ stream: { write() {} } as never })],
    ['log.stream', () => new StructuredLogger({ stream: undefined as never })],
    ['log.write', () => new StructuredLogger({} as never)],
    ['log.write', () => new StructuredLogger(undefined as never)],
    ['log.format', () => new StructuredLogger({ write: () => {}, format: 'xml' as never })],
    [
      'log.maxBuffer',
      () => new BufferedStructuredLogger({ stream: new PassThrough(), maxBuffer: 1.5 }),
    ],
    ...Object.entries({
      minLevel: 'x',
      component: 5,
      context: 'p',
      clock: {},
      scrub: 5,
      keptEvents: 'batch.sent',
      collapseMs: -1,
      onError: 'no',
    }).map(([name, value]): [string, () => unknown] => [
      `log.${name}`,
      () => new StructuredLogger({ write: () => {}, [name]: value } as never),
    ]),
    // Names that there are not.
    ['log', () => new StructuredLogger({ write: () => {}, minLevl: 'DEBUG' } as never)],
    ['log', () => new StructuredLogger({ write: () => {}, maxBuffer: 10 } as never)],
    [
      'log',
      () => new BufferedStructuredLogger({ stream: new PassThrough(), bufferMax: 5 } as never),
    ],
    [
      'log.setLevel x',
      () => new StructuredLogger({ write: () => {} }).setLevel('x', 'nope' as never),
    ],
  ])('%s says what it takes', (place, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID', place }));
  });

  test('a follower that throws or rejects is its own affair', async () => {
    const { log } = keepingLogger();
    const told: string[] = [];
    log.follow(() => {
      throw new Error('mine');
    });
    log.follow((() => Promise.reject(new Error('mine, later'))) as never);
    log.follow((line) => told.push(line));
    log.info('x');
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toHaveLength(1);
  });

  test('no name comes twice: a field wins over what is bound, a later binding over an earlier', () => {
    const { log, texts, lines } = keepingLogger();
    const bound = log.bindContext({ a: 1, b: 1 }).bindContext({ b: 2 });
    bound.info('x', { a: 3 });
    bound.info('x', { a: undefined });
    expect(texts[0]!.match(/"a":/g)).toHaveLength(1);
    expect(lines()).toMatchObject([
      { a: 3, b: 2 },
      { a: 1, b: 2 },
    ]);
  });

  test('a field cannot take a name of the head, but for the component', () => {
    const { log, lines } = keepingLogger();
    const fields = { level: 'x', level_: 'y', event: 1, timestamp: 2, component: 'own' };
    log.info('said', fields);
    log.bindContext(fields).info('said');
    const line = { ...fields, timestamp: '1970-01-01T00:00:00.000Z', level: 'INFO', event: 'said' };
    const renamed = { ...line, level_: 'x', level__: 'y', event_: 1, timestamp_: 2 };
    expect(lines()).toEqual([renamed, renamed]);
  });
});

test('an event that is no text is written out all the same', () => {
  const { log, lines } = keepingLogger({ minLevel: 'DEBUG' });
  const say = log as unknown as Record<'debug' | 'info' | 'error', (...given: unknown[]) => void>;
  const hostile = {
    get a(): never {
      throw new Error('no');
    },
  };
  say.error(new TypeError('boom'));
  say.error(new TypeError('boom'), { at: 1 });
  say.info(undefined, { at: 2 });
  say.info({ password: 'hunter2', at: 3 }, 'as others have it');
  say.debug(Symbol('x'));
  say.debug(hostile);
  expect(lines()).toMatchObject([
    { event: 'TypeError: boom', error: { name: 'TypeError', message: 'boom' } },
    { event: 'TypeError: boom', error: { stack: expect.any(String) as string }, at: 1 },
    { event: 'undefined', at: 2 },
    { event: '{"password":"[secret]","at":3}' },
    { event: '"Symbol(x)"' },
    { event: '{"a":"[unreadable]"}' },
  ]);
  expect(log.droppedLines).toBe(0);
});

test('a `write` that throws does not reach who logs, and is told of once', () => {
  const told: unknown[] = [];
  const log = new StructuredLogger({
    write: () => {
      throw new Error('full');
    },
    onError: (error) => {
      told.push(error);
      throw new Error('nor does this');
    },
  });
  log.info('a');
  log.info('b');
  expect(told).toEqual([expect.objectContaining({ code: 'ERR_LOG_CLOSED' })]);
  expect([log.totalRecordsWritten, log.droppedLines]).toEqual([0, 2]);
});

describe('a follower', () => {
  test('is given what is written, as it is written, until it has enough', () => {
    const { log, texts } = keepingLogger();
    const followed: string[] = [];
    const end = log.bindContext({ a: 1 }).follow((line) => followed.push(line));
    log.info('one', { b: 2 });
    log.debug('off');
    log.bindContext({ component: 'c' }).error('two');
    end();
    log.info('three');
    expect(followed.map((line) => `${line}\n`)).toEqual(texts.slice(0, 2));
  });

  test('of a log for people has the same lines as JSON', async () => {
    const { log, texts } = keepingLogger({ format: 'text' });
    const followed: string[] = [];
    log.follow((line) => followed.push(line));
    const bound = log.bindContext({ component: 'c', a: 1 });
    for (let at = 0; at < 3; at++) bound.warning('w', { b: 'x' });
    await log.flush();
    expect(texts.map((text) => text.slice(13))).toEqual([
      'WARNING c w a=1 b=x\n',
      'WARNING c w a=1 b=x repeated=2\n',
    ]);
    const line = { timestamp: '1970-01-01T00:00:00.000Z', level: 'WARNING', component: 'c' };
    expect(followed.map((text) => JSON.parse(text) as unknown)).toEqual([
      { ...line, event: 'w', a: 1, b: 'x' },
      { ...line, event: 'w', a: 1, b: 'x', repeated: 2 },
    ]);
  });

  test('that throws costs nobody a line', () => {
    const { log, texts } = keepingLogger();
    const followed: string[] = [];
    log.follow(() => {
      throw new Error('no');
    });
    log.follow((line) => followed.push(line));
    log.info('one');
    expect([texts.length, followed.length, log.droppedLines]).toEqual([1, 1, 0]);
  });
});
