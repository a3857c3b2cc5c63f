import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ZodError } from 'zod';

import { Batch, schema, Selection } from '../../src/batch/index.ts';
import { type ConsoleOptions, consoleSink } from '../../src/connectors/console.ts';
import { openSink } from './planned.ts';

/** For the nightly sizes. */
const long = { timeout: 900_000 };

const never = new AbortController().signal;
const readings = schema({
  id: 'category',
  value: 'float64?',
  big: 'int64',
  at: 'timestamp',
  ok: 'bool',
});
const rows = Array.from({ length: 5 }, (_, at) => ({
  id: `sensor-${at}`,
  value: at === 1 ? null : at / 3,
  big: 2n ** 62n,
  at: Date.UTC(2026, 0, 1) + at,
  ok: at % 2 === 0,
}));

let shown = '';
beforeEach(() => {
  shown = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(((
    text: string,
    taken?: (error?: Error) => void,
  ) => {
    shown += text;
    taken?.();
    return true;
  }) as never);
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function show(options: ConsoleOptions, ...batches: Batch[]): Promise<string> {
  const { connector } = await openSink(consoleSink(options), batches[0]!.schema);
  for (const batch of batches) await connector.write(batch, never);
  await connector.close();
  return shown;
}

describe('a console sink', () => {
  test('shows a table, its header once', async () => {
    const batch = Batch.from(rows, readings);
    const some = batch.select(new Selection(Uint32Array.of(0, 1), 2));
    expect(await show({}, some, batch.select(new Selection(Uint32Array.of(4), 1)))).toBe(
      [
        'id            value                  big  at                        ok',
        'sensor-0          0  4611686018427387904  2026-01-01T00:00:00.000Z  true',
        'sensor-1          -  4611686018427387904  2026-01-01T00:00:00.001Z  false',
        'sensor-4   1.333333  4611686018427387904  2026-01-01T00:00:00.004Z  true',
        '',
      ].join('\n'),
    );
  });

  test('shows JSON that reads back, with int64 in all its digits', async () => {
    const text = await show({ format: 'json', limit: 2 }, Batch.from(rows, readings));
    expect(text).toContain('"big":4611686018427387904');
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(rows.slice(0, 2).map((row) => ({ ...row, big: Number(row.big) })));
  });

  test('shows pairs of name and value', async () => {
    const text = await show(
      { format: 'text', limit: 1 },
      Batch.from([{ a: 1, b: 'x y' }], schema({ a: 'int32', b: 'text' })),
    );
    expect(text).toBe('a=1 b=x y\n');
  });

  test('shows one row of so many, up to a limit, over batches, and counts the others', async () => {
    const numbers = schema({ n: 'int32' });
    const batch = (first: number): Batch =>
      Batch.from(
        Array.from({ length: 5 }, (_, at) => ({ n: first + at })),
        numbers,
      );
    const { connector, tally } = await openSink(
      consoleSink({ every: 3, limit: 3, format: 'json' }),
      numbers,
    );
    for (const first of [0, 5, 10]) await connector.write(batch(first), never);
    expect(shown.trim().split('\n')).toEqual(['{"n":0}', '{"n":3}', '{"n":6}']);
    expect(tally.counts.get('rows.unshown')).toBe(12);
  });

  test('writes nothing for an empty batch', async () => {
    expect(await show({}, Batch.from([], readings))).toBe('');
  });

  test.each(['table', 'text', 'json'] as const)(
    'as %s, obeys no value and no name, and stays on one line',
    long,
    async (format) => {
      const hostile = fc.string({ unit: 'binary', maxLength: 80 });
      // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
      const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202e\u2066]/;
      const property = fc.asyncProperty(hostile, hostile, async (name, value) => {
        shown = '';
        const fields = schema({ [name]: 'text?', doc: 'json?' });
        const well = value.toWellFormed();
        await show(
          { format },
          Batch.from([{ [name]: well, doc: { [value]: '\u001b[2J\u202e' } } as never], fields),
        );
        expect(shown).not.toMatch(control);
        expect(shown.split('\n')).toHaveLength(format === 'table' ? 3 : 2);
        const readBack = format === 'json' && name !== 'doc';
        const seen = readBack ? (JSON.parse(shown) as Record<string, unknown>)[name] : well;
        expect(seen).toBe(well);
      });
      await fc.assert(property, {
        numRuns: process.env['MILLRACE_NIGHTLY'] ? 20_000 : 300, // names and values
        examples: [
          ['\u001b]0;title\u0007', '\u001b[31mred\r\n\u009b2J'],
          ['__proto__', 'x'],
          ['a\nb', '\u2028'],
        ],
      });
    },
  );

  test.each([
    ['table', 40],
    ['text', 256],
    ['json', 8192],
  ] as const)('as %s, cuts long values and says so', async (format, charactersMax) => {
    const long = schema({ a: 'text', b: 'bytes', c: 'json' });
    const record = {
      a: '🎉'.repeat(20_000),
      b: new Uint8Array(20_000),
      c: { deep: 'y'.repeat(20_000) },
    };
    const text = await show({ format }, Batch.from([record], long));
    expect(text.match(/…/g)).toHaveLength(3);
    expect(text.length).toBeLessThan(3 * charactersMax + 3 * charactersMax);
    expect(text.isWellFormed()).toBe(true);
    expect(format === 'json' ? JSON.parse(text) : {}).toBeTypeOf('object');
  });

  test('shows what JSON has no word for', async () => {
    const odd = schema({ n: 'float64', at: 'timestamp', raw: 'bytes', none: 'json?' });
    const batch = Batch.from([{ n: NaN, at: 1e300, raw: Uint8Array.of(1, 255), none: null }], odd);
    expect(await show({ format: 'text' }, batch)).toBe('n=NaN at=1e+300 raw=01ff none=-\n');
    shown = '';
    expect(await show({ format: 'json' }, batch)).toBe(
      '{"n":null,"at":1e+300,"raw":"Af8=","none":null}\n',
    );
  });

  test('gives up a write that nobody reads once it is stopped', async () => {
    vi.spyOn(process.stdout, 'write').mockImplementation((() => false) as never);
    const { connector } = await openSink(consoleSink({}), readings);
    const stop = new AbortController();
    const writing = connector.write(Batch.from(rows, readings), stop.signal);
    stop.abort(new Error('stopped'));
    await expect(writing).rejects.toThrow('stopped');
    await expect(connector.write(Batch.from(rows, readings), stop.signal)).rejects.toThrow(
      'stopped',
    );
  });

  test(
    'says that its reader went away, and leaves no listener behind',
    { timeout: 20_000 },
    async () => {
      const script = fileURLToPath(new URL('console-head.ts', import.meta.url));
      const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      await once(child.stdout, 'data');
      child.stdout.destroy();
      const [status] = (await once(child, 'close')) as [number];
      expect({ said, status }).toEqual({
        said: 'ERR_OUTPUT_CLOSED [sink] what reads the output has closed it\n',
        status: 0,
      });
      const before = process.stdout.listenerCount('error');
      await show({}, Batch.from(rows, readings));
      expect(process.stdout.listenerCount('error')).toBe(before);
    },
  );

  test.each([{ every: 0 }, { limit: -1 }, { format: 'xml' }, { colour: true }])(
    'refuses the options %j',
    async (options) => {
      await expect(openSink(consoleSink(options as never), readings)).rejects.toBeInstanceOf(
        ZodError,
      );
    },
  );
});
