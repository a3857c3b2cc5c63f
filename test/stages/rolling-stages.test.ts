import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Batch, type Fields, type JsonValue, schema, Selection } from '../../src/batch/index.ts';
import { isCut, type StageComponent } from '../../src/core/index.ts';
import { dedupe } from '../../src/stages/dedupe.ts';
import { detectAnomalies } from '../../src/stages/detect-anomalies.ts';
import { features } from '../../src/stages/features.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { normalize } from '../../src/stages/normalize.ts';
import { createStage, type TestedStage } from '../../src/testing/stage.ts';

// 20,000 runs at night.
const runs = process.env['MILLRACE_NIGHTLY'] === undefined ? 80 : 20_000;

const input = schema({
  key: 'category?',
  id: 'text',
  at: 'timestamp?',
  value: 'float64?',
  n: 'int32',
});
type Input = typeof input.shape;

const record = fc.record({
  key: fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e')),
  id: fc.constantFrom('x', 'y', 'z'),
  at: fc.option(fc.integer({ min: 0, max: 5000 }), { freq: 10 }),
  value: fc.option(
    fc.oneof(
      { weight: 8, arbitrary: fc.double({ min: -1e3, max: 1e3, noNaN: true }) },
      { weight: 2, arbitrary: fc.constantFrom(0, -0, 1, NaN, Infinity, -Infinity, 1e300) },
    ),
    { freq: 8 },
  ),
  n: fc.integer({ min: -2, max: 2 }),
});

const every = ['mean', 'std-dev', 'min', 'max', 'slope', 'rate-of-change', 'ema'] as const;
const stages: Record<string, (window: number, keysMax: number) => StageComponent<Input, Fields>> = {
  'moving-average': (window, keysMax) =>
    movingAverage({ field: 'value', window, by: 'key', keysMax }),
  'moving-average un-keyed': (window) => movingAverage({ field: 'value', window }),
  'normalize min-max': (window, keysMax) =>
    normalize({ field: 'value', window, by: ['key', 'id'], keysMax }),
  'normalize z-score': (window, keysMax) =>
    normalize({ field: 'n', method: 'z-score', window, by: 'id', keysMax }),
  features: (window, keysMax) =>
    features({ field: 'value', features: every, window, by: 'key', time: 'at', keysMax }),
  'features un-keyed': (window) => features({ field: 'value', features: every, window }),
  'detect-anomalies': (window, keysMax) =>
    detectAnomalies({
      field: 'value',
      by: 'key',
      keysMax,
      detectors: {
        robustZ: { window: window + 1 },
        ewma: { baseline: window + 1 },
        stuck: { countMax: 1 },
        range: { min: 0 },
        silent: { time: 'at', afterMs: 1000 },
      },
    }),
  dedupe: (_window, keysMax) => dedupe({ by: ['key', 'n'], withinMs: 700, time: 'at', keysMax }),
};

async function through(stage: TestedStage, batches: readonly Batch[]): Promise<object[]> {
  const flows = await stage.run(batches);
  return flows.flatMap((flow) => (isCut(flow) ? [] : flow.toRows()));
}

test.each(Object.keys(stages))(
  '%s gives the same bits wherever batches end, whatever is not selected, and from a snapshot',
  async (name) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 15 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(60),
        async (records, sizes, window, keysMax, cut) => {
          const create = (state?: JsonValue): TestedStage =>
            createStage(
              stages[name]!(window, keysMax),
              input,
              state === undefined ? {} : { state },
            );
          const whole = await through(create(), [Batch.from(records, input)]);

          const rest = [...records];
          const pieces = [...sizes, 60].map((size) => Batch.from(rest.splice(0, size), input));
          expect(await through(create(), pieces)).toStrictEqual(whole);

          // Each record stands behind one that does not count.
          const stored = records.flatMap((one, at) => [
            records[(at * 7 + 3) % records.length]!,
            one,
          ]);
          const rows = Uint32Array.from(records, (_, at) => 2 * at + 1);
          const selected = Batch.from(stored, input).select(new Selection(rows, rows.length));
          expect(await through(create(), [selected])).toStrictEqual(whole);

          const before = create();
          const first = await through(before, [Batch.from(records.slice(0, cut), input)]);
          const saved = JSON.parse(JSON.stringify(before.snapshot())) as JsonValue;
          const after = create(saved);
          const second = await through(after, [Batch.from(records.slice(cut), input)]);
          expect([...first, ...second]).toStrictEqual(whole);
        },
      ),
      { numRuns: runs },
    );
  },
);
