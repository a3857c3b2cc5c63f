import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';

import { reasonOf } from '../../errors.ts';
import type { ExportCounts } from './export-counts.ts';

/** Told of what was lost. */
export type LossListener = (items: number, reason: string) => void;

interface ExportResult {
  readonly code: number;
  readonly error?: Error;
}

interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): void;
}

/** Counts what an exporter is given, and what becomes of it. */
export class ExportCounter<T> implements ExportCounts {
  sent = 0;
  failed = 0;
  rejected = 0;
  dropped = 0;
  /** Given to the exporter so far. */
  offered = 0;
  #isOver = false;
  readonly #sizeOf: (items: T) => number;
  readonly #lost: LossListener;

  constructor(sizeOf: (items: T) => number, lost: LossListener) {
    this.#sizeOf = sizeOf;
    this.#lost = lost;
  }

  /** What the exporter says from now on is counted. */
  count(exporter: Exporter<T>): void {
    const exportItems = exporter.export.bind(exporter);
    exporter.export = (items, done) => {
      const size = this.#sizeOf(items);
      this.offered += size;
      exportItems(items, (result) => {
        if (this.#isOver) return done(result);
        if (result.code === 0) this.sent += size;
        else {
          this.failed += size;
          this.#lost(size, result.error === undefined ? 'not taken' : reasonOf(result.error));
        }
        done(result);
      });
    };
    this.#hearRejections(exporter);
  }

  /** What the exporter has not said anything of counts as failed. */
  giveUp(): void {
    this.#isOver = true;
    this.failed += this.offered - this.sent - this.failed - this.rejected;
  }

  /** Exporters only log what a receiver refuses of what it took: this asks where they read it. */
  #hearRejections(exporter: object): void {
    const { _delegate: delegate } = exporter as { readonly _delegate?: Delegate };
    const handler = delegate?._responseHandler;
    if (delegate === undefined || handler === undefined) {
      return this.#lost(0, 'what a receiver refuses cannot be told: it counts as sent');
    }
    delegate._responseHandler = {
      handleResponse: (response) => {
        handler.handleResponse(response);
        const { rejectedSpans, rejectedDataPoints, errorMessage } = response?.partialSuccess ?? {};
        const rejected = Number(rejectedSpans ?? rejectedDataPoints ?? 0);
        if (this.#isOver || !(rejected > 0)) return;
        this.rejected += rejected;
        // It is counted as sent with the others, in a moment.
        this.sent -= rejected;
        this.#lost(rejected, errorMessage ?? 'rejected');
      },
    };
  }
}

interface Delegate {
  _responseHandler?: { handleResponse(response: ExportResponse | undefined): void };
}

interface ExportResponse {
  readonly partialSuccess?: {
    readonly rejectedSpans?: number | string;
    readonly rejectedDataPoints?: number | string;
    readonly errorMessage?: string;
  };
}

/** Lets so many spans wait before a processor; drops and counts what is beyond. */
export class BoundedSpans implements SpanProcessor {
  readonly #inner: SpanProcessor;
  readonly #counter: ExportCounter<unknown[]>;
  readonly #max: number;
  #accepted = 0;

  constructor(inner: SpanProcessor, counter: ExportCounter<unknown[]>, max: number) {
    this.#inner = inner;
    this.#counter = counter;
    this.#max = max;
  }

  get waiting(): number {
    return this.#accepted - this.#counter.offered;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.waiting >= this.#max) {
      this.#counter.dropped++;
      return;
    }
    this.#accepted++;
    this.#inner.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}
