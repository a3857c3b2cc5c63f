import type * as zod from 'zod';

import type { Fields, JsonValue, Schema } from '../batch/index.ts';
import type { Clock } from './clock.ts';
import { type ComponentDescription, type Described, parametersOfSchema } from './describe.ts';
import type { Outside, SinkContext, SourceContext, StageContext } from './context.ts';
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
  /** The schema of its rows, found before data flows. Throws where it cannot be known. */
  readonly output: (options: O, context: PlanContext) => Schema | Promise<Schema>;
  /** The files it reads, as paths or glob patterns. */
  readonly reads?: (options: O) => readonly string[];
  /** May load what only a source that runs needs: a driver, a parser. */
  readonly create: (
    options: O,
    context: SourceContext,
  ) => SourceConnector | Source | Promise<SourceConnector | Source>;
}

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
