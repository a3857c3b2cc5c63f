import { describe, expect, test } from 'vitest';

import { Batch, type Fields, type JsonValue, schema } from '../../src/batch/index.ts';
import {
  type Flow,
  isCut,
  positionCut,
  type Stage,
  type StageComponent,
} from '../../src/core/index.ts';
import { ValidationError } from '../../src/engine/index.ts';
import { memorySource } from '../../src/connectors/memory.ts';
import { runEnded } from '../../src/observe/events.ts';
import { buildPipeline } from '../../src/pipeline.ts';
import { branch } from '../../src/stages/branch.ts';
import { derive, float64 } from '../../src/stages/derive.ts';
import { filter } from '../../src/stages/filter.ts';
import { threshold } from '../../src/stages/threshold.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import {
  numbered,
  readings,
  type ScriptedSource,
  scriptedSink,
  scriptedSource,
  testPipeline,
} from './ends.ts';

type Readings = (typeof readings)['shape'];

/** Batches of ten records each. */
const tens = (count: number) => Array.from({ length: count }, (_, at) => numbered(10, at * 10));

/** A pipeline of batches of ten, a cut behind each. */
const begin = (options: Partial<ScriptedSource<Readings>> = {}, batches = 3) =>
  testPipeline({ checkpoint: { rowsMax: 10 } }).setSource(
    scriptedSource({ schema: readings, batches: tens(batches), ...options }),
  );

describe('a pipeline that was built', () => {
  test('is independent of the builder, and runs as often as one likes', async () => {
    const rows: Record<string, unknown>[] = [];
    const builder = begin().addStage(threshold({ field: 'value', max: 4 }));
    const chain = builder.setSink(scriptedSink({ rows }));
    const pipeline = await chain.build();
    const before = pipeline.describe();
    chain.from(scriptedSource({ schema: readings, batches: [] }));
    expect(pipeline.describe()).toStrictEqual(before);
    expect((await pipeline.run()).status).toBe('done');
    expect((await pipeline.start().done).recordsOut).toBe(5);
    expect(rows).toHaveLength(10);
  });

  test('was checked whole: every problem is told by `build`', async () => {
    const built = begin()
      .addStage(threshold({ field: 'value' }))
      .addStage(threshold({ field: 'nope' as 'value', min: 1 }))
      .build();
    const error = await built.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as ValidationError).problems).toHaveLength(2);
  });

  test('without a sink is read and not run', async () => {
    const pipeline = await begin().build();
    await expect(pipeline.run()).rejects.toThrow('the pipeline has no sink');
    expect(() => pipeline.start()).toThrow('iterate over its records');
    await expect(begin().plan()).rejects.toThrow('the pipeline has no sink');
  });

  test('needs a source', async () => {
    await expect(testPipeline().build()).rejects.toThrow('the pipeline has no source');
  });

  test('one run at a time: another one meanwhile is refused, in any form', async () => {
    const sink = scriptedSink({});
    const pipeline = await begin().setSink(sink).build();
    const busy = { code: 'ERR_RUN_ACTIVE', place: 'test' };
    const first = pipeline[Symbol.asyncIterator]();
    await first.next();
    await expect(pipeline.run()).rejects.toMatchObject(busy);
    await expect(pipeline[Symbol.asyncIterator]().next()).rejects.toMatchObject(busy);
    const refused = pipeline.batches();
    await expect(refused.next()).rejects.toMatchObject(busy);
    expect(await refused.next()).toEqual({ done: true, value: undefined });
    await refused.return();
    expect(await first.next()).toMatchObject({ done: false });
    await first.return();
    expect((await pipeline.run()).recordsOut).toBe(30);
    const run = pipeline.start();
    await expect(pipeline.batches().next()).rejects.toMatchObject(busy);
    await run.done;
    expect(await Array.fromAsync(pipeline)).toHaveLength(30);
  });

  test('a run has ended when it has, whatever anybody says', async () => {
    const pipeline = await begin().setSink(scriptedSink({})).build();
    const run = pipeline.start();
    run.emit(runEnded, { status: 'done', recordsIn: 0, recordsOut: 0, durationMs: 0 });
    expect(() => pipeline.start()).toThrow('ERR_RUN_ACTIVE');
    await run.abort();
    expect((await pipeline.run()).recordsOut).toBe(30);
  });
});

describe('iterating a pipeline', () => {
  test('gives frozen plain records of the last flow', async () => {
    const pipeline = await begin()
      .addStage(filter((row) => row.value > 27))
      .addStage(derive({ half: float64((row) => row.value / 2) }))
      .build();
    const records = await Array.fromAsync(pipeline);
    expect(records).toStrictEqual([
      { sensorId: 'a', value: 28, half: 14 },
      { sensorId: 'a', value: 29, half: 14.5 },
    ]);
    expect(records.every((record) => Object.isFrozen(record))).toBe(true);
    expect(Object.getPrototypeOf(records[0])).toBe(Object.prototype);
  });

  test('freezes what is in a record too', async () => {
    const nested = schema({ payload: 'json', raw: 'bytes?' });
    const rows = [{ payload: { list: [{ deep: 1 }] }, raw: Uint8Array.of(1, 2) }];
    const pipeline = await testPipeline()
      .setSource(memorySource({ schema: nested, rows }))
      .build();
    const [record] = await Array.fromAsync(pipeline);
    expect(record).toEqual(rows[0]);
    const { list } = record!.payload as { list: { deep: number }[] };
    for (const part of [record, record!.payload, list, list[0]]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    // What was given is as it was.
    expect(Object.isFrozen(rows[0]!.payload)).toBe(false);
  });

  test('acknowledges what was consumed, and all of it at the end', async () => {
    const log = { acknowledged: [] as JsonValue[] };
    const pipeline = await begin({ log }).build();
    const seen: unknown[] = [];
    for await (const { value } of pipeline) seen.push([value, log.acknowledged.at(-1) ?? 0]);
    expect(log.acknowledged.at(-1)).toBe(3);
    for (const [value, acknowledged] of seen as [number, number][]) {
      // Never the batch that a record is of.
      expect(acknowledged).toBeLessThanOrEqual(Math.floor(value / 10));
    }
  });

  test.each(['break', 'throw', 'return'])(
    '%s closes everything and acknowledges nothing more',
    async (way) => {
      const log = { acknowledged: [] as JsonValue[], closed: 0 };
      const sinkLog = { closed: 0 };
      const pipeline = await begin({ log }, 100)
        .setSink(scriptedSink({ log: sinkLog }))
        .build();
      const leave = async (): Promise<number> => {
        for await (const { value } of pipeline) {
          if (value < 14) continue;
          if (way === 'break') break;
          if (way === 'throw') throw new Error('enough');
          return value;
        }
        return 14;
      };
      if (way === 'throw') await expect(leave()).rejects.toThrow('enough');
      else expect(await leave()).toBe(14);
      expect(log.closed).toBe(1);
      expect(sinkLog.closed).toBe(1);
      // Record 14 is of the second batch.
      expect(log.acknowledged.filter((position) => (position as number) > 1)).toEqual([]);
      // It is free for another run.
      expect(await Array.fromAsync(pipeline)).toHaveLength(1000);
    },
  );

  test('a later run begins where what was consumed ends', async () => {
    const positions: unknown[] = [];
    let at = 0;
    const source = {
      schema: readings,
      async *stream({ from = 0 }: { readonly from?: unknown }): AsyncGenerator<Flow<Readings>> {
        for (at = Number(from); at < 5; at++) {
          yield Batch.from(numbered(10, at * 10), readings, { position: at });
          yield positionCut(at + 1);
        }
      },
      acknowledge: (position: unknown) => {
        positions.push(position);
        return Promise.resolve();
      },
    };
    const settings = { checkpoint: { rowsMax: 10 } };
    const pipeline = await testPipeline(settings).setSource(source).build();
    const seen: number[] = [];
    for await (const { value } of pipeline) {
      seen.push(value);
      if (value === 25) break;
    }
    expect(Math.max(0, ...(positions as number[]))).toBeLessThanOrEqual(2);
    const resumed = await testPipeline(settings)
      .setSource({ ...source, stream: () => source.stream({ from: positions.at(-1) ?? 0 }) })
      .build();
    for await (const { value } of resumed) seen.push(value);
    // Nothing is missing between the two.
    expect(new Set(seen).size).toBe(50);
  });

  test('waits for the loop: no more is read than the queues hold', async () => {
    const log = { reads: 0 };
    const outside = virtualOutside();
    const pipeline = await testPipeline({ queue: { rowsMax: 10 } }, [], outside)
      .setSource(scriptedSource({ schema: readings, batches: tens(1000), log }))
      .build();
    const records = pipeline[Symbol.asyncIterator]();
    await records.next();
    await outside.clock.sleep(60_000);
    const { reads } = log;
    expect(reads).toBeLessThan(8);
    await outside.clock.sleep(60_000);
    expect(log.reads).toBe(reads);
    await records.return();
  });

  test('an error rejects the loop, once, wherever it comes from', async () => {
    const at = (read: number) => ({
      before: (n: number) => (n === read ? Promise.reject(new Error('gone')) : Promise.resolve()),
    });
    const failing = {
      source: await begin(at(2)).build(),
      open: await begin({ open: () => Promise.reject(new Error('gone')) }).build(),
      sink: await begin()
        .setSink(scriptedSink({ answer: () => Promise.reject(new Error('gone')) }))
        .build(),
      commit: await begin()
        .setSink(scriptedSink({ commit: () => Promise.reject(new Error('gone')) }))
        .build(),
      close: await begin()
        .setSink(scriptedSink({ close: () => Promise.reject(new Error('gone')) }))
        .build(),
    };
    for (const [what, pipeline] of Object.entries(failing)) {
      await expect(Array.fromAsync(pipeline), what).rejects.toThrow('gone');
      const records = pipeline[Symbol.asyncIterator]();
      await expect(
        (async () => {
          for (;;) if ((await records.next()).done === true) return;
        })(),
        what,
      ).rejects.toThrow('gone');
      expect(await records.next()).toEqual({ done: true, value: undefined });
      expect(await records.return()).toEqual({ done: true, value: undefined });
    }
  });

  test('a failure that nobody heard of is told to whoever leaves', async () => {
    const outside = virtualOutside();
    const pipeline = await testPipeline({}, [], outside)
      .setSource(
        scriptedSource({
          schema: readings,
          batches: tens(3),
          before: (read) => (read === 1 ? Promise.reject(new Error('gone')) : Promise.resolve()),
        }),
      )
      .build();
    const records = pipeline[Symbol.asyncIterator]();
    await records.next();
    await outside.clock.sleep(10_000);
    await expect(records.return()).rejects.toThrow('gone');
  });

  test('with a sink, records come after it took them, without those that it refused', async () => {
    const taken: number[] = [];
    const pipeline = await begin()
      .setSink(
        scriptedSink({
          answer: (batch) => {
            taken.push(...batch.toRows().map((row) => row['value'] as number));
            return { failed: [{ row: batch.rows[0]!, reason: 'first', message: 'no' }] };
          },
        }),
      )
      .build();
    const seen: number[] = [];
    for await (const { value } of pipeline) {
      expect(taken).toContain(value);
      seen.push(value);
    }
    expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => n).filter((n) => n % 10 !== 0));
  });

  test('a batch that a sink refused whole and took in parts', async () => {
    const pipeline = await begin({}, 1)
      .setSink(
        scriptedSink({
          answer: (batch) =>
            batch.toRows().some((row) => row['value'] === 7)
              ? { refused: { reason: 'seven', message: 'no sevens' } }
              : undefined,
        }),
      )
      .build();
    const values = (await Array.fromAsync(pipeline)).map(({ value }) => value);
    expect(values).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9]);
  });

  test('a hand-written sink has taken what comes', async () => {
    const taken = new Set<number>();
    const pipeline = await begin()
      .setSink({
        async consume(stream) {
          for await (const flow of stream) {
            if (!isCut(flow)) for (const { value } of flow.toRows()) taken.add(value);
          }
        },
      })
      .build();
    for await (const { value } of pipeline) expect(taken.has(value)).toBe(true);
    expect(taken.size).toBe(30);
  });

  test('of several sinks, the last that is required is read', async () => {
    const builder = testPipeline();
    const flow = builder.from(scriptedSource({ schema: readings, batches: tens(1) }));
    flow.to(scriptedSink({}));
    flow.pipe(threshold({ field: 'value', max: 2 })).to(scriptedSink({}));
    flow.to(scriptedSink({}), { required: false, overflow: 'dropOldest' });
    expect(await Array.fromAsync(await builder.build())).toHaveLength(3);
  });

  test('the records are those of the point at which it was built', async () => {
    const builder = testPipeline();
    const chain = builder
      .setSource(memorySource({ schema: readings, rows: numbered(3) }))
      .setSink(scriptedSink({}));
    const others = schema({ other: 'float64' });
    const flow = builder.from(memorySource({ schema: others, rows: [{ other: 1 }] }));
    const ended = flow.to(scriptedSink({}));
    expect(await Array.fromAsync(await chain.build())).toStrictEqual(numbered(3));
    expect(await Array.fromAsync(await ended.build())).toStrictEqual([{ other: 1 }]);
    // The builder itself says nothing of types.
    expect(await Array.fromAsync(await builder.build())).toStrictEqual([{ other: 1 }]);
  });

  test('of a point that the chain has left there are none', async () => {
    const left = begin();
    const chain = left.addStage(derive({ half: float64((row) => row.value / 2) }));
    await expect(left.build()).rejects.toThrow('nothing reads from `derive`');
    expect((await Array.fromAsync(await chain.build()))[1]).toMatchObject({ half: 0.5 });
    chain.setSink(scriptedSink({}));
    const built = await left.build();
    expect((await built.run()).recordsOut).toBe(30);
    await expect(Array.fromAsync(built)).rejects.toThrow('go on from what the last step gave');
    expect(() => built.batches()).toThrow(ValidationError);
    // Its own flow goes to the sink.
    expect((await Array.fromAsync(await chain.build()))[1]).toMatchObject({ half: 0.5 });
  });

  test('nothing is read from a sink that nobody waits for', async () => {
    const builder = testPipeline();
    const flow = builder.from(scriptedSource({ schema: readings, batches: tens(1) }));
    flow.to(scriptedSink({}));
    const aside = flow.to(scriptedSink({}), { required: false, overflow: 'dropOldest' });
    await expect(Array.fromAsync(await aside.build())).rejects.toThrow('required');
  });

  test('no record is lost where a flow ends nowhere', async () => {
    const builder = testPipeline();
    builder
      .from(scriptedSource({ schema: readings, batches: [] }))
      .pipe(branch({ routes: { hot: (row) => row.value > 1, cold: (row) => row.value <= 1 } }))
      .output('hot');
    await expect(builder.build()).rejects.toThrow('has several outputs');
  });

  test('calls of `next` that do not wait for one another give each record once, in order', async () => {
    const records = (await begin().build())[Symbol.asyncIterator]();
    const asked = await Promise.all(Array.from({ length: 31 }, () => records.next()));
    expect(asked.map(({ value }) => value?.value)).toEqual([
      ...Array.from({ length: 30 }, (_, n) => n),
      undefined,
    ]);
  });

  test('`return` does not wait for a source that gives nothing', async () => {
    const log = { closed: 0 };
    const asked = Promise.withResolvers<void>();
    const before = (): Promise<void> => Promise.resolve(asked.resolve());
    const pipeline = await begin({ endless: true, log, before }, 0).build();
    const records = pipeline[Symbol.asyncIterator]();
    const waiting = records.next();
    await asked.promise;
    expect(await records.return()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(log.closed).toBe(1);
  });

  test('nothing is opened before the first record is asked for', async () => {
    const log = { opened: [] as undefined[], closed: 0 };
    const records = (await begin({ log }).build())[Symbol.asyncIterator]();
    await records.return();
    expect(await records.next()).toEqual({ done: true, value: undefined });
    expect(log).toEqual({ opened: [], closed: 0 });
  });
});

describe('batches of a pipeline', () => {
  test('are held for whoever asked', async () => {
    const pipeline = await begin().build();
    const batches = await Array.fromAsync(pipeline.batches());
    expect(batches.map((batch) => batch.toRows().length)).toEqual([10, 10, 10]);
    for (const batch of batches) batch.release();
    expect(batches.map(({ holders }) => holders)).toEqual([0, 0, 0]);
  });

  test('are let go of once: a second time is the mistake of whoever reads', async () => {
    const log = { closed: 0 };
    const pipeline = await begin({ log }).build();
    const batches = pipeline.batches();
    const { value } = await batches.next();
    value!.release();
    expect(() => value!.release()).toThrow(expect.objectContaining({ code: 'ERR_BATCH_RELEASED' }));
    const rest = await Array.fromAsync(batches);
    expect(rest.map((batch) => batch.length)).toEqual([10, 10]);
    for (const batch of rest) batch.release();
  });

  test('`await using` closes everything', async () => {
    const log = { closed: 0 };
    const pipeline = await begin({ log }).build();
    {
      await using batches = pipeline.batches();
      const { value } = await batches.next();
      value?.release();
      expect(log.closed).toBe(0);
    }
    expect(log.closed).toBe(1);
  });

  test('a batch that was left is let go of', async () => {
    const held: Batch[] = [];
    const pipeline = await begin()
      .setSink(scriptedSink({ answer: (batch) => void held.push(batch) }))
      .build();
    for await (const batch of pipeline.batches()) {
      batch.release();
      break;
    }
    expect(held.map(({ holders }) => holders)).toEqual(held.map(() => 0));
  });
});

test('a pipeline of one call', async () => {
  const source = memorySource({ schema: readings, rows: numbered(10) });
  const values: unknown[] = [];
  const stages: readonly (StageComponent<never, Fields> | Stage<never, Fields>)[] = [
    threshold({ field: 'value', min: 7 }),
    derive({ twice: float64((row) => Number(row['value']) * 2) }),
  ];
  const pipeline = await buildPipeline(source, stages);
  for await (const { twice } of pipeline) values.push(twice);
  expect(values).toEqual([14, 16, 18]);
  expect(pipeline.describe().name).toBe('pipeline');
  const rows: Record<string, unknown>[] = [];
  const named = await buildPipeline(source, [], scriptedSink({ rows }), 'named');
  expect((await named.run()).pipeline).toBe('named');
  expect(rows).toHaveLength(10);
  const broken = buildPipeline(source, [{ process() {} } as never, null as never]);
  await expect(broken).rejects.toThrow('2 problems');
  const unfit = buildPipeline(source, [...stages, threshold({ field: 'nope', min: 7 })]);
  await expect(unfit).rejects.toThrow('nope');
});

test('a pipeline of one call tells all that is wrong with its parts', async () => {
  const source = memorySource({ schema: readings, rows: numbered(10) });
  const error: unknown = await buildPipeline({ read() {} } as never, [{ process() {} } as never], {
    write() {},
  } as never).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ValidationError);
  expect((error as ValidationError).problems.map(({ path }) => path[0])).toEqual([
    'source',
    'stages',
    'sink',
  ]);
  await expect(buildPipeline(source, null as never)).rejects.toThrow(
    'the stages are a list, not null',
  );
  await expect(buildPipeline(source, [], null as never)).rejects.toThrow('was given null');
});
