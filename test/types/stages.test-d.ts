// Compiled, never run: a later stage sees the fields an earlier one added, and a wrong name or type
// is a compile error.
import { type RecordOf, schema } from '../../src/batch/index.ts';
import type { PipelineFlow } from '../../src/engine/builder.ts';
import {
  branch,
  cast,
  category,
  derive,
  filter,
  flatMap,
  float64,
  int64,
  map,
  mapAsync,
  merge,
  rename,
  sample,
  select,
  tap,
} from '../../src/stages/index.ts';

interface Readings {
  readonly [name: string]: 'category' | 'timestamp' | 'float64' | 'float64?' | 'int64';
  readonly sensorId: 'category';
  readonly timestamp: 'timestamp';
  readonly value: 'float64';
  readonly quality: 'float64?';
  readonly serial: 'int64';
}

// Without the index signature: only the named fields exist.
type Fields = {
  readonly [N in keyof Readings as string extends N ? never : N]: Readings[N];
};

declare const readings: PipelineFlow<Fields>;
type FieldsOf<P> = P extends PipelineFlow<infer F> ? F : never;
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<T extends true>(): T | undefined {
  return undefined;
}

// filter
readings.pipe(filter((r) => r.value > 50 && r.sensorId === 'a' && r.serial > 5n));
readings.pipe(filter('value > 50'));
readings.pipe(filter({ where: (r) => r.value > 50 }));
// @ts-expect-error: no field `vlaue`
readings.pipe(filter((r) => r.vlaue > 50));
// @ts-expect-error: no field `vlaue`
readings.pipe(filter({ where: (r) => r.vlaue > 50 }));
// @ts-expect-error: a number is no condition
readings.pipe(filter((r) => r.value));
// @ts-expect-error: `quality` may be null
readings.pipe(filter((r) => r.quality.toFixed(1) === '1.0'));

// Functions written elsewhere.
const isHot = (r: RecordOf<Fields>): boolean => r.value > 80;
const halfOf = (r: { readonly value: number }): number => r.value / 2;
readings.pipe(filter(isHot), derive({ half: float64(halfOf) }));
// @ts-expect-error: a function of a field that does not exist
readings.pipe(filter((r: { readonly vlaue: number }) => r.vlaue > 1));

// derive: the fields it adds
const derived = readings.pipe(
  derive({
    half: float64((r) => r.value / 2),
    grade: float64.nullable((r) => r.quality),
    label: category((r) => `${r.sensorId}!`),
    next: int64('serial'),
  }),
  filter((r) => r.half > 1 && r.label === 'a!' && (r.grade ?? 0) > 0 && r.next > 1n),
);
assertType<Same<FieldsOf<typeof derived>['half'], 'float64'>>();
assertType<Same<FieldsOf<typeof derived>['grade'], 'float64?'>>();
assertType<Same<FieldsOf<typeof derived>['label'], 'category'>>();
// @ts-expect-error: a derived field that does not exist
derived.pipe(filter((r) => r.hlaf > 1));
// @ts-expect-error: no field `vlaue`
readings.pipe(derive({ half: float64((r) => r.vlaue / 2) }));
// @ts-expect-error: text for a float64
readings.pipe(derive({ half: float64((r) => `${r.value}`) }));
// @ts-expect-error: null for a field that is not nullable
readings.pipe(derive({ half: float64((r) => r.quality) }));
// @ts-expect-error: one step: a field is not there for its own neighbours
readings.pipe(derive({ a: float64((r) => r.value), b: float64((r) => r.a) }));

// map, flatMap, mapAsync
const summary = schema({ name: 'text', level: 'float64?' });
const mapped = readings.pipe(map(summary, (r) => ({ name: r.sensorId, level: r.quality })));
mapped.pipe(filter((r) => r.name === 'a'));
// @ts-expect-error: gone after map
mapped.pipe(filter((r) => r.value > 1));
// @ts-expect-error: `level` is missing
readings.pipe(map(summary, (r) => ({ name: r.sensorId })));
// @ts-expect-error: no field `vlaue`
readings.pipe(map(summary, (r) => ({ name: r.sensorId, level: r.vlaue })));
readings.pipe(
  flatMap(summary, function* (r) {
    yield { name: r.sensorId, level: null };
  }),
  filter((r) => r.level !== null),
);
// @ts-expect-error: a record is no iterable of records
readings.pipe(flatMap(summary, (r) => ({ name: r.sensorId, level: null })));
const looked = readings.pipe(
  mapAsync({
    schema: summary,
    map: async (record, signal) => ({ name: record.sensorId, level: signal.aborted ? 1 : null }),
  }),
);
looked.pipe(filter((r) => r.name === 'a'));
// @ts-expect-error: a record of another schema
readings.pipe(mapAsync({ schema: summary, map: async (record) => ({ name: record.value }) }));
readings.pipe(mapAsync({ map: async (record) => ({ ...record, value: record.value + 1 }) }));

// select, rename, cast
const selected = readings.pipe(select({ fields: ['value', 'sensorId'] }));
assertType<
  Same<FieldsOf<typeof selected>, { readonly value: 'float64'; readonly sensorId: 'category' }>
>();
// @ts-expect-error: no field `vlaue`
readings.pipe(select({ fields: ['vlaue'] }));
// @ts-expect-error: let go by select
selected.pipe(filter((r) => r.quality !== null));
const renamed = readings.pipe(rename({ fields: { value: 'celsius' } }));
renamed.pipe(filter((r) => r.celsius > 1));
// @ts-expect-error: renamed
renamed.pipe(filter((r) => r.value > 1));
// @ts-expect-error: no field `vlaue`
readings.pipe(rename({ fields: { vlaue: 'celsius' } }));
// @ts-expect-error: no field `vlaue`, beside one that exists
readings.pipe(rename({ fields: { value: 'celsius', vlaue: 'kelvin' } }));
const castTo = readings.pipe(cast({ fields: { value: 'int64', quality: 'int32' } }));
assertType<Same<FieldsOf<typeof castTo>['value'], 'int64'>>();
assertType<Same<FieldsOf<typeof castTo>['quality'], 'int32?'>>();
const castOrNull = readings.pipe(cast({ fields: { value: 'int32' }, onError: 'null' }));
assertType<Same<FieldsOf<typeof castOrNull>['value'], 'int32?'>>();
// @ts-expect-error: no field `vlaue`
readings.pipe(cast({ fields: { vlaue: 'int32' } }));
// @ts-expect-error: no kind `int16`
readings.pipe(cast({ fields: { value: 'int16' } }));

// tap, sample, branch, merge
readings.pipe(tap((r) => void r.value));
// @ts-expect-error: no field `vlaue`
readings.pipe(tap((r) => void r.vlaue));
readings.pipe(sample({ every: 10, by: 'sensorId' }));
readings.pipe(sample({ rate: 0.1 }));
// @ts-expect-error: no field `sensor`
readings.pipe(sample({ every: 10, by: 'sensor' }));
readings.pipe(branch({ routes: { hot: (r) => r.value > 80, cold: 'value < 10' } }));
// @ts-expect-error: no field `vlaue`
readings.pipe(branch({ routes: { hot: (r) => r.vlaue > 80 } }));
readings.pipe(
  merge(),
  filter((r) => r.value > 1),
);
