// Compiled, never run: the builder keeps the fields of hand-written sources, stages and sinks.
import { Batch, type Fields, schema } from '../../src/batch/index.ts';
import { isCut, positionCut, type Sink, type Source, type Stage } from '../../src/core/index.ts';
import type { PipelineFlow, TypedPipelineBuilder } from '../../src/engine/index.ts';
import { memorySink } from '../../src/connectors/index.ts';
import { filter } from '../../src/stages/index.ts';

const readings = schema({ sensorId: 'category', value: 'float64' });
const numbers = schema({ n: 'float64' });
type Readings = (typeof readings)['shape'];
type Numbers = (typeof numbers)['shape'];

declare const builder: TypedPipelineBuilder;
type FieldsOf<P> = P extends PipelineFlow<infer F extends Fields> ? F : never;
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<T extends true>(): T | undefined {
  return undefined;
}

// Sources
declare const typedSource: Source<Readings>;
const flow = builder.from(typedSource);
assertType<Same<FieldsOf<typeof flow>, Readings>>();
const plain = builder.from({
  schema: readings,
  async *stream({ signal }) {
    signal.throwIfAborted();
    yield Batch.from([{ sensorId: 'a', value: 1 }], readings);
    yield positionCut(1);
  },
});
assertType<Same<FieldsOf<typeof plain>, Readings>>();
builder.from({
  // @ts-expect-error: batches of another schema
  schema: readings,
  async *stream() {
    yield Batch.from([{ n: 1 }], numbers);
  },
});

// Stages: one that says nothing of its output keeps the fields
const kept = flow.pipe({
  async *transform(stream) {
    for await (const item of stream) yield item;
  },
});
assertType<Same<FieldsOf<typeof kept>, Readings>>();
const made = flow.pipe({
  output: () => numbers,
  async *transform(stream) {
    for await (const item of stream) {
      if (isCut(item)) yield item;
      else yield Batch.from([{ n: item.toRows()[0]!.value }], numbers);
    }
  },
});
assertType<Same<FieldsOf<typeof made>, Numbers>>();
flow.pipe({
  // @ts-expect-error: it promises another schema than it gives
  output: () => numbers,
  async *transform(stream) {
    yield* stream;
  },
});

// Stages of a type, among described ones
declare const counting: Stage<Readings, Numbers>;
function passing<F extends Fields>(): Stage<F> {
  return {
    async *transform(stream) {
      yield* stream;
    },
  };
}
const among = flow.pipe(
  filter((r) => r.value > 1),
  passing(),
  counting,
  filter((r) => r.n > 1),
);
assertType<Same<FieldsOf<typeof among>, Numbers>>();
// @ts-expect-error: it takes readings
made.pipe(counting);
flow.through(counting, { id: 'counting' }).pipe(filter((r) => r.n > 1));
declare const untyped: Stage;
flow.pipe(untyped).pipe(filter((r) => r['anything'] === 1));

// Sinks
declare const readingsSink: Sink<Readings>;
declare const anySink: Sink;
flow.to(readingsSink);
flow.to(anySink);
// @ts-expect-error: it takes readings
made.to(readingsSink);
made.to({
  async consume(stream) {
    for await (const item of stream) {
      if (!isCut(item)) for (const { n } of item.toRows()) n.toFixed();
    }
  },
});
flow.to(memorySink());
flow.to(memorySink({ schema: readings }));
flow.to(memorySink<typeof flow.fields>());
// @ts-expect-error: another schema
flow.to(memorySink({ schema: numbers }));
// @ts-expect-error: another schema
flow.to(memorySink<Numbers>());
