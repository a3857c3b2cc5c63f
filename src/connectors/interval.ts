import { type Batch, BatchBuilder, type Schema, schema } from '../batch/index.ts';
import {
  defineSource,
  endOfInput,
  type Position,
  type SourceComponent,
  type SourceConnector,
  type SourceContext,
  type SourceDefinition,
  Ticks,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';

/** `tick` counts the moments of the schedule from 0, those that were skipped too. */
export type IntervalFields = { readonly time: 'timestamp'; readonly tick: 'int64' };

/** When `intervalSource` gives its rows. */
export interface IntervalOptions {
  /** Milliseconds from one row to the next; the first comes at once. */
  readonly everyMs: number;
  /** Ends after so many rows; never unless given. */
  readonly count?: number | undefined;
}

const intervalSchema: Schema<IntervalFields> = schema({ time: 'timestamp', tick: 'int64' });

/** Gives a row at fixed times; the schedule does not drift. */
export const intervalSource: SourceDefinition &
  ((options: IntervalOptions) => SourceComponent<IntervalFields>) = defineSource<
  (options: IntervalOptions) => SourceComponent<IntervalFields>,
  IntervalOptions
>({
  name: 'interval',
  summary: 'Give a row { time, tick } every so many milliseconds.',
  options: (z) =>
    z.strictObject({
      everyMs: z
        .number()
        .positive()
        .describe('Milliseconds from one row to the next; the first comes at once.'),
      count: z
        .int()
        .nonnegative()
        .optional()
        .describe('End after so many rows; never unless given.'),
    }),
  example: { everyMs: 1000 },
  whenPaused: 'skip',
  output: () => intervalSchema,
  create: (options, context) => new IntervalConnector(options, context),
});

class IntervalConnector implements SourceConnector {
  readonly #options: IntervalOptions;
  readonly #context: SourceContext;
  readonly #builder: BatchBuilder<IntervalFields>;
  #ticks: Ticks | undefined;
  #rows = 0;

  constructor(options: IntervalOptions, context: SourceContext) {
    this.#options = options;
    this.#context = context;
    this.#builder = new BatchBuilder(intervalSchema, { source: context.id });
  }

  open(from: Position | undefined): Promise<void> {
    const { tick, rows } =
      from === undefined ? { tick: 0, rows: 0 } : parsePosition(from, this.#context.id);
    this.#rows = rows;
    this.#ticks = new Ticks(this.#context.clock, this.#options.everyMs, { first: tick });
    return Promise.resolve();
  }

  async read(signal: AbortSignal): Promise<Batch | typeof endOfInput> {
    const { clock, batchLimits, report } = this.#context;
    const ticks = this.#ticks!;
    const builder = this.#builder;
    let closesAt = Infinity;
    while (this.#rows < (this.#options.count ?? Infinity)) {
      try {
        const { tick, skipped } = await ticks.take(signal);
        report.counted('ticks.skipped', skipped);
        builder.append({ time: clock.now(), tick: BigInt(tick) }, tick);
        this.#rows++;
      } catch (error) {
        // A stop while rows wait for their batch to fill: they go out as they are.
        if (!signal.aborted || builder.length === 0) throw error;
        break;
      }
      closesAt = Math.min(closesAt, clock.monotonic() + batchLimits.waitMsMax);
      if (builder.length >= batchLimits.rowsMax || builder.bytes >= batchLimits.bytesMax) break;
      if (clock.monotonic() + ticks.waitMs > closesAt) break;
    }
    return builder.length === 0 ? endOfInput : builder.finish();
  }

  position(): Position {
    return { tick: this.#ticks?.next ?? 0, rows: this.#rows };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function parsePosition(from: Position, id: string): { tick: number; rows: number } {
  const { tick, rows } = (from ?? {}) as { tick?: unknown; rows?: unknown };
  if (Number.isSafeInteger(tick) && Number.isSafeInteger(rows)) return { tick, rows } as never;
  throw new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: id,
    fact: 'the saved position is not one of an interval source',
    remedy: 'start without it',
  });
}
