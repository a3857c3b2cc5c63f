import { describe, expect, test } from 'vitest';

import {
  Batch,
  createBitmap,
  FixedColumn,
  type Kind,
  Origin,
  schema,
  Selection,
  setBit,
} from '../../src/batch/index.ts';

const readings = schema({ id: 'category', value: 'float64?', note: 'text?' });
const rows = [
  { id: 'a', value: 1, note: 'one' },
  { id: 'b', value: null, note: null },
  { id: 'a', value: 3, note: '' },
  { id: 'c', value: NaN, note: 'ü' },
];

describe('a batch', () => {
  test('gives back the records it was made of', () => {
    const batch = Batch.from(rows, readings);
    expect(batch.length).toBe(4);
    expect(batch.toRows()).toEqual(rows);
    expect(batch.rowAt(2)).toEqual(rows[2]);
    expect(Batch.from([], readings).toRows()).toEqual([]);
  });

  test('selects by a selection, not by a list of rows', () => {
    const batch = Batch.from([], readings);
    for (const other of [Uint32Array.of(0), [0], undefined]) {
      expect(() => batch.select(other as never)).toThrow(
        expect.objectContaining({
          code: 'ERR_BATCH_VALUE',
          remedy: 'give `new Selection(Uint32Array.of(1, 3), 2)`: rows that ascend, and how many',
        }),
      );
    }
  });

  test('selects without copying', () => {
    const batch = Batch.from(rows, readings);
    const some = batch.select(new Selection(Uint32Array.of(1, 3), 2));
    expect(some.columns).toEqual(batch.columns);
    expect(some.toRows()).toEqual([rows[1], rows[3]]);
    expect([some.length, some.rowsStored]).toEqual([2, 4]);
    expect(batch.length).toBe(4);
  });

  test('makes a selection of a bitmap, among the rows that count', () => {
    const bitmap = createBitmap(4, false);
    for (const row of [0, 2, 3]) setBit(bitmap, row);
    const batch = Batch.from(rows, readings).select(new Selection(Uint32Array.of(1, 2, 3), 3));
    const kept = batch.select(Selection.fromBitmap(bitmap, batch.rows, batch.length));
    expect(kept.toRows()).toEqual([rows[2], rows[3]]);
  });

  test('compacts into a copy of the rows that count, with their positions', () => {
    const batch = Batch.from(rows, readings, { source: 's', position: 10 });
    const compact = batch.select(new Selection(Uint32Array.of(1, 2), 2)).compact();
    expect(compact.toRows()).toEqual([rows[1], rows[2]]);
    expect([compact.rowsStored, compact.selection]).toEqual([2, null]);
    expect([compact.origin.position(0), compact.origin.position(1)]).toEqual([11, 12]);
    expect(compact.origin.recordId(0)).toBe(batch.origin.recordId(1));
    expect(batch.compact()).toBe(batch);
  });

  test('takes new columns beside its own', () => {
    const batch = Batch.from(rows, readings);
    const doubled = new FixedColumn('float64', Float64Array.of(2, 0, 6, 8));
    const wider = batch.withColumns(readings.with({ doubled: 'float64' }), [
      ...batch.columns,
      doubled,
    ]);
    expect(wider.toRows()).toEqual(rows.map((row, at) => ({ ...row, doubled: [2, 0, 6, 8][at] })));
    const fewer = wider.withColumns(wider.schema.pick(['doubled']), [doubled]);
    expect(fewer.toRows()).toEqual([2, 0, 6, 8].map((value) => ({ doubled: value })));
  });

  test('refuses columns that do not fit its schema', () => {
    const make = (kind: Kind, column: FixedColumn) => () =>
      new Batch(schema({ value: kind }), [column], 1, new Origin('s', '', 0));
    expect(make('int32', new FixedColumn('float64', new Float64Array(1)))).toThrow(
      'a float64 column for the int32 field',
    );
    const nulls = new FixedColumn('float64', new Float64Array(1), createBitmap(1, false));
    expect(make('float64', nulls)).toThrow('`value`, which is not nullable');
    expect(() => new Batch(schema({}), [nulls], 1, new Origin('s', '', 0))).toThrow(
      '1 columns for the 0 fields',
    );
  });

  test('says which fields there are when asked for another', () => {
    expect(() => Batch.from(rows, readings).column('vlaue')).toThrow(
      'ERR_BATCH_FIELD [vlaue] field `vlaue` does not exist here; fields: id, value, note',
    );
  });

  test('knows about how many bytes it takes', () => {
    expect(Batch.from(rows, readings).bytes).toBe(4 * 4 + 4 * 8 + 4 * 4 + 3 + 2);
  });
});

describe('the origin of rows', () => {
  test('tells each record from every other, the same after a replay', () => {
    const ids = (source: string, partition: string, position: number): string[] => {
      const { origin } = Batch.from(rows, readings, { source, partition, position });
      return rows.map((_, row) => origin.recordId(row));
    };
    const all = [ids('a', '', 0), ids('a', '', 4), ids('b', '', 0), ids('a', 'p', 0)].flat();
    expect(new Set(all).size).toBe(all.length);
    expect(ids('a', '', 0).slice(2)).toEqual(ids('a', '', 2).slice(0, 2));
    expect(all[0]).toMatch(/^[\w-]{22}$/);
  });

  test('tells rows made from one row by their ordinals, through every expanding stage', () => {
    const origin = new Origin('s', '', 5);
    const once = origin.expand(Uint32Array.of(0, 0, 1), Int32Array.of(0, 1, 0), 3);
    const twice = once.expand(Uint32Array.of(1, 1, 2), Int32Array.of(0, 1, 0), 3);
    expect([0, 1, 2].map((row) => [twice.position(row), ...twice.ordinals(row)])).toEqual([
      [5, 1, 0],
      [5, 1, 1],
      [6, 0, 0],
    ]);
    const kept = twice.gather(Uint32Array.of(1), 1);
    expect(kept.recordId(0)).toBe(twice.recordId(1));
    expect(new Set([origin.recordId(0), once.recordId(0), twice.recordId(0)]).size).toBe(3);
  });
});

describe('a batch that cannot be', () => {
  const fields = schema({ value: 'float64' });
  const whole = Batch.from([{ value: 1 }, { value: 2 }], fields);

  test('is refused where a column has too few rows', () => {
    const short = new FixedColumn('float64', new Float64Array(1));
    expect(() => whole.withColumns(fields, [short])).toThrow('a column of 1 rows for 2 rows');
  });

  test('is refused where a row is selected that is not there', () => {
    expect(() => whole.select(new Selection(Uint32Array.of(0, 7), 2))).toThrow('row 7 is selected');
  });
});
