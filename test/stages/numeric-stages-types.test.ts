import { expect, expectTypeOf, test } from 'vitest';

import { type Fields, type RecordOf, type Schema, schema } from '../../src/batch/index.ts';
import type { StageComponent } from '../../src/core/index.ts';
import { dedupe } from '../../src/stages/dedupe.ts';
import { detectAnomalies } from '../../src/stages/detect-anomalies.ts';
import { features } from '../../src/stages/features.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';
import { normalize } from '../../src/stages/normalize.ts';
import { threshold } from '../../src/stages/threshold.ts';

const readings = schema({
  sensorId: 'category',
  timestamp: 'timestamp',
  value: 'float64',
  quality: 'float64?',
  count: 'int32',
  note: 'text?',
  raw: 'bytes',
});

/** Stands for the builder's `pipe`: the types flow from the schema through the stage. */
function after<F extends Fields, G extends Fields>(
  _schema: Schema<F>,
  stage: StageComponent<F, G>,
): RecordOf<G> {
  expect(stage.kind).toBe('stage');
  return {} as never;
}

test('a later stage sees the fields that these stages add, with their nullability', () => {
  const averaged = after(readings, movingAverage({ field: 'value', window: 3, by: 'sensorId' }));
  expectTypeOf(averaged.valueAvg).toEqualTypeOf<number>();
  const named = after(
    readings,
    movingAverage({ field: 'quality', window: 3, by: ['sensorId', 'count'], into: 'smooth' }),
  );
  expectTypeOf(named.smooth).toEqualTypeOf<number | null>();
  expectTypeOf(named.sensorId).toEqualTypeOf<string>();

  const scaled = after(readings, normalize({ field: 'count', min: 0, max: 10, into: 'scaled' }));
  expectTypeOf(scaled.scaled).toEqualTypeOf<number>();
  const inPlace = after(readings, normalize({ field: 'quality', method: 'z-score' }));
  expectTypeOf(inPlace.quality).toEqualTypeOf<number | null>();

  const described = after(
    readings,
    features({
      field: 'value',
      features: ['mean', 'std-dev', 'rate-of-change'],
      time: 'timestamp',
    }),
  );
  expectTypeOf(described.valueMean).toEqualTypeOf<number>();
  expectTypeOf(described.valueStdDev).toEqualTypeOf<number>();
  expectTypeOf(described.valueRateOfChange).toEqualTypeOf<number>();
  // @ts-expect-error `ema` was not asked for
  void (() => described.valueEma);
  const prefixed = after(readings, features({ field: 'quality', features: ['min'], prefix: 'q' }));
  expectTypeOf(prefixed.qMin).toEqualTypeOf<number | null>();

  const judged = after(readings, detectAnomalies({ field: 'value', by: 'sensorId' }));
  expectTypeOf(judged.anomaly).toEqualTypeOf<boolean>();
  expectTypeOf(judged.anomalyScore).toEqualTypeOf<number>();
  expectTypeOf(judged.anomalyReason).toEqualTypeOf<string | null>();
  const odd = after(readings, detectAnomalies({ field: 'value', into: 'odd' }));
  expectTypeOf(odd.oddReason).toEqualTypeOf<string | null>();
});

test('a wrong field is a compile error', () => {
  // @ts-expect-error no such field
  after(readings, threshold({ field: 'vlaue', min: 1 }));
  // @ts-expect-error text is no number
  after(readings, movingAverage({ field: 'note', window: 3 }));
  // @ts-expect-error bytes are no key
  after(readings, movingAverage({ field: 'value', window: 3, by: 'raw' }));
  // @ts-expect-error no such key
  after(readings, dedupe({ by: ['sensorid'] }));
  // @ts-expect-error no such feature
  after(readings, features({ field: 'value', features: ['median'] }));
  // @ts-expect-error not a timestamp
  after(readings, features({ field: 'value', features: ['slope'], time: 'value' }));
  // @ts-expect-error no such method
  after(readings, normalize({ field: 'value', method: 'minmax' }));
});
