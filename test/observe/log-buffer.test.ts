import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';

import { describe, expect, test, vi } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import {
  BufferedStructuredLogger,
  type BufferedStructuredLoggerOptions,
} from '../../src/observe/log.ts';

/** A stream that takes a chunk when it is let. */
class Gate extends Writable {
  readonly chunks: string[] = [];
  #taken: (() => void) | undefined;
  isOpen: boolean;

  constructor(isOpen = true, highWaterMark = 1000) {
    super({ highWaterMark });
    this.isOpen = isOpen;
  }

  override _write(chunk: Buffer, _: string, taken: () => void): void {
    this.chunks.push(chunk.toString());
    if (this.isOpen) taken();
    else this.#taken = taken;
  }

  get lines(): string[] {
    return this.chunks.join('').split('\n').slice(0, -1);
  }

  /** Takes what it was given until now, and all from now on. */
  open(): void {
    this.isOpen = true;
    this.#taken?.();
  }
}

function buffered(
  stream: Gate,
  options: Partial<BufferedStructuredLoggerOptions> = {},
): BufferedStructuredLogger {
  return new BufferedStructuredLogger({ stream, clock: new VirtualClock(0), ...options });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a buffered logger', () => {
  test('hands over 100 lines at a time, and the rest when it is flushed', async () => {
    const stream = new Gate(true, 1e6);
    const log = buffered(stream);
    const bound = log.bindContext({ a: 1 });
    for (let at = 0; at < 125; at++) {
      log.info('x', { at });
      bound.info('x', { at });
    }
    expect(stream.lines).toHaveLength(200);
    await bound.flush();
    expect(stream.lines.map((line) => (JSON.parse(line) as { at: number }).at)).toEqual(
      Array.from({ length: 250 }, (_, at) => at >> 1),
    );
    expect(bound).toBeInstanceOf(BufferedStructuredLogger);
    expect([bound, log].map(({ totalFlushes }) => totalFlushes)).toEqual([3, 3]);
    expect(log.totalRecordsWritten).toBe(250);
    expect(log.maxBufferSizeReached).toBe(100);
    await log.flush();
    expect(log.totalFlushes).toBe(3);
  });

  test('flushes when it is disposed of, and leaves the stream open', async () => {
    const stream = new Gate();
    {
      using log = buffered(stream, { maxBuffer: 10 });
      log.info('x');
      expect(stream.lines).toHaveLength(0);
    }
    expect(stream.lines).toHaveLength(1);
    {
      await using log = buffered(stream);
      log.info('y');
    }
    expect(stream.lines).toHaveLength(2);
    expect(stream.writable).toBe(true);
    const count = (name: string): number => stream.listenerCount(name);
    await turn();
    expect(['drain', 'error', 'close'].map(count)).toEqual(
      ['drain', 'error', 'close'].map((name) => new Gate().listenerCount(name)),
    );
  });

  test('resolves a flush when the stream has taken it', async () => {
    const stream = new Gate(false);
    const log = buffered(stream);
    log.info('x');
    const taken = vi.fn<() => void>();
    const flushed = log.flush().then(taken);
    await turn();
    expect(taken).not.toHaveBeenCalled();
    stream.open();
    await flushed;
  });

  test('never drops while its stream accepts', async () => {
    const stream = new Gate(true, 1e9);
    stream.isOpen = false;
    const log = buffered(stream);
    const long = 'x'.repeat(4000);
    for (let at = 0; at < 1000; at++) log.info('x', { long });
    expect([log.droppedLines, log.maxBufferSizeReached]).toEqual([0, 100]);
    stream.open();
    await log.flush();
    expect(stream.lines).toHaveLength(1000);
  });

  test('is text where the stream is a terminal', () => {
    const stream = Object.assign(new Gate(), { isTTY: true });
    buffered(stream, { maxBuffer: 1 }).info('x', { a: 1 });
    expect(stripVTControlCharacters(stream.lines[0]!)).toBe('00:00:00.000 INFO run x a=1');
    buffered(stream, { maxBuffer: 1, format: 'json' }).info('x', { a: 1 });
    expect(stream.lines[1]).toMatch(/^\{/);
  });

  test('refuses a buffer of no line', () => {
    expect(() => buffered(new Gate(), { maxBuffer: 0 })).toThrow('log.maxBuffer');
  });
});

describe('a stream that is blocked', () => {
  const long = 'x'.repeat(4000);

  function fill(log: BufferedStructuredLogger, lines: number): void {
    for (let at = 0; at < lines; at++) log.info('x', { at, long });
  }

  test('1 MiB is held; then lines below ERROR are dropped, errors and what is kept wait', async () => {
    const stream = new Gate(false);
    const log = buffered(stream, { maxBuffer: 10 });
    fill(log, 10);
    fill(log, 200);
    expect([log.droppedLines, log.blocked, stream.chunks.length]).toEqual([0, undefined, 1]);
    fill(log, 200);
    const { droppedLines, maxBufferSizeReached } = log;
    expect(droppedLines).toBeGreaterThan(100);
    expect(droppedLines + maxBufferSizeReached).toBe(400);
    log.warning('w');
    expect([log.droppedLines, log.blocked]).toEqual([droppedLines + 1, undefined]);
    log.error('e');
    log.info('batch_complete');
    log.info('command.received');
    log.info('any', { status: 'failed' });
    log.bindContext({ status: 'failed' }).info('any');
    expect(log.droppedLines).toBe(droppedLines + 1);
    const { blocked } = log.bindContext({});
    expect(blocked).toBeInstanceOf(Promise);
    stream.open();
    await blocked;
    expect(log.blocked).toBeUndefined();
    await log.flush();
    expect(stream.lines).toHaveLength(410 - droppedLines + 5);
    expect(stream.lines.slice(-5).join()).toMatch(/"e".*batch_complete.*command.*failed.*failed/);
    expect(log.totalRecordsWritten).toBe(stream.lines.length);
    log.info('again');
    expect(log.droppedLines).toBe(droppedLines + 1);
  });

  test('a flush waits, and what is disposed of is handed over all the same', async () => {
    const stream = new Gate(false);
    const log = buffered(stream, { maxBuffer: 1 });
    log.info('x', { long });
    log.info('y');
    const flushed = log.flush();
    expect(stream.writableLength).toBeLessThan(4200);
    const ended = log[Symbol.asyncDispose]();
    stream.open();
    await Promise.all([flushed, ended]);
    expect(stream.lines).toHaveLength(2);
  });
});

describe('a stream that fails', () => {
  const epipe = (): Error => Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });

  test.each<[what: string, kill: (stream: Gate) => void]>([
    ['destroyed', (stream) => stream.destroy(epipe())],
    ['closed', (stream) => stream.destroy()],
    ['ended', (stream) => stream.end()],
    [
      'throwing',
      (stream) =>
        Object.assign(stream, {
          write: () => {
            throw epipe();
          },
        }),
    ],
  ])(
    '%s: it is told once, nothing throws, nothing waits, and it is not tried again',
    async (_, kill) => {
      const stream = new Gate(false);
      const onError = vi.fn<(error: unknown) => void>();
      const log = buffered(stream, { maxBuffer: 2, onError });
      kill(stream);
      await turn();
      for (let at = 0; at < 10; at++) log.error('e');
      const write = vi.spyOn(stream, 'write');
      await log.flush();
      for (let at = 0; at < 10; at++) log.error('e');
      await log[Symbol.asyncDispose]();
      expect(onError).toHaveBeenCalledExactlyOnceWith(
        expect.objectContaining({ code: 'ERR_LOG_CLOSED' }),
      );
      expect(write).not.toHaveBeenCalled();
      expect(log.blocked).toBeUndefined();
      expect(log.droppedLines).toBeGreaterThanOrEqual(18);
    },
  );

  test('frees whoever waits for it', async () => {
    const stream = new Gate(false);
    const log = buffered(stream, { maxBuffer: 1, onError: () => {} });
    for (let at = 0; at < 300; at++) log.error('e', { long: 'x'.repeat(4000) });
    const waits = [log.blocked!, log.flush()];
    stream.destroy(epipe());
    await Promise.all(waits);
    expect(log.droppedLines).toBeGreaterThan(290);
  });
});

test('lines that a stream failed with are lost, and not written', async () => {
  let isFull = false;
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      done(isFull ? Object.assign(new Error('no space left'), { code: 'ENOSPC' }) : null);
    },
  });
  const log = new BufferedStructuredLogger({ stream, onError: () => {} });
  log.info('a');
  await log.flush();
  isFull = true;
  log.info('b');
  log.info('c');
  await log.flush();
  log.info('d');
  await log.flush();
  expect([log.totalRecordsWritten, log.droppedLines]).toEqual([1, 3]);
});

test('however many loggers write to a stream, it and the process have one listener of each kind', async () => {
  const stream = new Gate();
  const events = ['drain', 'error', 'close'] as const;
  const counts = (): number[] => events.map((event) => stream.listenerCount(event));
  const [before, exits] = [counts(), process.listenerCount('exit')];
  const logs = Array.from({ length: 50 }, () => buffered(stream));
  const undoes = logs.map((log) => log.flushOnCrash());
  expect(counts()).toEqual(before.map((count) => count + 1));
  expect(process.listenerCount('exit')).toBe(exits + 1);
  logs[0]!.info('a');
  logs[1]!.info('b');
  undoes[0]!();
  for (const log of logs) await log[Symbol.asyncDispose]();
  expect(stream.lines).toHaveLength(2);
  expect(counts()).toEqual(before);
  expect(process.listenerCount('exit')).toBe(exits);
});

test('a stream that ends with all that it was given has lost nothing, until more comes', async () => {
  const stream = new Gate();
  const onError = vi.fn<(error: unknown) => void>();
  const log = buffered(stream, { onError });
  log.info('a');
  await log.flush();
  stream.end();
  await new Promise((resolve) => stream.once('close', resolve));
  expect(onError).not.toHaveBeenCalled();
  expect(log.droppedLines).toBe(0);
  log.info('b');
  await log.flush();
  expect(onError).toHaveBeenCalledOnce();
  expect(log.droppedLines).toBe(1);
  expect(stream.lines).toHaveLength(1);
});
