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
import { chainProblems } from './engine/checks.ts';
import type { ConfigOptions, PipelineConfig } from './engine/config.ts';
import {
  type BuilderDefaults,
  type Pipeline,
  type SettingsInput,
  TypedPipelineBuilder,
  ValidationError,
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

/**
 * Builds a pipeline of one chain, as the builder does: checked whole, to be run, or iterated, which
 * needs no sink. Rejects with a `ValidationError`. The compiler follows fields through the chain of a
 * builder, and not through a list. `name`: `pipeline` unless given.
 */
export async function buildPipeline(
  source: SourceComponent | Source,
  stages: readonly (StageComponent<never, Fields> | Stage<never, Fields>)[],
  sink?: SinkComponent<never> | Sink<never>,
  name = 'pipeline',
): Promise<Pipeline> {
  const problems = chainProblems(source, stages, sink);
  if (problems.length > 0) throw new ValidationError(String(name), problems);
  const builder = pipeline(name);
  const flow = builder.from(source).pipe(...(stages as readonly [StageComponent<Fields>]));
  if (sink !== undefined) flow.to(sink as Sink);
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
