import { dirname, resolve } from 'node:path';

import type { Fields } from './batch/index.ts';
import { deadLetterFile } from './connectors/dead-letter-file.ts';
import { connectors } from './connectors/index.ts';
import {
  PipelineRegistry,
  type Sink,
  type SinkComponent,
  type Source,
  type SourceComponent,
  type Stage,
  type StageComponent,
  systemOutside,
} from './core/index.ts';
import type { ConfigOptions, PipelineConfig } from './engine/config.ts';
import {
  type BuilderDefaults,
  type Pipeline,
  type SettingsInput,
  TypedPipelineBuilder,
} from './engine/index.ts';
import { stages } from './stages/index.ts';

/** The components that come with Millrace. */
export function builtins(): PipelineRegistry {
  return new PipelineRegistry([...stages, ...connectors]);
}

/**
 * Begins a pipeline: `pipeline('name').from(source).pipe(stages).to(sink)`. Unless `defaults` says
 * otherwise it runs on this machine, and records that fail go to a file in the state directory.
 */
export function pipeline(
  name: string,
  settings: SettingsInput = {},
  defaults: Partial<BuilderDefaults> = {},
): TypedPipelineBuilder {
  const outside = defaults.outside ?? systemOutside();
  const deadLetters = defaults.deadLetters ?? deadLetterFile();
  return new TypedPipelineBuilder(name, settings, { outside, deadLetters });
}

/** A stage as a pipeline takes it: described, or written by hand. */
type Step<In extends Fields, Out extends Fields> = StageComponent<In, Out> | Stage<In, Out>;

/**
 * Builds a pipeline of one chain, as the builder does: checked whole, to be run, or iterated, which
 * needs no sink. Up to five stages; rejects with a `ValidationError`. `name`: `pipeline` unless given.
 */
export function buildPipeline<F extends Fields>(
  source: SourceComponent<F> | Source<F>,
  stages: readonly [],
  sink?: SinkComponent<F> | Sink<F>,
  name?: string,
): Promise<Pipeline<F>>;
export function buildPipeline<F extends Fields, A extends Fields>(
  source: SourceComponent<F> | Source<F>,
  stages: readonly [Step<F, A>],
  sink?: SinkComponent<A> | Sink<A>,
  name?: string,
): Promise<Pipeline<A>>;
export function buildPipeline<F extends Fields, A extends Fields, B extends Fields>(
  source: SourceComponent<F> | Source<F>,
  stages: readonly [Step<F, A>, Step<A, B>],
  sink?: SinkComponent<B> | Sink<B>,
  name?: string,
): Promise<Pipeline<B>>;
export function buildPipeline<
  F extends Fields,
  A extends Fields,
  B extends Fields,
  C extends Fields,
>(
  source: SourceComponent<F> | Source<F>,
  stages: readonly [Step<F, A>, Step<A, B>, Step<B, C>],
  sink?: SinkComponent<C> | Sink<C>,
  name?: string,
): Promise<Pipeline<C>>;
export function buildPipeline<
  F extends Fields,
  A extends Fields,
  B extends Fields,
  C extends Fields,
  D extends Fields,
>(
  source: SourceComponent<F> | Source<F>,
  stages: readonly [Step<F, A>, Step<A, B>, Step<B, C>, Step<C, D>],
  sink?: SinkComponent<D> | Sink<D>,
  name?: string,
): Promise<Pipeline<D>>;
export function buildPipeline<
  F extends Fields,
  A extends Fields,
  B extends Fields,
  C extends Fields,
  D extends Fields,
  E extends Fields,
>(
  source: SourceComponent<F> | Source<F>,
  stages: readonly [Step<F, A>, Step<A, B>, Step<B, C>, Step<C, D>, Step<D, E>],
  sink?: SinkComponent<E> | Sink<E>,
  name?: string,
): Promise<Pipeline<E>>;
export async function buildPipeline(
  source: SourceComponent | Source,
  stages: readonly Step<never, Fields>[],
  sink?: SinkComponent<Fields> | Sink,
  name = 'pipeline',
): Promise<Pipeline> {
  const builder = pipeline(name);
  const flow = builder.from(source).pipe(...(stages as [Step<Fields, Fields>]));
  if (sink !== undefined) flow.to(sink);
  return builder.build();
}

/**
 * Reads a pipeline file, YAML or JSON, to be planned by `config.plan()` and started by `startRun`.
 * Unless `options` says otherwise it names the built-in components, runs on this machine with paths
 * relative to the file, and takes `${env:NAME}` from this process.
 */
export async function readPipeline(
  file: string,
  options: Partial<ConfigOptions> = {},
): Promise<PipelineConfig> {
  // Pipelines written in code do without the reader.
  const { readConfig } = await import('./engine/config.ts');
  return readConfig(file, {
    registry: builtins(),
    outside: systemOutside(dirname(resolve(file))),
    environment: process.env,
    deadLetters: deadLetterFile(),
    ...options,
  });
}
