import { writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import { stringify } from 'yaml';

import { systemFiles } from '../core/index.ts';
import { fileError } from '../core/system-files.ts';
import { PipelineError } from '../errors.ts';
import { schemaFileName, schemaText } from './schema.ts';
import type { Terminal } from './terminal.ts';

/** Writes a pipeline that runs as it stands, and its schema beside it. Overwrites nothing. */
export async function initDirectory(directory: string, terminal: Terminal): Promise<void> {
  const file = join(directory, 'pipeline.yaml');
  const schemaFile = join(directory, schemaFileName);
  await makeDirectory(directory);
  await writeTo(file, pipelineText(basename(resolve(directory))), 'wx');
  // The schema is made, not written: an older one is replaced.
  await writeTo(schemaFile, await schemaText(), 'w');
  terminal.print(`wrote ${file} and ${schemaFile}`);
  terminal.print(`run it: millrace run ${file} --for 10s`);
}

async function makeDirectory(directory: string): Promise<void> {
  const files = systemFiles();
  const facts = await files.facts(directory);
  if (facts === undefined) await files.makeDirectory(directory);
  else if (facts.kind !== 'directory') {
    throw new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: directory,
      fact: 'is no directory',
      remedy: 'name one, or a place for a new one',
    });
  }
}

async function writeTo(file: string, text: string, flag: 'w' | 'wx'): Promise<void> {
  try {
    await writeFile(file, text, { flag });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileError(file, error);
    throw new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: file,
      fact: 'is there already and is not overwritten',
      remedy: 'name another directory, or move it away',
      cause: error,
    });
  }
}

function pipelineText(directory: string): string {
  const name = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(directory) ? directory : 'first';
  return `# yaml-language-server: $schema=./${schemaFileName}
# Temperatures of ten simulated sensors, without those out of range, smoothed, into a file. It runs
# until Ctrl-C, or as long as \`--for 10s\` says; \`count: 1000\` in the source would end it too.
# \`millrace list\` shows what else there is, \`millrace describe simulate\` what one takes.
name: ${stringify(name).trimEnd()}

source:
  simulate: { sensors: 10, kinds: [temperature], everyMs: 100, seed: 1 }

stages:
  - threshold: { field: value, min: -20, max: 60 }
  - moving-average: { field: value, window: 50, by: sensorId, into: average }

sink:
  file: { path: readings.ndjson }
`;
}
