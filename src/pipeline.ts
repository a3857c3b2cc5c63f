import { deadLetterFile } from './connectors/dead-letter-file.ts';
import { systemOutside } from './core/index.ts';
import { type BuilderDefaults, type SettingsInput, TypedPipelineBuilder } from './engine/index.ts';

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
