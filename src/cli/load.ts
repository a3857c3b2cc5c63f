import { redactorOf } from '../core/mask.ts';
import { type PipelineConfig, parseOverride } from '../engine/config.ts';
import { isPipelineError } from '../errors.ts';
import { readPipeline } from '../pipeline.ts';
import { UsageError } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Reads a pipeline file with the built-in components; its resolved secrets are never shown. */
export async function loadConfig(
  file: string,
  set: readonly string[] | undefined,
  terminal: Terminal,
): Promise<PipelineConfig> {
  const config = await readPipeline(file, { overrides: parseOverrides(set ?? []) });
  terminal.scrub = redactorOf((text) => config.secrets.scrub(text));
  return config;
}

/** The values given on the command line. Throws a `UsageError` where one is no `path=value`. */
function parseOverrides(set: readonly string[]): ReturnType<typeof parseOverride>[] {
  try {
    return set.map((argument, index) => parseOverride(argument, index + 1));
  } catch (error) {
    throw isPipelineError(error) ? new UsageError(error.message) : error;
  }
}
