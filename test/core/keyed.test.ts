import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  Batch,
  CategoryColumn,
  Dictionary,
  type JsonValue,
  Origin,
  type Schema,
  schema,
} from '../../src/batch/index.ts';
import { KeyedState } from '../../src/core/keyed.ts';

const nightly = process.env['MILLRACE_NIGHTLY'] !== undefined;
// 2,000 runs at night.
const runs = nightly ? 2_000 : 200;

const everyKind = schema({
  category: 'category?',
  text: 'text?',
  int32: 'int32?',
  int64: 'int64?',
  float64: 'float64?',
  timestamp: 'timestamp?',
  bool: 'bool?',
  json: 'json',
});

class Counts {
  readonly counts: Record<string, number> = {};
  counted(what: string, count: number): void {
    this.counts[what] = (this.counts[what] ?? 0) + count;
  }
}

function keyedBy(
  by: string | string[] | undefined,
  { keysMax = 100, input = everyKind as Schema }: { keysMax?: number; input?: Schema } = {},
): { state: KeyedState; counts: Record<string, number>; slots: (records: object[]) => number[] } {
  const report = new Counts();
  const state = new KeyedState({ by, keysMax }, { input, report });
  const slots = (records: object[]): number[] => {
    const given = records.map((record) => ({ json: 0, ...record }));
    const batch = Batch.from(given as never[], input);
    const found = Array.from(state.slots(batch)!.subarray(0, batch.length));
    batch.release();
    return found;
  };
  return { state, counts: report.counts, slots };
}

describe('a value leads to a slot', () => {
  test.each([
    ['category', ['a', 'b', '', 'a', null, 'b', null, 'null']],
    ['text', ['a', 'b', '', 'a', null, 'b', null, 'null']],
    ['int32', [1, 2, 0, 1, null, 2, null, -1]],
    ['int64', [1n, 2n, 0n, 1n, null, 2n, null, 2n ** 62n]],
    ['float64', [1.5, NaN, -0, 1.5, null, NaN, null, Infinity]],
    ['timestamp', [1, 2, 0, 1, null, 2, null, 3]],
  ])('of kind %s, null being a key of its own', (kind, values) => {
    const { slots } = keyedBy(kind);
    expect(slots(values.map((value) => ({ [kind]: value })))).toEqual([
      ~0,
      ~1,
      ~2,
      0,
      ~3,
      1,
      3,
      ~4,
    ]);
    expect(slots([{ [kind]: values[7] }, { [kind]: null }])).toEqual([4, 3]);
  });

  test('of kind bool', () => {
    const { slots } = keyedBy('bool');
    expect(slots([true, null, false, true, null].map((bool) => ({ bool })))).toEqual([
      ~0,
      ~1,
      ~2,
      0,
      1,
    ]);
  });

  test('and 0 and −0 to the same one', () => {
    expect(keyedBy('float64').slots([{ float64: 0 }, { float64: -0 }])).toEqual([~0, 0]);
  });

  test('of several fields, without mixing up where one ends', () => {
    const { slots, state } = keyedBy(['text', 'category']);
    const pairs = [
      ['a', 'bc'],
      ['ab', 'c'],
      ['a', 'bc'],
      [null, 'x'],
      ['null', 'x'],
      ['as', 'b'],
      ['a', 'sb'],
    ];
    expect(slots(pairs.map(([text, category]) => ({ text, category })))).toEqual([
      ~0,
      ~1,
      0,
      ~2,
      ~3,
      ~4,
      ~5,
    ]);
    expect(state.slotsUsed).toBe(6);
  });

  test('whatever dictionary gives it a code', () => {
    const input = schema({ key: 'category' });
    const state = new KeyedState({ by: 'key', keysMax: 10 }, { input, report: new Counts() });
    const find = (dictionary: Dictionary, ...values: string[]): number[] => {
      const codes = Int32Array.from(values, (value) => dictionary.code(value));
      const columns = [new CategoryColumn(codes, dictionary)];
      const batch = new Batch(input, columns, values.length, new Origin('test', '', 0));
      return Array.from(state.slots(batch)!.subarray(0, values.length));
    };
    const [one, other] = [new Dictionary(), new Dictionary()];
    expect(find(one, 'a', 'b')).toEqual([~0, ~1]);
    expect(find(other, 'b', 'a', 'b')).toEqual([1, 0, 1]);
    // The dictionary grows while the stage knows it.
    const more = Array.from({ length: 200 }, (_, at) => `s${at % 5}`);
    expect(find(one, ...more).slice(0, 6)).toEqual([~2, ~3, ~4, ~5, ~6, 2]);
    expect(find(one, 'a', 's4')).toEqual([0, 6]);
  });

  test('and without `by` all rows share one', () => {
    const { state } = keyedBy(undefined);
    expect(state.slotsUsed).toBe(1);
    expect(state.slots(Batch.from([{ json: 1 }] as never[], everyKind))).toBeNull();
  });

  test('of selected rows only', () => {
    const { state } = keyedBy('int32');
    const batch = Batch.from([1, 2, 3].map((int32) => ({ int32, json: 0 })) as never[], everyKind);
    expect(Array.from(state.slots(batch)!.subarray(0, 3))).toEqual([~0, ~1, ~2]);
  });
});

describe('what is least recently used goes first', () => {
  test('exactly, as a plain model has it, whatever the batches', () => {
    const values = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 120 });
    const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 8 });
    fc.assert(
      fc.property(
        values,
        cuts,
        fc.integer({ min: 1, max: 10 }),
        fc.constantFrom('category', 'text', 'int32'),
        (keys, sizes, keysMax, kind) => {
          const { slots, counts, state } = keyedBy(kind, { keysMax });
          const model = new Map<unknown, number>();
          let evicted = 0;
          const expected = keys.map((key) => {
            let slot = model.get(key);
            const isNew = slot === undefined;
            if (slot === undefined) {
              slot = model.size;
              if (model.size === keysMax) {
                const [oldest, itsSlot] = model.entries().next().value!;
                model.delete(oldest);
                slot = itsSlot;
                evicted++;
              }
            }
            model.delete(key);
            model.set(key, slot);
            return isNew ? ~slot : slot;
          });
          const records = keys.map((key) => ({ [kind]: kind === 'int32' ? key : `key ${key}` }));
          const found: number[] = [];
          for (const size of [...sizes, keys.length]) found.push(...slots(records.splice(0, size)));
          expect(found).toEqual(expected);
          expect(counts['keys.evicted'] ?? 0).toBe(evicted);
          expect(state.slotsUsed).toBe(model.size);
        },
      ),
      { numRuns: runs },
    );
  });

  test('and its record is blank for the next key', () => {
    const { state, slots } = keyedBy('int32', { keysMax: 1 });
    const table = state.table('test', 2, 1);
    const [first] = slots([{ int32: 1 }]);
    table.values[table.open(first!) * 2 + 1] = 5;
    table.counters[0] = 7;
    const [known, fresh] = slots([{ int32: 1 }, { int32: 2 }]);
    expect(table.values[table.open(known!) * 2 + 1]).toBe(5);
    table.open(fresh!);
    expect([...table.values.subarray(0, 2), table.counters[0]]).toEqual([0, 0, 0]);
  });

  // 10 million distinct keys at night, 300,000 otherwise: a key that stayed would take 100 bytes.
  test.each(['category', 'text'])(
    'so that distinct keys of kind %s do not grow memory',
    (kind) => {
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc') as () => void;
      const { slots, state, counts } = keyedBy(kind, { keysMax: 1_000 });
      const table = state.table('test', 4, 2);
      const total = nightly ? 10_000_000 : 300_000;
      const send = (from: number, to: number): void => {
        for (let key = from; key < to; key += 1_000) {
          slots(Array.from({ length: 1_000 }, (_, at) => ({ [kind]: `key ${key + at}` })));
        }
        collect();
      };
      send(0, 100_000);
      const before = process.memoryUsage().heapUsed;
      send(100_000, total);
      const grown = process.memoryUsage().heapUsed - before;
      expect(grown).toBeLessThan(15e6);
      expect(state.slotsUsed).toBe(1_000);
      expect(table.values.length).toBeLessThan(3 * 4 * 1_000);
      expect(counts['keys.evicted']).toBe(total - 1_000);
    },
    600_000,
  );
});

describe('a snapshot', () => {
  const value = {
    category: fc.option(fc.string({ unit: 'binary', maxLength: 3 })),
    text: fc.option(fc.string({ unit: 'grapheme', maxLength: 2 })),
    int32: fc.option(fc.integer({ min: -3, max: 3 })),
    int64: fc.option(fc.constantFrom(-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n)),
    float64: fc.option(fc.constantFrom(NaN, Infinity, -Infinity, -0, 0, 0.1, 1e300)),
    bool: fc.option(fc.boolean()),
  };

  test('is JSON from which another goes on as the first would have', () => {
    const record = fc.record(value);
    const kinds = Object.keys(value);
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 60 }),
        fc.array(record, { maxLength: 60 }),
        fc.subarray(kinds, { minLength: 1, maxLength: 2 }),
        fc.integer({ min: 1, max: 12 }),
        (before, after, by, keysMax) => {
          const first = keyedBy(by, { keysMax });
          const table = first.state.table('seen', 1, 1);
          const count = ({ state }: typeof first, found: number[]): number[] =>
            found.map((slot) => {
              const seen = tables.get(state)!;
              return ++seen.values[seen.open(slot)]!;
            });
          const tables = new Map([[first.state, table]]);
          count(first, first.slots(before));
          const saved = JSON.parse(JSON.stringify(first.state.snapshot())) as JsonValue;
          const second = keyedBy(by, { keysMax });
          tables.set(second.state, second.state.table('seen', 1, 1));
          second.state.restore(saved);
          expect(second.slots(after)).toEqual(first.slots(after));
          const found = first.slots(after);
          expect(count(second, second.slots(after))).toEqual(count(first, found));
          expect(second.state.snapshot()).toEqual(first.state.snapshot());
        },
      ),
      { numRuns: runs },
    );
  });

  test('holds values, never codes', () => {
    const { state, slots } = keyedBy('category');
    slots([{ category: 'boiler' }, { category: null }]);
    expect(state.snapshot()).toMatchObject({ by: ['category'], keys: ['boiler', null] });
    expect([state.keyAt(0), state.keyAt(1)]).toEqual(['boiler', null]);
  });

  const good = (): Record<string, JsonValue> => {
    const { state, slots } = keyedBy('int32');
    state.table('mean/3', 3, 1);
    slots([{ int32: 1 }, { int32: 2 }]);
    return state.snapshot() as Record<string, JsonValue>;
  };
  test.each<[string, JsonValue]>([
    ['nothing', null],
    ['text', 'state'],
    ['a list', []],
    ['of another field', { ...good(), by: ['int64'] }],
    ['of another kind', { ...good(), kinds: ['text'] }],
    ['of other tables', { ...good(), tables: {} }],
    ['with keys of another type', { ...good(), keys: [1, '2'] }],
    ['with a key that is a list', { ...good(), keys: [1, [2]] }],
    ['with a key twice', { ...good(), keys: [1, 1] }],
    ['with fewer keys than records', { ...good(), keys: [1] }],
    [
      'with more keys than are allowed',
      { ...good(), keys: Array.from({ length: 101 }, (_, at) => at) },
    ],
    [
      'with records of another width',
      {
        ...good(),
        tables: { ...(good()['tables'] as object), 'mean/3': { values: '', counters: '' } },
      },
    ],
    [
      'with a record that is none',
      { ...good(), tables: { ...(good()['tables'] as object), 'mean/3': 5 } },
    ],
  ])('that is %s is refused', (_name, saved) => {
    const { state } = keyedBy('int32');
    state.table('mean/3', 3, 1);
    expect(() => state.restore(saved)).toThrow(
      expect.objectContaining({ code: 'ERR_SNAPSHOT_INVALID' }),
    );
    expect(() => state.restore(good())).not.toThrow();
  });
});

test('a field that does not exist, or cannot be a key, is refused', () => {
  expect(() => keyedBy('sensor')).toThrow(
    /field `sensor` does not exist here; fields: category, text/,
  );
  expect(() => keyedBy(['text', 'json'])).toThrow(/state cannot be kept by `json`, which is json/);
});
