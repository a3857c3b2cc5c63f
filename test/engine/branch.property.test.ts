import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Fields } from '../../src/batch/index.ts';
import type { StageComponent } from '../../src/core/index.ts';
import type { PipelineFlow } from '../../src/engine/index.ts';
import { branch } from '../../src/stages/branch.ts';
import { derive, float64 } from '../../src/stages/derive.ts';
import { filter } from '../../src/stages/filter.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { normalize } from '../../src/stages/normalize.ts';
import { threshold } from '../../src/stages/threshold.ts';
import {
  type Reading,
  reading,
  readings,
  scriptedSink,
  scriptedSource,
  testPipeline,
} from './ends.ts';

type Step = StageComponent<(typeof readings)['shape']>;

/** Stages that write a new column in the place of `value`, or select rows. */
const steps: Record<string, () => Step> = {
  average: () => movingAverage({ field: 'value', window: 3, by: 'sensorId', into: 'value' }),
  normalize: () => normalize({ field: 'value', min: 0, max: 50 }),
  negate: () => derive({ value: float64((row) => -row.value) }),
  low: () => threshold({ field: 'value', max: 40 }),
  positive: () => filter((row) => row.value >= 0),
};

const rows = fc.array(
  fc.record({
    sensorId: fc.constantFrom('a', 'b', 'c'),
    value: fc.integer({ min: -100, max: 100 }),
  }),
  { maxLength: 60 },
);
const chain = fc.array(fc.constantFrom(...Object.keys(steps)), { maxLength: 4 });

interface Routed {
  readonly limit: number;
  /** Each reader of the route, as the stages it passes. */
  readonly readers: readonly (readonly string[])[];
}

const routes = fc.array(
  fc.record({
    limit: fc.integer({ min: -100, max: 100 }),
    readers: fc.array(chain, { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 3 },
);

function through(flow: PipelineFlow<Fields>, chained: readonly string[]): PipelineFlow<Fields> {
  return chained.reduce(
    (before, name) => before.pipe(steps[name]!() as unknown as StageComponent<Fields, Fields>),
    flow,
  );
}

function batchesOf(records: readonly Reading[], size: number): Reading[][] {
  const batches: Reading[][] = [];
  for (let at = 0; at < records.length; at += size) batches.push(records.slice(at, at + size));
  return batches.map((batch) => batch.map(({ value, sensorId }) => reading(value, sensorId)));
}

/** One graph whose readers share columns. */
async function branched(
  records: Reading[],
  size: number,
  all: readonly Routed[],
): Promise<unknown> {
  const builder = testPipeline();
  const source = scriptedSource({ schema: readings, batches: batchesOf(records, size) });
  const split = builder.from(source).pipe(
    branch({
      routes: Object.fromEntries(all.map(({ limit }, at) => [`r${at}`, `value >= ${limit}`])),
      mode: 'all',
    }),
  );
  const taken = all.map(({ readers }, at) =>
    readers.map((chained) => {
      const sink: Record<string, unknown>[] = [];
      through(split.output(`r${at}`), chained).to(scriptedSink({ rows: sink }));
      return sink;
    }),
  );
  await builder.run();
  return taken;
}

/** Each reader as a pipeline of its own, on its own copy of the rows. */
async function copied(records: Reading[], size: number, all: readonly Routed[]): Promise<unknown> {
  return Promise.all(
    all.map(({ limit, readers }) =>
      Promise.all(
        readers.map(async (chained) => {
          const sink: Record<string, unknown>[] = [];
          const source = scriptedSource({ schema: readings, batches: batchesOf(records, size) });
          const kept = testPipeline()
            .from(source)
            .pipe(filter((row) => row.value >= limit));
          await through(kept as PipelineFlow<Fields>, chained)
            .to(scriptedSink({ rows: sink }))
            .run();
          return sink;
        }),
      ),
    ),
  );
}

// 2,000 graphs a night, 150 in the suite.
const runs = process.env['MILLRACE_NIGHTLY'] ? 2_000 : 150;

test(
  'a graph with branches gives what pipelines on deep copies give',
  { timeout: 300_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.integer({ min: 1, max: 20 }),
        routes,
        async (records, size, all) => {
          expect(await branched(records, size, all)).toEqual(await copied(records, size, all));
        },
      ),
      { numRuns: runs },
    );
  },
);
