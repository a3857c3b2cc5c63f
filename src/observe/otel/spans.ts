import type { Context, Span, SpanKind, Tracer } from '@opentelemetry/api';

import type { Random } from '../../core/index.ts';
import { isPipelineError } from '../../errors.ts';
import type { ComponentKind } from '../snapshot.ts';
import type {
  BatchTrace,
  BegunWork,
  ReadWork,
  RunTracing,
  TracedComponent,
  TracedRun,
  TracedWork,
  Tracing,
} from '../tracing.ts';
import { attributeNames as names } from './names.ts';
import type { Otel } from './peers.ts';
import { hrTime } from './time.ts';

/** What spans are made with. */
export interface SpanParts {
  readonly api: Otel['api'];
  readonly tracerOf: (version: string) => Tracer;
  /** How many of all batches are traced, from 0 to 1. */
  readonly sampleRatio: number;
  /** Told of what a tracer that is not ours threw: the run goes on without the span. */
  readonly failed: (error: unknown) => void;
}

/** Makes a span of each piece of work on a sampled batch. */
export class SpanTracing implements Tracing {
  readonly #parts: SpanParts;

  constructor(parts: SpanParts) {
    this.#parts = parts;
  }

  start(run: TracedRun): RunTracing {
    return new RunSpans(run, this.#parts);
  }
}

/** What the spans of one batch share. */
interface Trace {
  readonly context: Context;
  /** What added to the run's monotonic time is wall time, as it was when the batch was read. */
  readonly epochMs: number;
}

type Operation = 'receive' | 'process' | 'send';

const operations: Readonly<Record<ComponentKind, Operation>> = {
  source: 'receive',
  stage: 'process',
  sink: 'send',
  'dead-letters': 'send',
};

interface SpanStart {
  readonly startMs: number;
  readonly epochMs: number;
  readonly rows: number;
  readonly context: Context;
  readonly links: readonly Trace[];
}

class RunSpans implements RunTracing {
  readonly #run: TracedRun;
  readonly #parts: SpanParts;
  readonly #random: Random;
  readonly #tracer: Tracer;
  /** Of the host, as the run began. */
  readonly #root: Context;

  constructor(run: TracedRun, parts: SpanParts) {
    this.#run = run;
    this.#parts = parts;
    this.#random = run.random.fork('tracing');
    this.#tracer = parts.tracerOf(run.version);
    this.#root = parts.api.context.active();
  }

  read(source: TracedComponent, { startMs, endMs, rows, error }: ReadWork): BatchTrace | undefined {
    const isSampled = this.#random.next() < this.#parts.sampleRatio;
    if (!isSampled) return undefined;
    const start = { startMs, epochMs: this.#epochMs(), rows, context: this.#root, links: [] };
    return this.#guarded(() => {
      const work = this.#begin(source, start);
      work?.end({ endMs, error });
      return work?.trace;
    }, undefined);
  }

  begin(component: TracedComponent, { parents, rows, startMs }: BegunWork): TracedWork {
    const traces = parents as readonly Trace[];
    const [first] = traces;
    const isOnly = traces.length === 1;
    const start = {
      startMs,
      epochMs: first!.epochMs,
      rows,
      context: isOnly ? first!.context : this.#root,
      links: isOnly ? [] : traces,
    };
    const untraced: TracedWork = { trace: first!, run: (part) => part(), end: () => {} };
    return this.#guarded(() => this.#begin(component, start), undefined) ?? untraced;
  }

  #epochMs(): number {
    const { clock } = this.#run;
    return clock.now() - clock.monotonic();
  }

  /** Undefined where the host does not want it. */
  #begin(component: TracedComponent, start: SpanStart): TracedWork | undefined {
    const { api } = this.#parts;
    const { startMs, epochMs, context, links } = start;
    const operation = operations[component.kind];
    const span = this.#tracer.startSpan(
      `${operation} ${component.id}`,
      {
        kind: this.#kindOf(operation),
        startTime: hrTime(epochMs + startMs),
        attributes: this.#attributesOf(component, operation, start.rows),
        links: links
          .flatMap((trace) => api.trace.getSpanContext(trace.context) ?? [])
          .map((one) => ({ context: one })),
      },
      context,
    );
    if (!span.isRecording()) return undefined;
    const active = api.trace.setSpan(context, span);
    const trace: Trace = { context: active, epochMs };
    return {
      trace,
      run: (part) => api.context.with(active, part),
      end: ({ endMs, failed = 0, error }) =>
        this.#guarded(() => {
          if (failed > 0) span.setAttribute(names.rowsFailed, failed);
          if (error !== undefined) this.#fail(span, error);
          span.end(hrTime(epochMs + endMs));
        }, undefined),
    };
  }

  #kindOf(operation: Operation): SpanKind {
    const { SpanKind } = this.#parts.api;
    if (operation === 'process') return SpanKind.INTERNAL;
    return operation === 'receive' ? SpanKind.CONSUMER : SpanKind.PRODUCER;
  }

  #attributesOf(
    { id, name }: TracedComponent,
    operation: Operation,
    rows: number,
  ): Record<string, string | number> {
    return {
      [names.operation]: operation,
      [names.messages]: rows,
      ...(operation !== 'process' && { [names.system]: name, [names.destination]: id }),
      [names.pipeline]: this.#run.pipeline,
      [names.component]: id,
      [names.componentType]: name,
    };
  }

  /** A message may tell what was in a record, and so may a stack that begins with it. */
  #fail(span: Span, error: unknown): void {
    const type = errorTypeOf(error);
    span.setAttribute(names.errorType, type);
    span.setStatus({ code: this.#parts.api.SpanStatusCode.ERROR, message: type });
  }

  /** Whatever becomes of a span, the run goes on. */
  #guarded<T>(make: () => T, otherwise: T): T {
    try {
      return make();
    } catch (error) {
      this.#parts.failed(error);
      return otherwise;
    }
  }
}

function errorTypeOf(error: unknown): string {
  if (isPipelineError(error)) return error.code;
  return error instanceof Error ? error.constructor.name : '_OTHER';
}
