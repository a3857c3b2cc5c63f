import { Buffer } from 'node:buffer';
import { closeSync, openSync } from 'node:fs';
import { PassThrough, Writable } from 'node:stream';
import { spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { Batch, schema } from '../../src/batch/index.ts';
import { stdinSource } from '../../src/connectors/stdin.ts';
import { StreamSource } from '../../src/connectors/stdin/stream-source.ts';
import { stdoutSink } from '../../src/connectors/stdout.ts';
import { StreamSink } from '../../src/connectors/stdout/stream-sink.ts';
import { endOfInput, silentLogger } from '../../src/core/index.ts';
import { defaultSettings } from '../../src/engine/index.ts';
import { Tally } from '../../src/engine/report.ts';
import { virtualOutside } from '../../src/testing/outside.ts';

const reading = schema({ n: 'float64' });
const signal = new AbortController().signal;

function contextOf() {
  return {
    ...virtualOutside(),
    id: 'io',
    log: silentLogger,
    signal,
    batchLimits: defaultSettings.batch,
    input: reading,
    output: reading,
    report: new Tally(),
    savesPositions: false,
    idle: <T>(wait: Promise<T>): Promise<T> => wait,
  };
}

function sourceOf(stream: PassThrough, options: object = {}) {
  const parsed = stdinSource.spec.options(z).parse({ schema: reading, ...options });
  const context = contextOf();
  const source = new StreamSource(() => stream, parsed as never, context);
  return { source, context };
}

function sinkOf(stream: Writable, options: object = {}) {
  const parsed = stdoutSink.spec.options(z).parse(options);
  return new StreamSink(() => stream, parsed as never, contextOf());
}

const batchOf = (...numbers: number[]): Batch =>
  Batch.from(
    numbers.map((n) => ({ n })),
    reading,
  ) as unknown as Batch;

const rowsOf = (batch: Batch | typeof endOfInput): unknown =>
  batch === endOfInput ? 'end' : batch.toRows();

describe('the stdin source', () => {
  it('reads to the end, whatever the chunks', async () => {
    const stream = new PassThrough();
    const { source, context } = sourceOf(stream);
    await source.open();
    const text = '{"n":1}\n{"n":2}\r\n\n{"n":3}';
    for (const byte of Buffer.from(text)) stream.write(Buffer.of(byte));
    stream.end();
    expect(rowsOf(await source.read(signal))).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(await source.read(signal)).toBe(endOfInput);
    expect(source.position()).toBeNull();
    expect(context.report.bytes).toBe(text.length);
    expect([...context.report.counts]).toEqual([['blankLines', 1]]);
    await source.close();
    expect(stream.destroyed).toBe(true);
  });

  it('reads CSV', async () => {
    const stream = new PassThrough();
    const { source } = sourceOf(stream, { format: 'csv', delimiter: ';' });
    await source.open();
    stream.end('x;n\na;1\nb;2\n');
    expect(rowsOf(await source.read(signal))).toEqual([{ n: 1 }, { n: 2 }]);
    await source.close();
  });

  it('gives rows that wait for more after `waitMsMax`, and not before', async () => {
    const stream = new PassThrough();
    const { source, context } = sourceOf(stream);
    await source.open();
    stream.write('{"n":1}\n{"n":2}\n{"n"');
    expect(rowsOf(await source.read(signal))).toEqual([{ n: 1 }, { n: 2 }]);
    expect(context.clock.monotonic()).toBe(defaultSettings.batch.waitMsMax);
    stream.end(':3}\n');
    expect(rowsOf(await source.read(signal))).toEqual([{ n: 3 }]);
    expect(await source.read(signal)).toBe(endOfInput);
    await source.close();
  });

  it('waits for the first bytes as long as it takes, and wakes when it is stopped', async () => {
    const { source } = sourceOf(new PassThrough());
    await source.open();
    const stopping = new AbortController();
    const read = source.read(stopping.signal);
    stopping.abort(new Error('stopped'));
    await expect(read).rejects.toThrow('stopped');
    await source.close();
  });

  it('gives the rows it has when it is stopped', async () => {
    const stream = new PassThrough();
    const { source } = sourceOf(stream);
    await source.open();
    const stopping = new AbortController();
    stream.write('{"n":1}\n');
    const read = source.read(stopping.signal);
    // The chunk arrives in a later turn of the loop; virtual time stands still meanwhile.
    stream.once('data', () => {});
    await new Promise((resolve) => setImmediate(resolve));
    stopping.abort(new Error('stopped'));
    expect(rowsOf(await read)).toEqual([{ n: 1 }]);
    await source.close();
  });

  it('gives back when there are dead letters only', async () => {
    const stream = new PassThrough();
    const { source, context } = sourceOf(stream);
    await source.open();
    stream.end('x\n'.repeat(10_000));
    expect(rowsOf(await source.read(signal))).toEqual([]);
    expect(context.report.failures.length).toBeGreaterThanOrEqual(4096);
    await source.close();
  });

  it('demands a schema, for it cannot look first', () => {
    const parsed = stdinSource.spec.options(z).safeParse({});
    expect(parsed.error?.issues.map(({ path }) => path[0])).toEqual(['schema']);
  });
});

describe('the stdout sink', () => {
  it.each([
    ['ndjson', '{"n":1}\n{"n":2}\n{"n":3}\n'],
    ['csv', 'n\n1\n2\n3\n'],
    ['json', '[\n{"n":1},\n{"n":2},\n{"n":3}\n]\n'],
  ])('writes %s', async (format, text) => {
    const stream = new PassThrough();
    const sink = sinkOf(stream, { format });
    await sink.open(signal);
    await sink.write(batchOf(1, 2), signal);
    await sink.commit();
    await sink.write(batchOf(3), signal);
    await sink.commit();
    await sink.close();
    expect(stream.writableEnded).toBe(false);
    expect(stream.listenerCount('error')).toBe(0);
    stream.end();
    expect(Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>)).toString()).toBe(
      text,
    );
  });

  it('takes no more than its reader takes', async () => {
    let taken: (() => void) | undefined;
    const stream = new Writable({ write: (_chunk, _encoding, done) => (taken = done) });
    const sink = sinkOf(stream);
    await sink.open(signal);
    let written = false;
    const writing = sink.write(batchOf(1), signal).then(() => (written = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBe(false);
    taken!();
    await writing;
    expect(written).toBe(true);
    await sink.close();
  });

  it('gives up a write that its reader never takes when the run is stopped', async () => {
    const stream = new Writable({ write: () => {} });
    const sink = sinkOf(stream, { format: 'json' });
    const stopping = new AbortController();
    const opening = sink.open(stopping.signal);
    stopping.abort(new Error('stopped'));
    await expect(opening).rejects.toThrow('stopped');
    await sink.close();
  });

  it('is no longer there when a write that it gave up fails, and nobody is hurt', async () => {
    let failing: ((error: Error) => void) | undefined;
    const stream = new Writable({ write: (_chunk, _encoding, done) => void (failing = done) });
    const sink = sinkOf(stream);
    const stopping = new AbortController();
    await sink.open(signal);
    const writing = sink.write(batchOf(1), stopping.signal);
    stopping.abort(new Error('stopped'));
    await expect(writing).rejects.toThrow('stopped');
    await sink.close();
    const failed = new Promise((resolve) => stream.once('close', resolve));
    failing!(Object.assign(new Error('broken pipe'), { code: 'EPIPE' }));
    await failed;
  });

  it.each([
    ['EPIPE', 'ERR_OUTPUT_CLOSED', 'what reads the output has closed it'],
    ['ENOSPC', 'ERR_CONNECTOR_FILE', 'cannot be written: the disk is full'],
  ])('says what %s means, then and ever after', async (code, expected, fact) => {
    const failing = Object.assign(new Error(`${code}: no more`), { code });
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(failing) });
    const sink = sinkOf(stream);
    await sink.open(signal);
    const error = { code: expected, place: 'stdout', fact, retryable: false };
    await expect(sink.write(batchOf(1), signal)).rejects.toMatchObject(error);
    await expect(sink.write(batchOf(2), signal)).rejects.toMatchObject(error);
    await sink.close();
  });

  it('says that it writes to standard output', () => {
    expect(stdoutSink.spec.writesStdout).toBe(true);
  });
});

describe('the real streams', () => {
  const script = fileURLToPath(new URL('./stdio-copy.ts', import.meta.url));

  function copy(): ReturnType<typeof spawn> & {
    exited: Promise<number | null>;
    errors: () => string;
  } {
    const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.stdin.on('error', () => {});
    const exited = new Promise<number | null>((resolve) => void child.once('exit', resolve));
    return Object.assign(child, { exited, errors: () => errors });
  }

  it('copy standard input to standard output', async () => {
    const child = copy();
    const lines = Array.from({ length: 20_000 }, (_, n) => `{"n":${n}}\n`).join('');
    child.stdin!.end(lines);
    const chunks = await Array.fromAsync(child.stdout as AsyncIterable<Buffer>);
    expect(await child.exited).toBe(0);
    expect(Buffer.concat(chunks).toString()).toBe(lines);
    expect(child.errors()).toBe('done\n');
  });

  it('fail where standard input is a directory', async () => {
    const directory = openSync(import.meta.dirname, 'r');
    const child = spawn(process.execPath, [script], { stdio: [directory, 'ignore', 'pipe'] });
    closeSync(directory);
    const errors = await Array.fromAsync(child.stderr as AsyncIterable<Buffer>);
    expect(Buffer.concat(errors).toString()).toBe('ERR_CONNECTOR_FILE\n');
  });

  it('end in order when the reader of the output goes, as `head` does', async () => {
    const child = copy();
    const write = (): void => {
      while (!child.stdin!.destroyed && child.stdin!.write('{"n":1}\n'.repeat(10_000)));
    };
    child.stdin!.on('drain', write);
    write();
    child.stdout!.once('data', () => child.stdout!.destroy());
    expect(await child.exited).toBe(0);
    expect(child.errors()).toBe('ERR_OUTPUT_CLOSED\n');
    child.stdin!.destroy();
  });

  it('let the process go while input may still come', async () => {
    const child = copy();
    child.stdin!.write('{"n":1}\n');
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    child.kill('SIGTERM');
    expect(await child.exited).toBe(0);
    expect(child.errors()).toBe('stopped\n');
  });
});
