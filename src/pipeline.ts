import { dirname, resolve } from 'node:path';

import { deadLetterFile } from './connectors/dead-letter-file.ts';
import { connectors } from './connectors/index.ts';
import { PipelineRegistry, systemOutside } from './core/index.ts';
import type { ConfigOptions, PipelineConfig } from './engine/config.ts';
import { type BuilderDefaults, type SettingsInput, TypedPipelineBuilder } from './engine/index.ts';
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
