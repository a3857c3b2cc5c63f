import { AsyncLocalStorage } from 'node:async_hooks';

import {
  type Context,
  context,
  type ContextManager,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { afterEach, describe, expect, test } from 'vitest';

import { Batch, schema, Selection } from '../../src/batch/index.ts';
import { fileSource } from '../../src/connectors/file.ts';
import type { Flow, SinkComponent, Stage, StageReport } from '../../src/core/index.ts';
import { isCut } from '../../src/core/index.ts';
import { TypedPipelineBuilder } from '../../src/engine/index.ts';
import { createTelemetry, type Telemetry, type TelemetryOptions } from '../../src/observe/otel.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import {
  numbered,
  type Reading,
  readings,
  scriptedSink,
  scriptedSource,
  stageOf,
  testPipeline,
} from '../engine/ends.ts';
import {
  attributesOf,
  otlpReceiver,
  rememberingLogger,
  type OtlpReceiver,
  type OtlpSpan,
} from './otlp-receiver.ts';

const batches = [numbered(10), numbered(5, 10)];

function telemetryFor(
  { url }: OtlpReceiver,
  { clock, random }: VirtualOutside,
  options: TelemetryOptions = {},
): Promise<Telemetry> {
  return createTelemetry({ endpoint: url, sampleRatio: 1, clock, random, ...options });
}

/** What a span says, but for its ids. */
function shown(span: OtlpSpan, spans: readonly OtlpSpan[]): Record<string, unknown> {
  const nameOf = (id: string | undefined): string | undefined =>
    spans.find(({ spanId }) => spanId === id)?.name;
  const startMs = Number(BigInt(span.startTimeUnixNano) / 1_000_000n) - Date.UTC(2026, 0, 1);
  return {
    name: span.name,
    ...(span.parentSpanId !== undefined && { parent: nameOf(span.parentSpanId) }),
    ...(span.links.length > 0 && { links: span.links.map(({ spanId }) => nameOf(spanId)) }),
    startMs,
    ms: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
  };
}

describe('the spans of a run', () => {
  test('are one for each batch and component, each with every field', async () => {
    await using receiver = await otlpReceiver();
    const outside = virtualOutside();
    const { clock } = outside;
    await using telemetry = await telemetryFor(receiver, outside);
    await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches, before: () => clock.sleep(40) }))
      .pipe(
        stageOf(() => async (batch) => {
          await clock.sleep(20);
          // Of another origin, which knows nothing of the trace.
          return Batch.from(batch.toRows() as Reading[], readings);
        }),
      )
      .to(scriptedSink({ answer: () => clock.sleep(250) }))
      .run({ tracing: telemetry.tracing });
    await telemetry.close();

    const { spans } = receiver;
    const traces = [...new Set(spans.map(({ traceId }) => traceId))];
    expect(traces).toHaveLength(2);
    expect(
      traces.map((id) =>
        spans.filter(({ traceId }) => traceId === id).map((span) => shown(span, spans)),
      ),
    ).toEqual([
      [
        { name: 'receive scripted', startMs: 0, ms: 40 },
        { name: 'process probe', parent: 'receive scripted', startMs: 40, ms: 20 },
        { name: 'send scripted-2', parent: 'receive scripted', startMs: 60, ms: 250 },
      ],
      [
        { name: 'receive scripted', startMs: 40, ms: 40 },
        { name: 'process probe', parent: 'receive scripted', startMs: 80, ms: 20 },
        { name: 'send scripted-2', parent: 'receive scripted', startMs: 310, ms: 250 },
      ],
    ]);
    for (const { traceId, spanId } of spans) {
      expect(traceId).toMatch(/^[\da-f]{32}$/);
      expect(spanId).toMatch(/^[\da-f]{16}$/);
    }
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(6);
    expect(spans.map(({ status, events }) => ({ status, events }))).toEqual(
      Array.from({ length: 6 }, () => ({ status: { code: 0 }, events: [] })),
    );
    // INTERNAL, CONSUMER, PRODUCER.
    expect(Object.fromEntries(spans.map(({ name, kind }) => [name, kind]))).toEqual({
      'process probe': 1,
      'receive scripted': 5,
      'send scripted-2': 4,
    });
    const last = (name: string): Record<string, unknown> =>
      attributesOf(spans.findLast((span) => span.name === name)!.attributes);
    expect(last('receive scripted')).toEqual({
      'messaging.operation.type': 'receive',
      'messaging.batch.message_count': 5,
      'messaging.system.name': 'scripted',
      'messaging.destination.name': 'scripted',
      'millrace.pipeline': 'test',
      'millrace.component': 'scripted',
      'millrace.component.type': 'scripted',
    });
    expect(last('process probe')).toEqual({
      'messaging.operation.type': 'process',
      'messaging.batch.message_count': 5,
      'millrace.pipeline': 'test',
      'millrace.component': 'probe',
      'millrace.component.type': 'probe',
    });
    expect(last('send scripted-2')).toEqual({
      'messaging.operation.type': 'send',
      'messaging.batch.message_count': 5,
      'messaging.system.name': 'scripted',
      'messaging.destination.name': 'scripted-2',
      'millrace.pipeline': 'test',
      'millrace.component': 'scripted-2',
      'millrace.component.type': 'scripted',
    });
    const [{ resourceSpans }] = receiver.requests.map(({ body }) => body) as [
      (typeof receiver.requests)[number]['body'],
    ];
    expect(resourceSpans).toHaveLength(1);
    expect(resourceSpans![0]!.scopeSpans.map(({ scope }) => scope)).toEqual([
      { name: 'millrace', version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string },
    ]);
    expect(telemetry.counts.traces).toEqual({ sent: 6, failed: 0, rejected: 0, dropped: 0 });
  });

  test('of dead letters belong to the batch that failed, or to the read that gave no row', async () => {
    await using receiver = await otlpReceiver();
    const outside = virtualOutside();
    const { clock } = outside;
    await using telemetry = await telemetryFor(receiver, outside);
    const lines = new TextEncoder().encode('{"value":1}\n{"value":"x"}\n{broken\n{"value":2}\n');
    await (await outside.files.open('in.ndjson', 'replace')).append(lines);
    const deadLetters = scriptedSink({ answer: () => clock.sleep(30) }) as SinkComponent;
    await new TypedPipelineBuilder('test', {}, { outside, deadLetters })
      .from(fileSource({ path: 'in.ndjson', schema: schema({ value: 'float64' }) }))
      .pipe(
        stageOf((report) => (batch) => {
          report.failed(batch, 0, 'value.range');
          return batch.select(new Selection(Uint32Array.of(1), 1));
        }),
      )
      .to(scriptedSink({}))
      .run({ tracing: telemetry.tracing });
    await telemetry.close();
    const { spans } = receiver;
    expect(spans.map((span) => shown(span, spans))).toEqual([
      { name: 'receive file', startMs: 0, ms: 0 },
      { name: 'send dead-letters', parent: 'receive file', startMs: 0, ms: 30 },
      { name: 'process probe', parent: 'receive file', startMs: 30, ms: 0 },
      { name: 'send dead-letters', parent: 'receive file', startMs: 30, ms: 30 },
      { name: 'send scripted', parent: 'receive file', startMs: 60, ms: 0 },
    ]);
    const sent = spans.filter(({ name }) => name === 'send dead-letters');
    expect(sent.map(({ attributes }) => attributesOf(attributes))).toEqual(
      [2, 1].map((count) => ({
        'messaging.operation.type': 'send',
        'messaging.batch.message_count': count,
        'messaging.system.name': 'scripted',
        'messaging.destination.name': 'dead-letters',
        'millrace.pipeline': 'test',
        'millrace.component': 'dead-letters',
        'millrace.component.type': 'scripted',
      })),
    );
  });

  test('of dead letters of several batches, told of together, are one for each', async () => {
    await using receiver = await otlpReceiver();
    const outside = virtualOutside();
    await using telemetry = await telemetryFor(receiver, outside);
    const failing = (report: StageReport): Stage => ({
      async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
        for await (const flow of stream) {
          if (isCut(flow)) yield flow;
          else report.failed(flow, 0, 'value.range');
        }
      },
      held: () => 0,
    });
    await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(1), numbered(1, 1)] }))
      .pipe(stageOf(failing))
      .to(scriptedSink({}))
      .run({ tracing: telemetry.tracing });
    await telemetry.close();
    const { spans } = receiver;
    const [reads, sent] = ['receive scripted', 'send dead-letters'].map((name) =>
      spans.filter((span) => span.name === name),
    );
    expect(sent!.map(({ parentSpanId }) => parentSpanId)).toEqual(
      reads!.map(({ spanId }) => spanId),
    );
    expect(sent).toHaveLength(2);
  });

  const sampledOf = async (sampleRatio: number, seed: string): Promise<OtlpSpan[]> => {
    await using receiver = await otlpReceiver();
    const outside = virtualOutside(seed);
    await using telemetry = await telemetryFor(receiver, outside, { sampleRatio });
    await testPipeline({}, [], outside)
      .from(
        scriptedSource({
          schema: readings,
          batches: Array.from({ length: 200 }, () => numbered(1)),
        }),
      )
      .to(scriptedSink({}))
      .run({ tracing: telemetry.tracing });
    await telemetry.close();
    return [...receiver.spans];
  };

  test('are of a share of the batches, whole traces, the same for the same seed', async () => {
    const spans = await sampledOf(0.25, 'one');
    const sends = spans.filter(({ name }) => name === 'send scripted-2');
    expect(sends.length).toBeGreaterThan(30);
    expect(sends.length).toBeLessThan(70);
    expect(spans).toHaveLength(2 * sends.length);
    const ids = (of: readonly OtlpSpan[]): string[] => of.map(({ spanId }) => spanId);
    expect(ids(await sampledOf(0.25, 'one'))).toEqual(ids(spans));
    expect(ids(await sampledOf(0.25, 'two'))).not.toEqual(ids(spans));
    expect(await sampledOf(0, 'one')).toEqual([]);
  });

  test('of a stage that makes one batch of several are linked to each; what follows is their child', async () => {
    await using receiver = await otlpReceiver();
    const outside = virtualOutside();
    await using telemetry = await telemetryFor(receiver, outside);
    const pairs: Stage = {
      async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
        let held = 0;
        for await (const flow of stream) {
          if (isCut(flow)) yield flow;
          else if ((held = (held + 1) % 2) === 0) yield Batch.from(numbered(1), readings);
        }
      },
      held: () => 0,
    };
    await testPipeline({ onRowError: 'drop' }, [], outside)
      .from(
        scriptedSource({
          schema: readings,
          batches: [numbered(2), numbered(3)],
          before: () => outside.clock.sleep(10),
        }),
      )
      .pipe(stageOf(() => pairs))
      .to(scriptedSink({}))
      .run({ tracing: telemetry.tracing });
    await telemetry.close();
    const { spans } = receiver;
    const merged = spans.find(({ name }) => name === 'process probe')!;
    const reads = spans.filter(({ name }) => name === 'receive scripted');
    expect(merged.links.map(({ traceId, spanId }) => ({ traceId, spanId }))).toEqual(
      reads.map(({ traceId, spanId }) => ({ traceId, spanId })),
    );
    expect(merged.parentSpanId).toBeUndefined();
    expect(reads.map(({ traceId }) => traceId)).not.toContain(merged.traceId);
    expect(attributesOf(merged.attributes)['messaging.batch.message_count']).toBe(5);
    const send = spans.find(({ name }) => name === 'send scripted-2')!;
    expect(send).toMatchObject({ traceId: merged.traceId, parentSpanId: merged.spanId });
  });

  test('of a stage in general form that passes each batch on are its children', async () => {
    await using receiver = await otlpReceiver();
    const outside = virtualOutside();
    await using telemetry = await telemetryFor(receiver, outside);
    const same: Stage = { transform: (stream: AsyncIterable<Flow>) => stream, held: () => 0 };
    await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches }))
      .pipe(stageOf(() => same))
      .to(scriptedSink({}))
      .run({ tracing: telemetry.tracing });
    await telemetry.close();
    const { spans } = receiver;
    expect(
      spans.filter(({ name }) => name === 'process probe').map((span) => shown(span, spans)),
    ).toEqual([
      { name: 'process probe', parent: 'receive scripted', startMs: 0, ms: 0 },
      { name: 'process probe', parent: 'receive scripted', startMs: 0, ms: 0 },
    ]);
  });

  test('of such a stage are of the batches that were sampled, whatever it drops', async () => {
    await using receiver = await otlpReceiver();
    const outside = virtualOutside();
    await using telemetry = await telemetryFor(receiver, outside, { sampleRatio: 0.5 });
    const everyOther: Stage = {
      async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
        let count = 0;
        for await (const flow of stream) if (isCut(flow) || count++ % 2 === 0) yield flow;
      },
      held: () => 0,
    };
    const many = Array.from({ length: 100 }, () => numbered(1));
    await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: many }))
      .pipe(stageOf(() => everyOther))
      .to(scriptedSink({}))
      .run({ tracing: telemetry.tracing });
    await telemetry.close();
    const { spans } = receiver;
    const called = (name: string): OtlpSpan[] => spans.filter((span) => span.name === name);
    const reads = called('receive scripted');
    const worked = called('process probe');
    expect(reads.length).toBeGreaterThan(30);
    expect(reads.length).toBeLessThan(70);
    expect(worked.length).toBeGreaterThan(10);
    expect(worked.length).toBeLessThan(reads.length);
    expect(called('send scripted-2')).toHaveLength(worked.length);
    expect(worked.flatMap(({ links }) => links)).toEqual([]);
    const parents = worked.map(({ parentSpanId }) => parentSpanId);
    expect(new Set(parents).size).toBe(worked.length);
    expect(reads.map(({ spanId }) => spanId)).toEqual(expect.arrayContaining(parents));
  });

  test('say how work failed, by its code, and how many rows did; never what was in them', async () => {
    await using receiver = await otlpReceiver();
    const outside = virtualOutside();
    await using telemetry = await telemetryFor(receiver, outside);
    const secret = [{ sensorId: 'secret-sensor', value: 6_021_023 }];
    const failing = testPipeline({ onRowError: 'drop' }, [], outside)
      .from(scriptedSource({ schema: readings, batches: [[...secret, ...numbered(2)]] }))
      .pipe(
        stageOf((report) => (batch) => {
          report.failed(batch, 0, 'value.range', new Error('6021023 is too much'));
          const selection = new Selection(Uint32Array.of(1, 2), 2);
          return batch.select(selection);
        }),
      )
      .to(
        scriptedSink({
          answer: () => {
            throw new RangeError('secret-sensor cannot be stored');
          },
        }),
      )
      .run({ tracing: telemetry.tracing });
    await expect(failing).rejects.toThrow('secret-sensor cannot be stored');
    await telemetry.close();
    const { spans } = receiver;
    const [process, send] = ['process probe', 'send scripted-2'].map((name) =>
      spans.find((span) => span.name === name)!,
    );
    expect(process!.status).toEqual({ code: 0 });
    expect(attributesOf(process!.attributes)['millrace.rows.failed']).toBe(1);
    expect(send!.status).toEqual({ code: 2, message: 'ERR_CONNECTOR_FAILED' });
    expect(attributesOf(send!.attributes)['error.type']).toBe('ERR_CONNECTOR_FAILED');
    const all = JSON.stringify(receiver.requests.map(({ body }) => body));
    expect(all).not.toMatch(/secret-sensor|6021023/);
  });

  test('of a read that failed say so', async () => {
    await using receiver = await otlpReceiver();
    const outside = virtualOutside();
    await using telemetry = await telemetryFor(receiver, outside);
    const before = (): Promise<void> => Promise.reject(new Error('gone'));
    const failing = testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches, before }))
      .to(scriptedSink({}))
      .run({ tracing: telemetry.tracing });
    await expect(failing).rejects.toThrow('gone');
    await telemetry.close();
    expect(receiver.spans).toMatchObject([
      { name: 'receive scripted', status: { code: 2, message: 'ERR_CONNECTOR_FAILED' } },
    ]);
  });
});

/** What a program has that is traced already. */
class StorageContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    work: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => work.apply(self, args));
  }

  bind<T>(_: Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

describe('in a program with a tracer provider of its own', () => {
  afterEach(() => {
    trace.disable();
    context.disable();
  });

  test('spans go there, belong to what started the run, and those of calls to the batch', async () => {
    await using receiver = await otlpReceiver();
    const exporter = new InMemorySpanExporter();
    const provider = new TracerProvider({
      spanProcessors: [new SimpleSpanProcessor({ exporter })],
    });
    context.setGlobalContextManager(new StorageContexts());
    trace.setGlobalTracerProvider(provider);
    const tracer = trace.getTracer('host');
    const outside = virtualOutside();
    await using telemetry = await telemetryFor(receiver, outside);
    await tracer.startActiveSpan('request', async (request) => {
      await testPipeline({}, [], outside)
        .from(scriptedSource({ schema: readings, batches: [numbered(3)] }))
        .to(
          scriptedSink({
            answer: async () => {
              await outside.clock.sleep(5);
              tracer.startSpan('INSERT').end();
            },
          }),
        )
        .run({ tracing: telemetry.tracing });
      request.end();
    });
    await telemetry.close();
    const spans = exporter.getFinishedSpans();
    const of = (name: string) => spans.find((span) => span.name === name)!;
    const parentOf = (name: string) => of(name).parentSpanContext?.spanId;
    expect(spans.map(({ name }) => name)).toEqual([
      'receive scripted',
      'INSERT',
      'send scripted-2',
      'request',
    ]);
    expect(parentOf('receive scripted')).toBe(of('request').spanContext().spanId);
    expect(parentOf('send scripted-2')).toBe(of('receive scripted').spanContext().spanId);
    expect(parentOf('INSERT')).toBe(of('send scripted-2').spanContext().spanId);
    expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(receiver.requests.filter(({ path }) => path === '/v1/traces')).toEqual([]);
  });

  test('a tracer that throws costs the span, not the run', async () => {
    await using receiver = await otlpReceiver();
    const broken = (): never => {
      throw new Error('no tracer today');
    };
    trace.setGlobalTracerProvider({
      getTracer: () => ({ startSpan: broken, startActiveSpan: broken }),
    });
    const outside = virtualOutside();
    const log = rememberingLogger();
    await using telemetry = await telemetryFor(receiver, outside, { log });
    const report = await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches }))
      .to(scriptedSink({}))
      .run({ tracing: telemetry.tracing });
    expect(report.recordsOut).toBe(15);
    expect(log.lines[0]).toEqual({
      event: 'telemetry.failed',
      signal: 'traces',
      items: 1,
      reason: 'no tracer today',
    });
  });
});
