// Compiled, never run: what the builder, in both forms, takes and refuses; what a pipeline gives.
import { type Batch, schema } from '../../src/batch/index.ts';
import type { Sink, Source, Stage } from '../../src/core/index.ts';
import type { Pipeline, TypedPipelineBuilder } from '../../src/engine/index.ts';
import { memorySink, memorySource } from '../../src/connectors/index.ts';
import { buildPipeline, pipeline } from '../../src/pipeline.ts';
import { derive, filter, float64, movingAverage, threshold } from '../../src/stages/index.ts';

const readings = schema({ sensorId: 'category', value: 'float64' });
type Readings = (typeof readings)['shape'];
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<T extends true>(): T | undefined {
  return undefined;
}

declare const builder: TypedPipelineBuilder;
const source = memorySource({ schema: readings, rows: [] });
const sink = memorySink();
const chain = builder.setSource(source);

// Fields flow through the chain, and into functions of rows.
const averaged = chain
  .addStage(filter((row) => row.value > 1 && row.sensorId === 'a'))
  .addStage(derive({ half: float64((row) => row.value / 2) }))
  .addStage(movingAverage({ field: 'half', window: 5, into: 'avg' }), { id: 'averaged' });
const ended = averaged.setSink(sink, { id: 'out' });

// What was built has their types.
type Averaged = {
  readonly sensorId: string;
  readonly value: number;
  readonly half: number;
  readonly avg: number;
};
export async function read(): Promise<void> {
  const pipeline = await ended.build();
  for await (const record of pipeline) {
    assertType<Same<typeof record, Averaged>>();
    // @ts-expect-error a record is not written to
    record.value = 1;
    // @ts-expect-error no such field
    void record.average;
  }
  await using batches = pipeline.batches();
  for await (const batch of batches) {
    const { half } = batch.toRows()[0]!;
    assertType<Same<typeof half, number>>();
  }
  const plain: Pipeline = pipeline;
  const unknown: Batch | undefined = (await plain.batches().next()).value;
  void unknown;
  // Without a sink too.
  for await (const { value } of await chain.build()) assertType<Same<typeof value, number>>();
  // By flows.
  const flow = builder.from(source).pipe(derive({ half: float64((row) => row.value / 2) }));
  for await (const { half } of await flow.to(sink).build()) assertType<Same<typeof half, number>>();
}
// Of a builder anywhere nothing is known: it runs, and takes a source where it has none.
const untyped: TypedPipelineBuilder = ended;
const anywhere: readonly TypedPipelineBuilder[] = [builder, chain, averaged, ended];
void untyped.run();
void anywhere[0]!.setSource(source).setSink(sink).build();

// @ts-expect-error one source begins the chain; `from` begins further flows
chain.setSource(source);
// @ts-expect-error the same, also behind the sink
ended.setSource(source);
// @ts-expect-error nothing is here to be built
void pipeline('nothing').build();
const graph = pipeline('graph');
const flowInIt = graph.from(source);
// @ts-expect-error what it was begun with knows nothing of what came to it; build what `to` gave
void graph.build();
void flowInIt.to(sink).build();
void flowInIt.to(sink).setSource(source).build();
void graph.run();

// @ts-expect-error nothing is here yet: `setSource` begins it
builder.addStage(filter('value > 1'));
// @ts-expect-error the same
builder.setSink(sink);
// @ts-expect-error the same
builder.pipe(filter('value > 1'));
// @ts-expect-error nothing comes after a sink
ended.addStage(filter('value > 1'));
// @ts-expect-error one sink ends the chain; `to` takes several
ended.setSink(sink);

// @ts-expect-error no such field; the message names the one that was meant
chain.addStage(threshold({ field: 'vlaue', min: 1 }));
// @ts-expect-error not a number field
chain.addStage(threshold({ field: 'sensorId', min: 1 }));
// @ts-expect-error a field that comes later
chain.addStage(threshold({ field: 'half', min: 1 }));
declare const ofNumbers: Stage<{ readonly n: 'float64' }>;
// @ts-expect-error it takes other fields
chain.addStage(ofNumbers);
declare const numberSink: Sink<{ readonly n: 'float64' }>;
// @ts-expect-error it takes other fields
chain.setSink(numberSink);

// @ts-expect-error a source without `stream`
builder.setSource({ schema: readings, read: () => undefined });
// @ts-expect-error a source without a schema
builder.setSource({ async *stream() {} });
// @ts-expect-error a stage with `process`
chain.addStage({ process: (batch: Batch) => batch });
// @ts-expect-error a sink with `write`
chain.setSink({ write: () => undefined });
chain.addStage({
  // @ts-expect-error signal and context come through `create`
  async *transform(stream: AsyncIterable<Batch<Readings>>, signal: AbortSignal) {
    if (!signal.aborted) yield* stream;
  },
});
// @ts-expect-error the same
chain.setSink({ consume: async (_stream: unknown, _signal: AbortSignal) => {} });
// @ts-expect-error null is no stage
chain.addStage(null);
// @ts-expect-error a description that was not called
chain.addStage(filter);
// @ts-expect-error a class in place of an instance
chain.addStage(Map);
// @ts-expect-error a sink is no stage
chain.addStage(sink);
// @ts-expect-error a stage is no sink
chain.setSink(filter('value > 1'));
// @ts-expect-error a stage is no source
builder.setSource(filter('value > 1'));
// @ts-expect-error an `id` is text
chain.addStage(filter('value > 1'), { id: 5 });

// In one call.
declare const own: Source<Readings>;
declare const many: (Stage<Readings, Readings> | ReturnType<typeof filter<Readings>>)[];
void buildPipeline(own, many, sink);
void buildPipeline(own, [ofNumbers, filter('value > 1')], numberSink);
void buildPipeline(own, [filter((row: Readonly<Record<string, unknown>>) => row['a'] === 1)]);
void buildPipeline(own, []);
void buildPipeline(own, [filter('value > 1')], sink, 'named');
void buildPipeline(own, [filter('value > 1'), threshold({ field: 'value', min: 1 })], sink);
// @ts-expect-error a stage with `process`
void buildPipeline(own, [{ process: (batch: Batch) => batch }], sink);
// @ts-expect-error a sink with `write`
void buildPipeline(own, [], { write: () => undefined });
// @ts-expect-error a source without `stream`
void buildPipeline({ schema: readings }, []);
