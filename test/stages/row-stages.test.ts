import { describe, expect, test } from 'vitest';

import { Batch, schema, Selection } from '../../src/batch/index.ts';
import type { StageComponent } from '../../src/core/index.ts';
import {
  branch,
  cast,
  derive,
  filter,
  flatMap,
  float64,
  map,
  mapAsync,
  merge,
  rename,
  sample,
  select,
  tap,
} from '../../src/stages/index.ts';
import { createStage } from '../../src/testing/stage.ts';
import {
  balanceOf,
  type Reading,
  readings,
  readingsFrom,
  rowsThrough,
  selecting,
} from './readings.ts';

// What every stage that runs functions or reshapes rows must do, each in one form that keeps rows
// apart by `value`.
type Fields = (typeof readings)['shape'];
const valueOnly = schema({ value: 'float64' });

function poisonous<R>(compute: (row: Reading) => R): (row: Reading) => R {
  return (row) => {
    if (row.value === 2022) throw new Error('poison');
    return compute(row);
  };
}

interface Case {
  /** A stage that lets every row on. */
  readonly stage: StageComponent<Fields>;
  /** The same with a function that throws on the row 2022, where it takes functions. */
  readonly poisoned?: StageComponent<Fields>;
}

const cases: Readonly<Record<string, Case>> = {
  'filter by expression': { stage: filter<Fields>('value >= 0') },
  'filter by function': {
    stage: filter<Fields>((r) => r.value >= 0),
    poisoned: filter<Fields>(poisonous((r) => r.value >= 0)),
  },
  'derive by expression': {
    stage: derive<Fields, { twice: 'float64?'; label: 'text?' }>({
      twice: { kind: 'float64?', value: 'quality * 2' },
      label: { kind: 'text?', value: 'upper(note)' },
    }),
  },
  'derive by function': {
    stage: derive<Fields, { twice: 'float64' }>({ twice: float64((r) => r.value * 2) }),
    poisoned: derive<Fields, { twice: 'float64' }>({
      twice: float64<Fields>(poisonous((r) => r.value * 2)),
    }),
  },
  'derive text': {
    stage: derive<Fields, { label: 'text?' }>({ label: { kind: 'text?', value: (r) => r.note } }),
    poisoned: derive<Fields, { label: 'text?' }>({
      label: { kind: 'text?', value: poisonous((r) => r.note) },
    }),
  },
  map: {
    stage: map<Fields, { value: 'float64' }>(valueOnly, (r) => ({ value: r.value })),
    poisoned: map<Fields, { value: 'float64' }>(
      valueOnly,
      poisonous((r) => ({ value: r.value })),
    ),
  },
  'flat-map': {
    stage: flatMap<Fields, { value: 'float64' }>(valueOnly, (r) => [{ value: r.value }]),
    poisoned: flatMap<Fields, { value: 'float64' }>(
      valueOnly,
      poisonous((r) => [{ value: r.value }]),
    ),
  },
  'map-async': {
    stage: mapAsync<Fields>({ map: async (r) => r }),
    poisoned: mapAsync<Fields>({ map: async (r) => poisonous((row) => row)(r) }),
  },
  'map-async, unordered': {
    stage: mapAsync<Fields>({ map: (r) => r, ordered: false, concurrency: 3 }),
    poisoned: mapAsync<Fields>({ map: poisonous((r) => r), ordered: false, concurrency: 3 }),
  },
  select: { stage: select<Fields, 'value' | 'note'>({ fields: ['note', 'value'] }) },
  rename: { stage: rename<Fields, { readonly note: 'remark' }>({ fields: { note: 'remark' } }) },
  cast: { stage: cast<Fields, { readonly flags: 'float64' }>({ fields: { flags: 'float64' } }) },
  tap: {
    stage: tap<Fields>(() => {}),
    poisoned: tap<Fields>(poisonous(() => {})),
  },
  'sample every': { stage: sample<Fields>({ every: 1, by: 'sensorId' }) },
  'sample rate': { stage: sample<Fields>({ rate: 1 }) },
  'branch by expression': { stage: branch<Fields>({ routes: { any: 'value >= 0' } }) },
  'branch by function': {
    stage: branch<Fields>({ routes: { any: (r) => r.value >= 0 } }),
    poisoned: branch<Fields>({ routes: { any: poisonous((r) => r.value >= 0) } }),
  },
  merge: { stage: merge<Fields>() },
};

const withPoison = Object.entries(cases).flatMap(([name, { poisoned }]) =>
  poisoned === undefined ? [] : [[name, poisoned] as const],
);

describe.each(Object.entries(cases))('%s', (_name, { stage: component }) => {
  test('an empty batch', async () => {
    const stage = createStage(component, readings);
    const rows = await rowsThrough(
      stage,
      Batch.from([], readings),
      selecting(readingsFrom(0, 3), []),
    );
    expect(rows).toEqual([]);
    expect(stage.tally.dead).toBe(0);
  });

  test('rows that do not count have no part in it', async () => {
    const stage = createStage(component, readings);
    const chosen = [1, 2, 9, 4000];
    const rows = await rowsThrough(stage, selecting(readingsFrom(0, 4096), chosen));
    expect(rows.map(({ value }) => value)).toEqual(chosen);
    const whole = createStage(component, readings);
    const all = readingsFrom(0, 4096);
    const alone = await whole.rows(chosen.map((at) => ({ ...all[at]! })));
    expect(rows).toEqual(alone);
    const balance = balanceOf(stage, 4, rows.length);
    expect(balance.made).toBe(balance.gone);
  });

  test('several batches, the last a small one', async () => {
    const stage = createStage(component, readings);
    const batches = [0, 4096, 8192].map((first) => Batch.from(readingsFrom(first, 4096), readings));
    batches.push(Batch.from(readingsFrom(12_288, 3), readings));
    const rows = await rowsThrough(stage, ...batches);
    expect(rows.map(({ value }) => value)).toEqual(
      readingsFrom(0, 12_291).map(({ value }) => value),
    );
  });

  test('the input is as it was, and nothing holds on to it', async () => {
    const stage = createStage(component, readings);
    const records = readingsFrom(0, 50);
    const batch = Batch.from(records, readings).retain();
    const made = await stage.run([batch]);
    expect(batch.toRows()).toEqual(records);
    for (const flow of made) if (flow instanceof Batch) flow.release();
    expect(batch.holders).toBe(1);
  });

  test('where rows came from stays with them', async () => {
    const stage = createStage(component, readings);
    const batch = Batch.from(readingsFrom(0, 9), readings, {
      source: 'here',
      partition: 'p',
      position: 100,
    });
    const [made] = await stage.run([batch.select(new Selection(Uint32Array.of(4, 8), 2))]);
    const { origin, rows } = made as Batch;
    expect([origin.source, origin.partition]).toEqual(['here', 'p']);
    expect([origin.position(rows[0]!), origin.position(rows[1]!)]).toEqual([104, 108]);
  });
});

test.each(withPoison)('one poison row among 4,096: %s', async (_name, poisoned) => {
  const stage = createStage(poisoned, readings);
  const batches = [0, 4096].map((first) =>
    Batch.from(readingsFrom(first, 4096), readings).retain(),
  );
  const made = (await stage.run(batches)) as Batch[];
  const rows = made.flatMap((batch) => batch.toRows()) as Record<string, unknown>[];
  for (const batch of made) batch.release();
  // Nothing holds on to the input or to its columns.
  expect(batches.map(({ holders }) => holders)).toEqual([1, 1]);
  expect(batches.flatMap(({ columns }) => columns.map(({ holders }) => holders))).toEqual(
    Array(2 * readings.fields.length).fill(1),
  );
  const values = readingsFrom(0, 8192).map(({ value }) => value);
  expect(rows.map(({ value }) => value)).toEqual(values.filter((value) => value !== 2022));
  expect(stage.tally.failures).toMatchObject([
    { position: 2022, reason: 'row.threw', message: 'poison', record: { value: 2022 } },
  ]);
  const balance = balanceOf(stage, 8192, rows.length);
  expect(balance.made).toBe(balance.gone);
});

test.each(withPoison)('every row poisoned: %s', async (_name, poisoned) => {
  const stage = createStage(poisoned, readings);
  const batch = Batch.from(
    Array.from({ length: 20 }, () => readingsFrom(2022, 1)[0]!),
    readings,
  );
  expect(await rowsThrough(stage, batch)).toEqual([]);
  expect(stage.tally.dead).toBe(20);
  expect(stage.tally.droppedRows).toBe(0);
});
