import { dirname, resolve } from 'node:path';
import process from 'node:process';

import { deadLetterFile } from '../connectors/dead-letter-file.ts';
import { systemOutside } from '../core/index.ts';
import { type PipelineConfig, parseOverride, readConfig } from '../engine/config.ts';
import { isPipelineError } from '../errors.ts';
import { UsageError } from './failure.ts';
import { builtins } from './registry.ts';
import type { Terminal } from './terminal.ts';

/** Reads a pipeline file with the built-in components; its resolved secrets are never shown. */
export async function loadConfig(
  file: string,
  set: readonly string[] | undefined,
  terminal: Terminal,
): Promise<PipelineConfig> {
  const config = await readConfig(file, {
    registry: builtins(),
    outside: systemOutside(dirname(resolve(file))),
    environment: process.env,
    overrides: parseOverrides(set ?? []),
    deadLetters: deadLetterFile(),
  });
  terminal.scrub = (text) => config.secrets.scrub(text);
  return config;
}

function parseOverrides(set: readonly string[]): ReturnType<typeof parseOverride>[] {
  try {
    return set.map((argument, index) => parseOverride(argument, index + 1));
  } catch (error) {
    throw isPipelineError(error) ? new UsageError(error.message) : error;
  }
}
