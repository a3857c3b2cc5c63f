import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import { PipelineError, reasonOf } from '../errors.ts';
import { schemaFileName, schemaText } from './schema.ts';
import type { Terminal } from './terminal.ts';

/** Writes a pipeline that runs as it stands, and its schema beside it. Overwrites nothing. */
export async function initDirectory(directory: string, terminal: Terminal): Promise<void> {
  const file = join(directory, 'pipeline.yaml');
  const schemaFile = join(directory, schemaFileName);
  await mkdir(directory, { recursive: true });
  await writeNew(file, pipelineText(basename(resolve(directory))));
  // The schema is made, not written: an older one is replaced.
  await writeFile(schemaFile, await schemaText());
  terminal.print(`wrote ${file} and ${schemaFile}`);
  terminal.print(`run it: millrace run ${file}`);
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: file,
      fact: exists ? 'is there already and is not overwritten' : reasonOf(error),
      ...(exists && { remedy: 'name another directory, or move it away' }),
      cause: error,
    });
  }
}

function pipelineText(directory: string): string {
  const name = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(directory) ? directory : 'first';
  return `# yaml-language-server: $schema=./${schemaFileName}
# A fleet of simulated sensors, without those out of range, smoothed, into a file.
# \`millrace list\` shows what else there is, \`millrace describe simulate\` what one takes.
name: ${name}

source:
  simulate: { sensors: 10, everyMs: 100, seed: 1 }

stages:
  - threshold: { field: value, min: -50, max: 150 }
  - moving-average: { field: value, window: 50, by: sensorId, into: average }

sink:
  file: { path: readings.ndjson }
`;
}
