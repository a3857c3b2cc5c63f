import { performance } from 'node:perf_hooks';

import {
  Batch,
  CategoryColumn,
  Dictionary,
  FixedColumn,
  Origin,
  schema,
  type Values,
} from '../src/batch/index.ts';
import { DataSampler } from '../src/observe/data-sampler.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';

const microsecondsMax = 5;

/** What it costs to keep the numbers that come to a sink, while a run is served. */
export const observeData: readonly Measure[] = [
  {
    id: 'observe.data',
    title: 'a batch of 4,096 rows of 100 sensors with 8 number fields, looked at for charts',
    peer: 'the limit',
    unit: 'µs',
    target: { within: 1 },
    run: measureData,
  },
];

const rows = 4096;
const names = Array.from({ length: 7 }, (_, at) => `n${at}`);
const numbers = schema({
  ...Object.fromEntries(names.map((name) => [name, 'float64' as const])),
  count: 'int64',
  odd: 'bool',
  sensor: 'category',
});
const dictionary = new Dictionary();
const codes = Int32Array.from({ length: rows }, (_, at) =>
  dictionary.code(`sensor ${(at * 31) % 100}`),
);

/** Of which four rows stand out in every tenth batch. */
function batchOf(isOdd: boolean): Batch {
  const values: Values[] = names.map((_, field) =>
    Float64Array.from({ length: rows }, (__, at) => Math.sin(at + field)),
  );
  const columns = values.map((column) => new FixedColumn('float64', column));
  const counts = new FixedColumn(
    'int64',
    BigInt64Array.from({ length: rows }, (_, at) => BigInt(at)),
  );
  const flags = new FixedColumn('bool', new Uint8Array(rows));
  if (isOdd) flags.values.fill(1, 2000, 2004);
  const sensors = new CategoryColumn(codes, dictionary);
  return new Batch(numbers, [...columns, counts, flags, sensors], rows, new Origin('bench', '', 0));
}

async function measureData({ quick }: Setting): Promise<Samples> {
  const flags = [{ flag: 'odd', field: 'n0' }];
  const sampler = new DataSampler([{ id: 'sink', schema: numbers, flags }]);
  const [plain, odd] = [batchOf(false), batchOf(true)];
  const ours: number[] = [];
  const [warmups, rounds, count] = quick ? [1, 3, 100] : [5, 31, 20_000];
  let nowMs = 0;
  for (let round = -warmups; round < rounds; round++) {
    const start = performance.now();
    for (let at = 0; at < count; at++)
      sampler.take('sink', at % 10 === 0 ? odd : plain, (nowMs += 5));
    if (round >= 0) ours.push(((performance.now() - start) * 1000) / count);
  }
  return { ours, peer: [microsecondsMax] };
}
