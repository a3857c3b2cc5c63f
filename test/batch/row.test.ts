import { spawnSync } from 'node:child_process';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  Batch,
  BatchBuilder,
  type Field,
  Schema,
  schema,
  toObject,
} from '../../src/batch/index.ts';
import {
  bindRow,
  createRow,
  createRowLoops,
  moveRow,
  readRow,
  type Row,
  unbindRow,
} from '../../src/batch/row.ts';
import { hostileNames, readHostile } from './hostile-names.ts';

/** For the nightly sizes. */
const long = { timeout: 900_000 };

function rowOf(batch: Batch, index = 0): Row & Record<string, unknown> {
  const row = createRow(batch.schema);
  bindRow(row, batch.columns);
  moveRow(row, index);
  return row as never;
}

describe('a row', () => {
  const made = schema({
    id: 'category',
    n: 'float64?',
    big: 'int64',
    ok: 'bool',
    raw: 'bytes',
    doc: 'json?',
  });
  const records = [
    { id: 'a', n: 1.5, big: 2n ** 62n, ok: true, raw: Uint8Array.of(1, 2), doc: { deep: [1] } },
    { id: 'b', n: null, big: -1n, ok: false, raw: new Uint8Array(0), doc: null },
  ];

  test('shows the values of the row it is on', () => {
    const row = rowOf(Batch.from(records, made));
    expect([row['id'], row['n'], row['big'], row['ok'], row['doc']]).toEqual([
      'a',
      1.5,
      2n ** 62n,
      true,
      { deep: [1] },
    ]);
    moveRow(row, 1);
    expect([row['id'], row['n'], row['big'], row['ok'], row['doc']]).toEqual([
      'b',
      null,
      -1n,
      false,
      null,
    ]);
    expect(readRow(row)).toEqual(records[1]);
  });

  test('can be added to another batch as it is', () => {
    const builder = new BatchBuilder(made);
    builder.append(rowOf(Batch.from(records, made)) as never);
    builder.append(rowOf(Batch.from(records, made), 1) as never);
    expect(builder.finish().toRows()).toEqual(records);
  });

  test('that is a plain record already is what toObject gives', () => {
    const record = Object.freeze({ n: 1 });
    expect(toObject(record as never)).toBe(record);
  });

  test('is kept by toObject, which later moves do not change', () => {
    const row = rowOf(Batch.from(records, made));
    const kept = toObject(row as never);
    moveRow(row, 1);
    expect(kept).toEqual(records[0]);
    expect(Object.getPrototypeOf(kept)).toBe(Object.prototype);
  });

  test('prints as the record it shows', () => {
    expect(inspect(rowOf(Batch.from([{ a: 1 }], schema({ a: 'int32' }))))).toBe('{ a: 1 }');
  });

  test('cannot be written to', () => {
    const row: Record<string, unknown> = rowOf(Batch.from(records, made));
    expect(() => (row['id'] = 'x')).toThrow(TypeError);
  });

  test('throws once its columns were let go, for every kind', () => {
    const row = rowOf(Batch.from(records, made));
    unbindRow(row, made);
    for (const name of made.names) expect(() => row[name]).toThrow('ERR_BATCH_RELEASED [row]');
    expect(() => toObject(row as never)).toThrow('keep rows with toObject(row)');
  });

  test('gives copies of bytes, which later batches do not change', () => {
    const batch = Batch.from(records, made);
    const raw = rowOf(batch)['raw'] as Uint8Array;
    batch.release();
    Batch.from([{ ...records[0]!, raw: Uint8Array.of(9, 9) }], made);
    expect(raw).toEqual(Uint8Array.of(1, 2));
  });
});

describe('a field name with code in it', () => {
  test('is only ever a name', () => {
    expect(readHostile()).toEqual({ failures: [], ran: undefined });
  });

  test('is only ever a name where code generation is forbidden', () => {
    const script = fileURLToPath(new URL('hostile-names.ts', import.meta.url));
    const flags = ['--disallow-code-generation-from-strings', script, 'print'];
    const { stdout, stderr, status } = spawnSync(execPath, flags, { encoding: 'utf8' });
    expect({ stdout, stderr, status }).toEqual({
      stdout: '{"failures":[]}\n',
      stderr: '',
      status: 0,
    });
  });

  test('any text will do', long, () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...hostileNames),
      fc
        .array(
          fc.constantFrom('"', '\\', '`', '${', '}', ']', '\n', '\r', '\u2028', '//', '*/', '#c0'),
          { maxLength: 6 },
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 8 }), (names) => {
        const fields = names.map((field): Field => ({
          name: field,
          kind: 'int32',
          nullable: false,
        }));
        const made = new Schema(fields);
        const record = Object.fromEntries(names.map((field, at) => [field, at]));
        const [back] = Batch.from([record as never], made).toRows();
        expect(new Map(Object.entries(back!))).toEqual(new Map(Object.entries(record)));
      }),
      { numRuns: process.env['MILLRACE_NIGHTLY'] ? 20_000 : 500 }, // schemas, each with a class of its own
    );
  });
});

describe.each([
  ['a set of its own', createRowLoops()],
  ['another set', createRowLoops()],
])('row loops, %s', (_, loops) => {
  const numbers = schema({ n: 'float64' });
  const batch = Batch.from(
    Array.from({ length: 10 }, (_, n) => ({ n })),
    numbers,
  );
  const rows = Uint32Array.of(1, 3, 4, 6, 9, 77, 77);

  function bound(): Row {
    const row = createRow(numbers);
    bindRow(row, batch.columns);
    return row;
  }

  test('keep the rows for which the test gives true, and name those that threw or gave no boolean', () => {
    const kept = new Uint32Array(10);
    const others: unknown[] = [];
    const failed: unknown[] = [];
    const length = loops.keep(
      bound(),
      rows,
      5,
      ({ n }: { n: number }) => {
        if (n === 3 || n === 9) throw new Error(`no ${n}`);
        return n === 6 ? 'truthy' : n > 1;
      },
      kept,
      (...other) => others.push(other),
      (row, thrown) => failed.push([row, (thrown as Error).message]),
    );
    expect([...kept.subarray(0, length)]).toEqual([4]);
    expect(others).toEqual([[6, 'truthy']]);
    expect(failed).toEqual([
      [3, 'no 3'],
      [9, 'no 9'],
    ]);
  });

  test('write numbers, hand over what is none, and name the rows that threw', () => {
    const values = new Float64Array(10).fill(-1);
    const others: unknown[] = [];
    const failed: number[] = [];
    const compute = ({ n }: { n: number }): unknown => {
      if (n === 1) throw new Error('no');
      return n === 4 ? 'four' : n * 10;
    };
    loops.numbers(
      bound(),
      rows,
      5,
      compute,
      values,
      (...other) => others.push(other),
      (row) => failed.push(row),
    );
    expect([...values]).toEqual([-1, -1, -1, 30, -1, -1, 60, -1, -1, 90]);
    expect(others).toEqual([[4, 'four']]);
    expect(failed).toEqual([1]);
  });

  test('hand over each result, and take what the taker throws for a failure', () => {
    const taken: unknown[] = [];
    const failed: number[] = [];
    const take = (row: number, result: unknown): void => {
      if (row === 6) throw new Error('full');
      taken.push([row, result]);
    };
    loops.each(
      bound(),
      rows,
      5,
      ({ n }: { n: number }) => n + 1,
      take,
      (row) => failed.push(row),
    );
    expect(taken).toEqual([
      [1, 2],
      [3, 4],
      [4, 5],
      [9, 10],
    ]);
    expect(failed).toEqual([6]);
  });
});
