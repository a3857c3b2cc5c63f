import { type RecordOf, schema } from '../../src/batch/index.ts';
import type { StageComponent } from '../../src/core/index.ts';
import {
  branch,
  cast,
  dedupe,
  derive,
  detectAnomalies,
  features,
  filter,
  flatMap,
  float64,
  int32,
  map,
  mapAsync,
  merge,
  movingAverage,
  normalize,
  rename,
  sample,
  select,
  tap,
  threshold,
} from '../../src/stages/index.ts';
import type { StageCase } from '../../src/testing/index.ts';

const readings = schema({
  sensorId: 'category',
  time: 'timestamp',
  value: 'float64?',
  count: 'int32?',
  label: 'text?',
});

type Readings = (typeof readings)['shape'];
type Reading = RecordOf<Readings>;

const records: readonly Reading[] = Array.from({ length: 48 }, (_, at) => ({
  sensorId: ['a', 'b', 'c'][at % 3]!,
  time: 1_700_000_000_000 + at * 1000,
  value: at % 11 === 5 ? Number.NaN : Math.round(1000 * Math.sin(at)) / 10,
  count: at % 7 === 3 ? null : at % 9,
  label: at % 13 === 1 ? null : `label ${at % 4}`,
}));

const poison: Reading = { ...records[0]!, label: 'poison' };

/** A case over the readings; other kinds of input are written out. */
function of(
  name: string,
  component: StageComponent<Readings>,
  more: Partial<StageCase<Readings>> = {},
): StageCase {
  return { name, component, input: readings, records, ...more } as unknown as StageCase;
}

function fails<T>(record: { readonly label: string | null }, value: T): T {
  if (record.label === 'poison') throw new Error('a poison row');
  return value;
}

export const stageCases: Readonly<Record<string, readonly StageCase[]>> = {
  branch: [
    of('by conditions', branch({ routes: { hot: 'value > 50', cold: 'value < -50' } })),
    of('with the rest', branch({ routes: { a: "sensorId == 'a'" }, otherwise: 'rest' })),
    of(
      'to all that match',
      branch({
        routes: { some: (r) => fails(r, r.count !== null), many: 'count > 4' },
        otherwise: 'none',
        mode: 'all',
      }),
      { poison },
    ),
  ],
  cast: [
    of('numbers', cast({ fields: { count: 'float64', time: 'float64' } })),
    of('to text', cast({ fields: { label: 'category', sensorId: 'text' } })),
    of('what cannot be', cast({ fields: { label: 'float64' }, onError: 'null' })),
    of('or the row', cast({ fields: { value: 'int32' } })),
  ],
  dedupe: [
    of('by one field', dedupe({ by: 'label' })),
    of('near in time', dedupe({ by: ['sensorId', 'label'], withinMs: 5000, time: 'time' })),
    of('with few keys', dedupe({ by: 'count', keysMax: 3 })),
  ],
  derive: [
    of('by a function', derive({ half: float64.nullable((r) => fails(r, r.value)) }), { poison }),
    of('by an expression', derive({ two: float64.nullable('value * 2'), count: int32('7') })),
  ],
  'detect-anomalies': [
    of('by default', detectAnomalies({ field: 'value' })),
    of(
      'by all detectors',
      detectAnomalies({
        field: 'value',
        by: 'sensorId',
        detectors: {
          robustZ: { window: 5 },
          ewma: { baseline: 4 },
          stuck: { countMax: 2 },
          range: { min: -90, max: 90 },
          silent: { time: 'time', afterMs: 2500 },
        },
      }),
    ),
  ],
  features: [
    of(
      'all of them',
      features({
        field: 'value',
        features: ['mean', 'std-dev', 'min', 'max', 'slope', 'rate-of-change', 'ema'],
        window: 5,
        by: 'sensorId',
      }),
    ),
    of('over time', features({ field: 'count', features: ['slope', 'ema'], time: 'time' })),
  ],
  filter: [
    of('by an expression', filter("value > 20 && sensorId != 'b'")),
    of(
      'by a function',
      filter((r) => fails(r, r.count !== null && r.count > 3)),
      { poison },
    ),
  ],
  'flat-map': [
    of(
      'none to three',
      flatMap(schema({ sensorId: 'category', part: 'int32', label: 'text?' }), (r) =>
        fails(
          r,
          Array.from({ length: (r.count ?? 0) % 4 }, (_, part) => ({
            sensorId: r.sensorId,
            part,
            label: r.label,
          })),
        ),
      ),
      { poison },
    ),
  ],
  map: [
    of(
      'to another schema',
      map(schema({ id: 'text', value: 'float64?' }), (r) =>
        fails(r, { id: `${r.sensorId}-${r.time}`, value: r.value }),
      ),
      { poison },
    ),
  ],
  'map-async': [
    of(
      'in order',
      mapAsync({
        map: async (r) => {
          for (let turn = 0; turn < (r.count ?? 3); turn++) await Promise.resolve();
          return fails(r, { ...r, value: 1 });
        },
        concurrency: 4,
      }),
      { poison },
    ),
    of(
      'in any order',
      mapAsync({
        map: (r) => Promise.resolve({ label: r.label }),
        schema: schema({ label: 'text?' }),
        ordered: false,
      }),
      { order: 'any' },
    ),
  ],
  merge: [of('of one', merge())],
  'moving-average': [
    of('of all', movingAverage({ field: 'value', window: 4, into: 'avg' })),
    of('by sensor', movingAverage({ field: 'count', window: 3, by: 'sensorId' })),
    of('with few keys', movingAverage({ field: 'value', window: 3, by: 'label', keysMax: 2 })),
  ],
  normalize: [
    of('by bounds', normalize({ field: 'value', min: -100, max: 100, into: 'share' })),
    of('by its last values', normalize({ field: 'value', window: 6, by: 'sensorId' })),
    of('by z-score', normalize({ field: 'count', method: 'z-score', window: 8 })),
  ],
  rename: [of('two', rename({ fields: { value: 'celsius', label: 'name' } }))],
  sample: [
    of('every third', sample({ every: 3 })),
    of('every second of a key', sample({ every: 2, by: 'label' })),
    of('a share', sample({ rate: 0.5 })),
  ],
  select: [of('some', select({ fields: ['label', 'value'] }))],
  tap: [
    of(
      'each',
      tap((r) => fails(r, undefined)),
      { poison },
    ),
  ],
  threshold: [
    of('within', threshold({ field: 'value', min: -50, max: 50 })),
    of('above', threshold({ field: 'count', min: 4 })),
  ],
};
