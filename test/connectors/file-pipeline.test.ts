import { Buffer } from 'node:buffer';

import { describe, expect, it } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import { deadLetterFile } from '../../src/connectors/dead-letter-file.ts';
import {
  fileSink,
  type FileSinkOptions,
  fileSource,
  type FileSourceOptions,
} from '../../src/connectors/file.ts';
import {
  memoryCheckpoints,
  type Run,
  type RunOptions,
  type SettingsInput,
} from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { TypedPipelineBuilder } from '../../src/engine/builder.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/outside.ts';

const reading = schema({ n: 'float64', name: 'text?' });

interface Job {
  readonly outside: VirtualOutside;
  readonly source: Partial<FileSourceOptions<typeof reading.shape>> & { readonly path: string };
  readonly sink?: FileSinkOptions;
  readonly settings?: SettingsInput;
  readonly options?: RunOptions;
}

/** Copies a file through the engine, with a dead-letter file. */
function copy({ outside, source, sink, settings = {}, options = {} }: Job): Promise<RunReport> {
  return new TypedPipelineBuilder('copy', settings, { outside })
    .from(fileSource({ schema: reading, ...source }))
    .to(fileSink(sink ?? { path: 'out.ndjson' }))
    .deadLetters(deadLetterFile({ path: 'dead.ndjson' }))
    .run(options);
}

const linesOf = (outside: VirtualOutside, path: string): Record<string, unknown>[] =>
  outside.files.has(path)
    ? outside.files
        .text(path)
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];

async function outcome(
  input: string | Uint8Array,
  source: Job['source'],
): Promise<{ rows: unknown[]; dead: [unknown, unknown][]; report: RunReport }> {
  const outside = virtualOutside();
  outside.files.put(source.path, input);
  const report = await copy({ outside, source });
  const [first] = report.components;
  expect(first!.in).toBe(first!.out + first!.dropped + first!.dead);
  expect(outside.files.openCount).toBe(0);
  const dead = linesOf(outside, 'dead.ndjson');
  expect(report.deadLetters).toBe(dead.length);
  return {
    rows: linesOf(outside, 'out.ndjson').map((row) => row['n']),
    dead: dead.map((line) => [line['reason'], line['position']]),
    report,
  };
}

describe('malformed NDJSON costs the record, with its place, and nothing else', () => {
  const before = '{"n":1}\n';
  const after = '{"n":2}\n';
  it.each([
    ['broken JSON', '{"n":\n', 'json.syntax'],
    ['text after the object', '{"n":3} x\n', 'json.syntax'],
    ['no object', '[1]\n', 'record.type'],
    ['a missing field', '{"name":"a"}\n', 'field.missing'],
    ['a null', '{"n":null}\n', 'field.missing'],
    ['a wrong type', '{"n":"3"}\n', 'field.type'],
    ['NaN', '{"n":NaN}\n', 'json.syntax'],
    ['Infinity', '{"n":1e999}\n', 'number.range'],
    ['an integer beyond 2^53', '{"n":9007199254740993}\n', 'number.range'],
    ['invalid UTF-8', Buffer.from('{"n":3,"name":"\xff"}\n', 'latin1'), 'text.encoding'],
    ['a lone surrogate', '{"n":3,"name":"\\ud800"}\n', 'text.surrogate'],
    ['nesting beyond 64', `{"n":3,"x":${'['.repeat(65)}${']'.repeat(65)}}\n`, 'json.depth'],
    ['a record beyond 1 MiB', `{"n":3,"name":"${'x'.repeat(1_048_576)}"}\n`, 'record.size'],
  ] as [string, string | Uint8Array, string][])('%s', async (_what, line, reason) => {
    const input = Buffer.concat([
      Buffer.from(before),
      Buffer.from(line as string),
      Buffer.from(after),
    ]);
    const { rows, dead, report } = await outcome(input, { path: 'in.ndjson' });
    expect({ rows, dead }).toEqual({ rows: [1, 2], dead: [[reason, before.length]] });
    expect(report.status).toBe('done');
  });

  it('and a byte order mark, CRLF and blank lines cost nothing', async () => {
    const { rows, dead } = await outcome('\ufeff{"n":1}\r\n\r\n\n{"n":2}', { path: 'in.ndjson' });
    expect({ rows, dead }).toEqual({ rows: [1, 2], dead: [] });
  });
});

describe('malformed CSV costs the record, with its place, and nothing else', () => {
  it.each([
    ['too few cells', '3\n', 'csv.ragged'],
    ['too many cells', '3,a,b\n', 'csv.ragged'],
    ['text for a number', 'x,a\n', 'field.type'],
    ['an empty cell for a number', ',a\n', 'field.missing'],
    ['a lone CR', '3,a\rb\n', 'csv.carriage-return'],
    ['text behind a quote', '3,"a"b\n', 'csv.quote'],
  ])('%s', async (_what, line, reason) => {
    const before = 'n,name\n1,a\n';
    const { rows, dead } = await outcome(`${before}${line}2,"b\nc"\n`, { path: 'in.csv' });
    expect({ rows, dead }).toEqual({ rows: [1, 2], dead: [[reason, before.length]] });
  });

  it('and a missing end quote costs the rest', async () => {
    const { rows, dead } = await outcome('n,name\n1,a\n3,"b\n2,c\n', { path: 'in.csv' });
    expect({ rows, dead }).toEqual({ rows: [1], dead: [['csv.quote', 11]] });
  });

  it('and a header alone, or nothing, is no record', async () => {
    for (const text of ['', 'n,name', 'n,name\n', '\ufeffn,name\r\n']) {
      const { rows, dead } = await outcome(text, { path: 'in.csv' });
      expect({ rows, dead }).toEqual({ rows: [], dead: [] });
    }
  });
});

describe('a run that copies a file', () => {
  it('is refused whole, and touches nothing, when the input is not there', async () => {
    const outside = virtualOutside();
    outside.files.put('out.ndjson', 'precious\n');
    await expect(copy({ outside, source: { path: 'in.ndjson' } })).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: expect.stringContaining('in.ndjson') as string,
    });
    expect(outside.files.text('out.ndjson')).toBe('precious\n');
  });

  it('is done with an empty file', async () => {
    const outside = virtualOutside();
    outside.files.put('in.ndjson', '');
    const report = await copy({ outside, source: { path: 'in.ndjson' } });
    expect(report).toMatchObject({ status: 'done', recordsIn: 0, recordsOut: 0 });
    expect(outside.files.text('out.ndjson')).toBe('');
  });

  it('fails with the path of the file on a full disk, and leaves it whole', async () => {
    const outside = virtualOutside();
    outside.files.put('in.ndjson', '{"n":1}\n'.repeat(5000));
    outside.files.diskBytesMax = outside.files.bytes('in.ndjson').length + 1000;
    await expect(copy({ outside, source: { path: 'in.ndjson' } })).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FILE',
      place: 'out.ndjson',
      fact: 'cannot be written: the disk is full',
    });
    expect(outside.files.text('out.ndjson')).toMatch(/^(\{.*\}\n)*$/);
    expect(outside.files.openCount).toBe(0);
  });

  it('that is stopped again and again gives every record once', async () => {
    const outside = virtualOutside();
    const numbers = Array.from({ length: 1000 }, (_, n) => n);
    outside.files.put(
      'a.ndjson',
      numbers
        .slice(0, 600)
        .map((n) => `{"n":${n}}\n`)
        .join(''),
    );
    outside.files.put(
      'b.ndjson',
      numbers
        .slice(600)
        .map((n) => `{"n":${n}}\n`)
        .join(''),
    );
    const store = memoryCheckpoints();
    const settings = { batch: { rowsMax: 50 } };
    let runs = 0;
    for (let read = 0; read < 1000; runs++) {
      const report = await copy({
        outside,
        source: { path: '?.ndjson' },
        sink: { path: 'out.ndjson', mode: 'append' },
        settings,
        options: { store, recordsMax: 100 },
      });
      read += report.recordsOut;
    }
    expect(runs).toBe(10);
    expect(linesOf(outside, 'out.ndjson').map((row) => row['n'])).toEqual(numbers);
  });
});

describe('a run that follows a file', () => {
  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, at) => `{"n":${from + at}}\n`).join('');

  it('gives what is added, is watched for how far it is behind, and ends when it is stopped', async () => {
    const outside = virtualOutside();
    const { clock, files } = outside;
    files.put('in.ndjson', lines(0, 3));
    const store = memoryCheckpoints();
    const start = (): Promise<Run> =>
      new TypedPipelineBuilder('copy', {}, { outside })
        .from(fileSource({ schema: reading, path: 'in.ndjson', follow: true }))
        .to(fileSink({ path: 'out.ndjson', mode: 'append' }))
        .deadLetters(deadLetterFile({ path: 'dead.ndjson' }))
        .start({ store });
    const numbers = (): unknown[] => linesOf(outside, 'out.ndjson').map((row) => row['n']);
    const first = await start();
    await clock.sleep(5000);
    expect(numbers()).toEqual([0, 1, 2]);
    files.rewrite('in.ndjson', lines(0, 5));
    await clock.sleep(5000);
    expect(numbers()).toEqual([0, 1, 2, 3, 4]);
    const [source] = first.stats().components;
    const lag = { value: 0, unit: 'bytes' };
    expect(source).toMatchObject({ source: { isPaced: true, hasEnded: false, lag } });
    expect(await first.stop()).toMatchObject({ recordsOut: 5 });
    // Rotated while nothing runs.
    files.rewrite('in.ndjson', lines(0, 6));
    await files.rename('in.ndjson', 'in.ndjson.1');
    files.put('in.ndjson', lines(6, 8));
    const second = await start();
    await clock.sleep(5000);
    await second.stop();
    expect(numbers().toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(files.openCount).toBe(0);
  });
});
