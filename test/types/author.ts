/**
 * Compiled, never run: components as the author of another package writes them, from the package
 * alone, each part in a function or a class of its own, and exported, so that it stands in that
 * package's declarations.
 */
import {
  type Batch,
  type BatchLimits,
  deadLetterFile,
  type DeadLetterFields,
  defineSink,
  defineSource,
  defineStage,
  endOfInput,
  type FailedRecord,
  type FailedRow,
  type FieldOf,
  fieldOfKind,
  type Fields,
  type FileFacts,
  type FileHandle,
  hostSource,
  type JsonValue,
  type PlanContext,
  type Position,
  type RowsKept,
  type Schema,
  schema,
  simulateSource,
  type Sink,
  type SinkComponent,
  type SinkConnector,
  type SinkContext,
  type SinkDefinition,
  type SinkSpec,
  type Source,
  type SourceComponent,
  type SourceConnector,
  type SourceContext,
  type SourceDefinition,
  type SourceReport,
  type SourceSpec,
  type StageComponent,
  type StageContext,
  type StageDefinition,
  type StageInstance,
  type StageReport,
  type StageSpec,
  type StageState,
  type StatefulStage,
  type WhenPaused,
  type WriteResult,
  type Zod,
} from 'millrace';

const events = schema({ sequence: 'float64', level: 'float64?' });
type Events = (typeof events)['shape'];

// A source in parts.

interface LogOptions {
  readonly path: string;
}

class LogSource implements SourceConnector {
  readonly #path: string;
  readonly #context: SourceContext;
  readonly #limits: BatchLimits;
  #file: FileHandle | undefined;
  #facts: FileFacts | undefined;

  constructor({ path }: LogOptions, context: SourceContext) {
    this.#path = path;
    this.#context = context;
    this.#limits = context.batchLimits;
  }

  async open(_from: Position | undefined): Promise<void> {
    this.#file = await this.#context.files.open(this.#path, 'read');
    this.#facts = await this.#file.facts();
  }

  read(): Promise<Batch | typeof endOfInput> {
    refuse(this.#context.report, new Uint8Array(this.#limits.rowsMax));
    return Promise.resolve(endOfInput);
  }

  position(): Position {
    return this.#facts?.sizeBytes ?? 0;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

function refuse(report: SourceReport, record: Uint8Array): void {
  const failed: FailedRecord = {
    position: 0,
    partition: '',
    reason: 'log.broken',
    message: 'the line is broken',
    record,
    recordBytes: record.length,
  };
  report.failed(failed);
}

async function schemaOf({ path }: LogOptions, { files }: PlanContext): Promise<Schema> {
  await files.readText(path);
  return events;
}

function pathOption(z: Zod): ReturnType<SourceSpec<LogOptions>['options']> {
  return z.strictObject({ path: z.string().describe('The file.') });
}

const whenPaused: WhenPaused = 'hold';

const spec: SourceSpec<LogOptions> = {
  name: 'log',
  summary: 'Read a log.',
  options: pathOption,
  example: { path: 'a.log' },
  whenPaused,
  output: schemaOf,
  create: (options, context) => new LogSource(options, context),
};

export const logSource: SourceDefinition & ((options: LogOptions) => SourceComponent<Events>) =
  defineSource<(options: LogOptions) => SourceComponent<Events>, LogOptions>(spec);

export function heartbeat(): Source<Events> {
  return { schema: events, async *stream() {} };
}

// A stage in parts.

interface LastOptions<N extends string = string> {
  readonly field: N;
}

type Last = <F extends Fields, const N extends FieldOf<F, 'float64'>>(
  options: LastOptions<N>,
) => StageComponent<F, F>;

class KeepLast implements StatefulStage {
  readonly #report: StageReport;
  #last: JsonValue = null;

  constructor({ report }: StageContext) {
    this.#report = report;
  }

  process(batch: Batch): Batch {
    this.#report.counted('batches', 1);
    this.#last = batch.length;
    return batch;
  }

  snapshot(): JsonValue {
    return this.#last;
  }

  restore(state: JsonValue): void {
    this.#last = state;
  }
}

export function saved(...states: readonly StageState[]): JsonValue[] {
  return states.map((state) => state.snapshot());
}

function createLast(_options: LastOptions, context: StageContext): StageInstance {
  return new KeepLast(context);
}

/** Stages that keep the schema of what comes in. */
export function keeping<O>(rows: RowsKept, given: Omit<StageSpec<O>, 'rows' | 'output'>) {
  return defineStage({ ...given, rows, output: (input: Schema) => input });
}

export const last: StageDefinition & Last = defineStage<Last, LastOptions>({
  name: 'last',
  summary: 'Remember the last value.',
  options: (z) => z.strictObject({ field: z.string().describe('The field.') }),
  example: { field: 'value' },
  rows: 'same',
  output: (input, { field }) => {
    fieldOfKind(input, field, ['float64']);
    return input;
  },
  create: createLast,
});

// A sink in parts.

class LetterSink implements SinkConnector {
  readonly #context: SinkContext;

  constructor(context: SinkContext) {
    this.#context = context;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  write(batch: Batch): Promise<WriteResult> {
    this.#context.report.counted('letters', batch.length);
    return Promise.resolve({ failed: refusedRows(batch) });
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function refusedRows({ rows, length }: Batch): FailedRow[] {
  const refused = [...rows.subarray(0, length)];
  return refused.map((row) => ({ row, reason: 'letter.long', message: 'too long' }));
}

const letterSpec: SinkSpec<object> = {
  name: 'letters',
  summary: 'Send dead letters away.',
  options: (z) => z.strictObject({}),
  example: {},
  create: (_options, context) => new LetterSink(context),
};

export const letters: SinkDefinition & (() => SinkComponent<DeadLetterFields>) = defineSink<
  () => SinkComponent<DeadLetterFields>,
  object
>(letterSpec);

export const nowhere: Sink = {
  async consume(stream) {
    for await (const _flow of stream);
  },
};

// Components of the package, given on under names of one's own.

export const machine = hostSource({ everyMs: 100 });
export const fleet = simulateSource({ sensors: 3 });
export const graveyard = deadLetterFile({ path: 'dead.ndjson' });
