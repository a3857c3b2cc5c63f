import type { ZodType } from 'zod';

import { Batch, type Fields, type RecordOf, type Schema } from '../batch/index.ts';
import {
  defineSink,
  defineSource,
  schemaOption,
  type SinkComponent,
  type SinkConnector,
  type SinkContext,
  type SinkDefinition,
  type SourceComponent,
  type SourceDefinition,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';

/** `rows` or `batches`, of one schema. Both may be read again, by a run that resumes. */
export type MemorySourceOptions<F extends Fields> =
  | { readonly schema: Schema<F>; readonly rows: Iterable<RecordOf<F>> }
  | { readonly schema: Schema<F>; readonly batches: readonly Batch<F>[] };

interface ParsedSourceOptions {
  readonly schema: Schema;
  readonly rows?: Iterable<RecordOf<Fields>> | undefined;
  readonly batches?: readonly Batch[] | undefined;
}

/** Gives rows that are in memory. A row that does not fit the schema is a dead letter. */
export const memorySource: SourceDefinition &
  (<F extends Fields>(options: MemorySourceOptions<F>) => SourceComponent<F>) = defineSource<
  <F extends Fields>(options: MemorySourceOptions<F>) => SourceComponent<F>,
  ParsedSourceOptions
>({
  name: 'memory',
  summary: 'Give rows that are in memory or written in the config.',
  options: (z) =>
    z
      .strictObject({
        schema: schemaOption(z).describe('Field names and kinds: { value: float64 }.'),
        rows: z
          .custom<Iterable<RecordOf<Fields>>>(isIterable, 'takes a list of records')
          .optional()
          .describe('The records, in order; timestamps in milliseconds or as RFC 3339 text.'),
        batches: z
          .array(z.instanceof(Batch, { error: 'takes batches, so it works from code only' }))
          .optional()
          .describe('Batches of the schema instead of records; from code only.'),
      })
      .refine(({ rows, batches }) => (rows === undefined) !== (batches === undefined), {
        error: 'give either `rows` or `batches`',
      }) as ZodType<ParsedSourceOptions>,
  example: {
    schema: { sensorId: 'category', value: 'float64' },
    rows: [{ sensorId: 'a', value: 1 }],
  },
  whenPaused: 'hold',
  output: (options) => options.schema,
  create: async (options, context) => {
    const { BatchesConnector, RowsConnector } = await import('./memory/connectors.ts');
    return options.batches === undefined
      ? new RowsConnector(options.rows!, context)
      : new BatchesConnector(options.batches, context);
  },
});

/** What `memorySink` takes. */
export interface MemorySinkOptions<F extends Fields> {
  /** Types the rows, and is demanded of the pipeline. */
  readonly schema?: Schema<F>;
  /** One row more than this fails the run: 1,000,000 unless given. */
  readonly rowsMax?: number;
}

interface ParsedSinkOptions {
  readonly schema?: Schema | undefined;
  readonly rowsMax: number;
  readonly into?: MemorySink | undefined;
}

/** A memory sink as a pipeline takes it, with the rows that it has been given. */
export class MemorySink<F extends Fields = Fields> implements SinkComponent<F> {
  readonly kind = 'sink';
  readonly definition: SinkDefinition = memorySink;
  readonly options: unknown;
  /** Carries the type; never set. */
  declare readonly types?: (input: F) => void;
  readonly #rows: RecordOf<F>[] = [];
  #committed = 0;

  constructor(options: MemorySinkOptions<F>) {
    this.options = { ...options, into: this };
  }

  /** Every record that was written, in order. */
  get rows(): readonly RecordOf<F>[] {
    return this.#rows;
  }

  /** Those of them that a cut has committed. */
  get committed(): readonly RecordOf<F>[] {
    return this.#rows.slice(0, this.#committed);
  }

  /** Adds records; the sink's own business. */
  add(records: readonly RecordOf<F>[]): void {
    for (const record of records) this.#rows.push(record);
  }

  /** Counts what it has as committed; the sink's own business. */
  commit(): void {
    this.#committed = this.#rows.length;
  }

  /** Takes back what no cut has committed. */
  rollBack(): void {
    this.#rows.length = this.#committed;
  }
}

const definition: SinkDefinition = defineSink<
  (options: object) => SinkComponent,
  ParsedSinkOptions
>({
  name: 'memory',
  summary: 'Keep rows in memory, for tests and for use inside a program.',
  options: (z) =>
    z.strictObject({
      schema: schemaOption(z)
        .optional()
        .describe('The schema that the rows must have; any unless given.'),
      rowsMax: z
        .int()
        .positive()
        .default(1_000_000)
        .describe('How many rows it keeps at most; one more fails.'),
      into: z
        .instanceof(MemorySink, { error: 'is set by `memorySink()`; leave it out' })
        .optional()
        .describe('Where the rows go: `memorySink()` sets it.'),
    }),
  example: { rowsMax: 1000 },
  check: (input, options) => {
    if (options.schema === undefined || options.schema.equals(input)) return;
    throw new PipelineError({
      code: 'ERR_BATCH_SCHEMA',
      place: 'memory',
      fact: `the rows are ${input}, not ${options.schema}`,
      remedy: 'give the schema that the pipeline makes, or none',
    });
  },
  create: (options, context) => new MemorySinkConnector(options, context),
});

/**
 * Keeps rows as plain records: `const sink = memorySink(); … sink.rows`. When it is opened again,
 * rows that no cut has committed are taken back, as a store with transactions does.
 */
export const memorySink: SinkDefinition &
  (<F extends Fields = Fields>(options?: MemorySinkOptions<F>) => MemorySink<F>) = Object.assign(
  <F extends Fields>(options: MemorySinkOptions<F> = {}) => new MemorySink<F>(options),
  {
    kind: definition.kind,
    spec: definition.spec,
    describe: () => definition.describe(),
  },
);

class MemorySinkConnector implements SinkConnector {
  readonly #kept: MemorySink;
  readonly #rowsMax: number;
  readonly #id: string;

  constructor({ into, rowsMax }: ParsedSinkOptions, { id }: SinkContext) {
    this.#kept = into ?? new MemorySink({});
    this.#rowsMax = rowsMax;
    this.#id = id;
  }

  open(): Promise<void> {
    this.#kept.rollBack();
    return Promise.resolve();
  }

  write(batch: Batch): Promise<void> {
    const rows = this.#kept.rows.length + batch.length;
    if (rows > this.#rowsMax) return Promise.reject(full(this.#id, this.#rowsMax));
    this.#kept.add(batch.toRows());
    return Promise.resolve();
  }

  commit(): Promise<void> {
    this.#kept.commit();
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function full(id: string, rowsMax: number): PipelineError {
  return new PipelineError({
    code: 'ERR_CONNECTOR_FULL',
    place: id,
    fact: `it keeps ${rowsMax} rows at most`,
    remedy: 'set `rowsMax`, or write to a file',
  });
}

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
