import type * as zod from 'zod';

import type { Encoder } from '../batch/codec/contract.ts';
import type { Batch, Fields, JsonValue, Schema } from '../batch/index.ts';
import type { Clock } from './clock.ts';
import { type ComponentDescription, type Described, parametersOfSchema } from './describe.ts';
import type {
  EncoderContext,
  Outside,
  SinkContext,
  SourceContext,
  StageContext,
} from './context.ts';
import type { Policy } from './policy.ts';
import type { Sink, SinkConnector } from './sink.ts';
import type { Source, SourceConnector, WhenPaused } from './source.ts';
import type { RowsKept, StageInstance } from './stage.ts';

/** The zod module, handed to `options` so that importing a component does not load it. */
export type Zod = typeof zod;

interface Description<O> {
  /** As in config files: kebab-case for stages, the protocol's noun for connectors. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** What else there is to know, for docs: limits, order, units. */
  readonly details?: string;
  /** The options and their defaults, with a description on each. */
  readonly options: (z: Zod) => zod.ZodType<O>;
  /** Options that work as they stand, for docs and tests; null where only code can give them. */
  readonly example: JsonValue;
  /** The call in TypeScript, for docs, where it takes what a config file cannot hold. */
  readonly exampleCode?: string;
}

/** What a source or stage may ask for while it is planned. */
export interface PlanContext extends Outside {
  /** The id of the component in its pipeline. */
  readonly id: string;
  /** Aborts when the plan is given up. */
  readonly signal: AbortSignal;
}

/** What describes a source. `O`: its options with their defaults. */
export interface SourceSpec<O> extends Description<O> {
  /** What it does while the pipeline can take nothing. */
  readonly whenPaused: WhenPaused;
  /**
   * Whether its input has a pace of its own, so that it can fall behind, although it waits while the
   * pipeline is paused; only where that is `hold`. False unless given: all of the input is there.
   */
  readonly isPaced?: (options: O) => boolean;
  /** The schema of its rows, found before data flows. Throws where it cannot be known. */
  readonly output: (options: O, context: PlanContext) => Schema | Promise<Schema>;
  /** The files it reads, as paths or glob patterns. */
  readonly reads?: (options: O) => readonly string[];
  /** How it is read so that its records are decoded on other threads, where it can be. */
  readonly chunks?: ChunksSpec<O>;
  /** May load what only a source that runs needs: a driver, a parser. */
  readonly create: (
    options: O,
    context: SourceContext,
  ) => SourceConnector | Source | Promise<SourceConnector | Source>;
}

/** What describes a source whose bytes can be read on one thread and decoded on others. */
export interface ChunksSpec<O> {
  /** Why that cannot be with these options; undefined where it can. */
  readonly refuse: (options: O) => string | undefined;
  /** As the source itself, at the same positions, its rows those of `chunkSchema`. */
  readonly create: (options: O, context: SourceContext) => Promise<SourceConnector>;
  /** Decodes its chunks, in any order; on each thread one. */
  readonly decode: (options: O, context: SourceContext) => Promise<DecodesChunks>;
}

/** Makes batches of the chunks of a source. */
export interface DecodesChunks {
  /** The batches of one chunk, each for whoever takes it to release. */
  decode(chunk: Batch): Iterable<Batch>;
}

/** A bool field that says which values of a number field are out of the ordinary. */
export interface AnomalyFlag {
  readonly flag: string;
  readonly field: string;
  /** The field that says whose value it is, where each is judged by itself. */
  readonly by?: string;
}

/** What a stage keeps from row to row. */
export type Kept = 'nothing' | { readonly by: readonly string[] } | 'all';

/** What describes a stage. `O`: its options with their defaults. */
export interface StageSpec<O> extends Description<O> {
  /** What it does to the number of rows; the ledger holds it to that. */
  readonly rows: RowsKept;
  /** `many`: it takes several inputs of equal schema. One unless said. */
  readonly inputs?: 'one' | 'many';
  /** The names of its outputs where it has several. */
  readonly outputs?: (options: O) => readonly string[];
  /** Its output schema, found before data flows. Throws where the input does not fit. */
  readonly output: (input: Schema, options: O) => Schema;
  /**
   * True where the fields of its input go on whatever its options say: what is behind it is then
   * checked in full also where an option is wrong.
   */
  readonly keepsFields?: true;
  /** The flag that it gives out for charts to mark values by. */
  readonly anomalies?: (options: O) => AnomalyFlag;
  /** The new names of fields, by their old ones, where it gives such: for who follows a field. */
  readonly renames?: (options: O) => Readonly<Record<string, string>>;
  /**
   * What it keeps from row to row: nothing, something for each value of these fields, or something for
   * all rows. Where it does not say, it is taken to keep something for all.
   */
  readonly keeps?: (options: O) => Kept;
  /** The fields that it writes, or renames: others go on as they are. Unless it says so, any. */
  readonly changes?: (options: O) => readonly string[];
  /** True where it needs to know how far event time is: its sources then have `eventTime`. */
  readonly eventTime?: true;
  /** Whether it makes its calls by `context.call`, so that a policy can stand around each of them. */
  readonly calls?: boolean;
  /** Called once for each run. */
  readonly create: (options: O, context: StageContext) => StageInstance;
}

/** What describes a sink. `O`: its options with their defaults. */
export interface SinkSpec<O> extends Description<O> {
  /** Throws where the input does not fit. */
  readonly check?: (input: Schema, options: O) => void;
  /** The file it writes in a pipeline of that name. No other component of it may use the file. */
  readonly writes?: (options: O, pipeline: string) => string | undefined;
  /** True when it writes data to standard output, so that reports go to standard error. */
  readonly writesStdout?: boolean;
  /**
   * Makes an encoder of the rows that go to it, which other threads may have; its `write` then takes
   * an `EncodedBatch` too. Undefined where, with these options, each row hangs on those before.
   */
  readonly encoder?: (options: O, context: EncoderContext) => Promise<Encoder> | undefined;
  /** May load what only a sink that runs needs: a driver, a writer. */
  readonly create: (
    options: O,
    context: SinkContext,
  ) => SinkConnector | Sink | Promise<SinkConnector | Sink>;
}

// The kinds below are erased over their options: a pipeline holds components of many of them.

/** A source as it was described, and as a registry takes it. */
export interface SourceDefinition extends Described {
  readonly kind: 'source';
  readonly spec: SourceSpec<never>;
}

/** A stage as it was described, and as a registry takes it. */
export interface StageDefinition extends Described {
  readonly kind: 'stage';
  readonly spec: StageSpec<never>;
}

/** A sink as it was described, and as a registry takes it. */
export interface SinkDefinition extends Described {
  readonly kind: 'sink';
  readonly spec: SinkSpec<never>;
}

export type Definition = SourceDefinition | StageDefinition | SinkDefinition;

/** How a component takes part in a pipeline, beside its own options. */
export interface Placement {
  /**
   * Its name in the pipeline: up to 64 letters, digits, `-` and `_`. Made from the component's name
   * unless given.
   */
  readonly id?: string;
  /**
   * Wraps its `open`, `read`, `write`, `commit` and `acknowledge`; of a stage that waits, each call
   * of its function.
   */
  readonly policy?: Policy;
}

/** When the rows of a source happened, and how far out of order they may come. */
export interface EventTimeOptions<T extends string = string> {
  /** The timestamp field that says when. */
  readonly field: T;
  /** How far behind the latest of its partition a row may come: 5,000 ms unless given. */
  readonly lateMs?: number | undefined;
  /**
   * A partition that gives nothing for so long while it is read holds nobody up any more: 60,000 ms
   * unless given.
   */
  readonly idleAfterMs?: number | undefined;
  /** A row further ahead of the clock is a dead letter: 3,600,000 ms unless given. */
  readonly futureMsMax?: number | undefined;
}

/** How a source takes part in a pipeline. `T`: the names of its timestamp fields. */
export interface SourcePlacement<T extends string = string> extends Placement {
  /** Given where a stage counts by event time, as `window` does. */
  readonly eventTime?: EventTimeOptions<T>;
}

/**
 * What a sink that nobody waits for does with rows that its queue has no room for. `spill` keeps them
 * in files of the state directory, up to `bytesMax`, and then drops the oldest.
 */
export type Overflow =
  'dropOldest' | 'dropNewest' | { readonly spill: { readonly bytesMax: number } };

/** How a sink takes part in a pipeline. */
export interface SinkPlacement extends Placement {
  /**
   * Whether the pipeline waits for it, and fails with it; true unless given. One that is not
   * required says what becomes of rows that it cannot take: `overflow`.
   */
  readonly required?: boolean;
  readonly overflow?: Overflow;
}

/** A source with its options, not yet created. `F`: the fields of its rows. */
export interface SourceComponent<F extends Fields = Fields> {
  readonly kind: 'source';
  readonly definition: SourceDefinition;
  readonly options: unknown;
  /** Carries the type; never set. */
  readonly fields?: F;
}

/** What a run measures of one stage, for a stage that wants to know. */
export interface StageFigures {
  /** Rows that came in. */
  readonly recordsProcessed: number;
  /** Milliseconds of work for a batch; null before the first. */
  readonly meanLatencyMs: number | null;
  /** Rows that failed, whatever became of them, and a throw. */
  readonly errorCount: number;
}

/** A stage with its options, not yet created. */
export interface StageComponent<In extends Fields = never, Out extends Fields = Fields> {
  readonly kind: 'stage';
  readonly definition: StageDefinition;
  readonly options: unknown;
  /**
   * Told once for each batch what the run has measured by then; what it throws is its own affair.
   * Where it is not there, nothing is taken down for it.
   */
  readonly takeFigures?: (figures: StageFigures, clock: Clock) => void;
  /** Carries the types; never set. */
  readonly types?: (input: In) => Out;
}

/** A sink with its options, not yet created. */
export interface SinkComponent<In extends Fields = never> {
  readonly kind: 'sink';
  readonly definition: SinkDefinition;
  readonly options: unknown;
  /** Carries the type; never set. */
  readonly types?: (input: In) => void;
}

/** Whether a component was made by a description, as `filter({ … })`, and not written by hand. */
export function isDescribed<C extends object>(
  component: C,
): component is Extract<C, { readonly definition: Definition }> {
  const { definition } = component as { readonly definition?: Partial<Definition> };
  return typeof definition?.spec?.create === 'function';
}

/**
 * Describes a source and gives the function that makes one of it. `Call` is the type of that
 * function: its parameter the options, its result a `SourceComponent`.
 */
export function defineSource<Call extends (options: never) => SourceComponent, O = unknown>(
  spec: SourceSpec<O>,
): Call & SourceDefinition {
  return define('source', spec) as unknown as Call & SourceDefinition;
}

/**
 * Describes a stage and gives the function that makes one of it. Where that function takes several
 * arguments, `options` is given the array of them.
 */
export function defineStage<Call extends (...options: never[]) => StageComponent, O = unknown>(
  spec: StageSpec<O>,
): Call & StageDefinition {
  return define('stage', spec) as unknown as Call & StageDefinition;
}

/** Describes a sink and gives the function that makes one of it. */
export function defineSink<Call extends (options: never) => SinkComponent, O = unknown>(
  spec: SinkSpec<O>,
): Call & SinkDefinition {
  return define('sink', spec) as unknown as Call & SinkDefinition;
}

/** What is said of a component, whatever its options are. */
type Facts = Pick<Description<unknown>, 'name' | 'summary' | 'options'>;

function define(kind: Definition['kind'], spec: Facts): unknown {
  const definition = (...given: unknown[]): unknown => {
    const options = given.length > 1 ? given : (given[0] ?? {});
    return { kind, definition, options };
  };
  const describe = (): ComponentDescription => {
    const { name, summary, options } = spec;
    return { className: name, stageType: kind, summary, ...parametersOfSchema(name, options) };
  };
  return Object.assign(definition, { kind, spec: Object.freeze(spec), describe });
}
