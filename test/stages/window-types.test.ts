import { expectTypeOf, test } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import { window } from '../../src/stages/window.ts';
import { memorySource } from '../../src/connectors/memory.ts';
import { testPipeline } from '../engine/ends.ts';

const readings = schema({
  sensorId: 'category',
  timestamp: 'timestamp',
  value: 'float64',
  quality: 'float64?',
  count: 'int32',
  note: 'text?',
});
const source = memorySource({ schema: readings, rows: [] });
const from = () => testPipeline().from(source, { eventTime: { field: 'timestamp', lateMs: 10 } });

test('what a window gives is known from its options', () => {
  const given = from().pipe(
    window({
      time: 'timestamp',
      every: '1m',
      by: ['sensorId', 'note'],
      compute: {
        readings: 'count()',
        known: 'count(quality)',
        avg: 'mean(value)',
        best: 'max(quality)',
        p99: 'p99.9(count)',
      },
    }),
  ).fields;
  expectTypeOf(given).toEqualTypeOf<{
    readonly sensorId: 'category';
    readonly note: 'text?';
    readonly start: 'timestamp';
    readonly end: 'timestamp';
    readonly readings: 'float64';
    readonly known: 'float64';
    readonly avg: 'float64';
    readonly best: 'float64?';
    readonly p99: 'float64';
    readonly partial: 'bool';
  }>();
  const all = from().pipe(window({ time: 'timestamp', gap: '30s', compute: { n: 'count()' } }));
  expectTypeOf(all.fields).toEqualTypeOf<{
    readonly start: 'timestamp';
    readonly end: 'timestamp';
    readonly n: 'float64';
    readonly partial: 'bool';
  }>();
});

test('a later stage sees these fields, and no others', () => {
  void (() =>
    from().pipe(
      window({ time: 'timestamp', every: '1s', by: 'sensorId', compute: { n: 'count()' } }),
      window({ time: 'start', every: '1h', by: 'sensorId', compute: { n: 'sum(n)' } }),
      // @ts-expect-error the value itself went into the window
      window({ time: 'start', every: '1h', compute: { high: 'max(value)' } }),
    ));
});

test('what cannot be is refused by the compiler', () => {
  const compute = { n: 'count()' } as const;
  void (() => [
    // @ts-expect-error a number says when
    from().pipe(window({ time: 'value', every: '1m', compute })),
    // @ts-expect-error no such field
    from().pipe(window({ time: 'timestamp', every: '1m', compute: { avg: 'mean(valeu)' } })),
    // @ts-expect-error a text is no number
    from().pipe(window({ time: 'timestamp', every: '1m', compute: { avg: 'mean(note)' } })),
    // @ts-expect-error no such computation
    from().pipe(window({ time: 'timestamp', every: '1m', compute: { avg: 'avg(value)' } })),
    // @ts-expect-error no such key
    from().pipe(window({ time: 'timestamp', every: '1m', by: 'sensor', compute })),
    // @ts-expect-error no such unit
    from().pipe(window({ time: 'timestamp', every: '1 minute', compute })),
    // @ts-expect-error the source has no timestamp of that name
    testPipeline().from(source, { eventTime: { field: 'value' } }),
  ]);
});
