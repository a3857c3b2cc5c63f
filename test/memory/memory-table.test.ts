import process from 'node:process';

import { beforeAll, describe, expect, test } from 'vitest';

import {
  memoryTable,
  type MemoryRow,
  type MemoryTable,
  memoryTableText,
} from '../../src/memory/index.ts';

const isNightly = process.env['MILLRACE_NIGHTLY'] !== undefined;
const instances = isNightly ? [1000, 10_000, 100_000, 1_000_000] : [10_000];
const most = instances.at(-1)!;

let table: MemoryTable;
const told: MemoryRow[] = [];

beforeAll(async () => {
  table = await memoryTable(instances, (row) => told.push(row));
}, 900_000);

const rowOf = (record: string, count = most): MemoryRow =>
  table.rows.find((row) => row.record === record && row.instances === count)!;

describe('records of six fields', () => {
  test('are measured in every way at every number, and each row is told of', () => {
    expect(table.missing).toEqual([]);
    const names = [...new Set(table.rows.map(({ record }) => record))];
    expect(names).toEqual([
      'class',
      'literal',
      'subclass, shape kept',
      'subclass, shape lost',
      'dictionary',
      'Map',
      'columns',
      'Apache Arrow',
    ]);
    expect(table.rows).toHaveLength(names.length * instances.length);
    expect(told).toEqual(table.rows);
    expect(table.node).toBe(process.versions.node);
  });

  test.each([
    ['class', true],
    ['literal', true],
    ['subclass, shape kept', true],
    ['subclass, shape lost', false],
    ['dictionary', false],
    ['Map', true],
    ['columns', null],
    ['Apache Arrow', null],
  ])('%s has a fast shape: %s', (record, isFast) => {
    for (const count of instances) expect(rowOf(record, count).hasFastShape).toBe(isFast);
  });

  test('have the sizes that follow from 8 bytes a word and 16 a number with a fraction', () => {
    // Header of three words and six fields; sensor id, unit and three boxed numbers.
    expect(rowOf('class')).toMatchObject({ shellBytes: 72, directBytes: 72, deepBytes: 144 });
    expect(rowOf('literal')).toMatchObject({ shellBytes: 72, directBytes: 72, deepBytes: 144 });
    // Two fields and one number more.
    expect(rowOf('subclass, shape kept')).toMatchObject({ shellBytes: 88, directBytes: 88 });
    // What all of them share is retained once: the text of the sensor id.
    expect(rowOf('class').retainedBytes).toBeCloseTo(120, -0.5);
    expect(rowOf('subclass, shape kept').retainedBytes).toBeCloseTo(152, -0.5);
    // Five columns of 8, 8, 8, 4, 4 and 4 bytes.
    expect(rowOf('columns').retainedBytes).toBeGreaterThanOrEqual(36);
  });

  test('take four times as much where the shape is lost, and a third of it in columns', () => {
    const retained = (record: string): number => rowOf(record).retainedBytes;
    expect(retained('subclass, shape lost')).toBeGreaterThan(3 * retained('subclass, shape kept'));
    expect(retained('dictionary')).toBeGreaterThan(4 * retained('class'));
    expect(retained('Map')).toBeGreaterThan(2.5 * retained('class'));
    expect(retained('columns')).toBeLessThan(0.4 * retained('class'));
    expect(retained('Apache Arrow')).toBeLessThan(0.45 * retained('class'));
  });

  test('peak at what all of them retain, or above', () => {
    for (const { peakMb, retainedBytes, instances: count } of table.rows) {
      expect(peakMb * 1e6).toBeGreaterThan(retainedBytes * count * 0.98);
    }
  });

  test('are measured again within 5 %', async () => {
    const again = await memoryTable(instances);
    for (const [at, row] of again.rows.entries()) {
      const before = table.rows[at]!;
      const { record, shellBytes, directBytes, hasFastShape } = before;
      expect(row).toMatchObject({ record, shellBytes, directBytes, hasFastShape });
      for (const figure of ['deepBytes', 'retainedBytes', 'peakMb'] as const) {
        const ratio = row[figure] / before[figure];
        expect(Math.abs(ratio - 1), `${record} ${figure}: ${ratio}`).toBeLessThan(0.05);
      }
    }
  }, 900_000);

  test('are shown as text, what one retains by number below', () => {
    const fewer = table.rows
      .filter((row) => row.instances === 10_000)
      .map((row) => ({ ...row, instances: 500, retainedBytes: 1234.56 }));
    const lines = memoryTableText({ ...table, rows: [...fewer, ...table.rows] }).split('\n');
    expect(lines[0]).toBe(`Bytes of one record, ${isNightly ? '100,000' : '10,000'} held`);
    expect(lines[1]).toMatch(/^record +fast shape +shell +values +deep +retained +peak MB$/);
    expect(lines[2]).toMatch(/^class +yes +72 +72 +144 +1(19|20|21) +[\d.]+$/);
    expect(lines.filter((line) => line.startsWith('columns'))[0]).toMatch(/^columns +- +- +- +\d/);
    const below = lines.indexOf('Bytes retained by one record, by how many are held');
    expect(lines[below + 1]).toMatch(isNightly ? /500 .* 1,000,000$/ : /^record +500 +10,000$/);
    expect(lines[below + 2]).toMatch(/^class +1,235 +1\d\d/);
    expect(lines.slice(below + 2)).toHaveLength(8);
    expect(memoryTableText({ ...table, rows: fewer })).not.toContain('by how many');
  });
});

describe('what cannot be measured', () => {
  test.each([0, -1, 1.5, Number.NaN, 1e9])(
    '%s records are refused before any is made',
    async (n) => {
      await expect(memoryTable([1000, n])).rejects.toThrow(
        `ERR_CONFIG_INVALID [instances] ${n} is no number of instances`,
      );
    },
  );

  test.each([5, []])('%j is no list of numbers', async (instances) => {
    await expect(memoryTable(instances as number[])).rejects.toThrow(
      'ERR_CONFIG_INVALID [instances] ',
    );
  });

  test('a row whose package is not there is missing, and said to be', () => {
    const reason = 'ERR_PEER_MISSING [arrow] cannot load `apache-arrow`; npm i apache-arrow@^21';
    const without = { ...table, missing: [{ record: 'Apache Arrow', reason }] };
    expect(memoryTableText(without)).toMatch(/\n\nnot measured: ERR_PEER_MISSING \[arrow\] /);
  });
});
