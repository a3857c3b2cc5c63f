// Follows `a.ndjson` and adds to a file, for each batch, one line with what was read and where to go on
// behind it. Run by file-follow-kill.test.ts in a process of its own, which is killed again and again.
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import * as z from 'zod';

import { Batch, type Schema, schema } from '../../src/batch/index.ts';
import { fileSource } from '../../src/connectors/file.ts';
import {
  type Position,
  silentLogger,
  type SourceConnector,
  systemOutside,
} from '../../src/core/index.ts';
import { defaultSettings } from '../../src/engine/index.ts';
import { Tally } from '../../src/engine/report.ts';

const directory = process.argv[2]!;
const reading: Schema = schema({ n: 'float64' }) as unknown as Schema;
const { signal } = new AbortController();

/** The position in the last whole line; a torn one is cut off. */
function saved(path: string): Position | undefined {
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  const end = text.lastIndexOf('\n') + 1;
  truncateSync(path, end);
  const last = text.slice(0, end).trimEnd().split('\n').at(-1)!;
  return last === '' ? undefined : (JSON.parse(last) as { position: Position }).position;
}

async function follow(): Promise<void> {
  const out = join(directory, 'out');
  const given = { path: 'a.ndjson', follow: true, pollMs: 10, schema: { n: 'float64' } };
  const source = (await fileSource.spec.create(fileSource.spec.options(z).parse(given) as never, {
    ...systemOutside(directory),
    id: 'source',
    log: silentLogger,
    signal,
    batchLimits: { ...defaultSettings.batch, rowsMax: 50 },
    output: reading,
    report: new Tally(),
    idle: (wait) => wait,
  })) as SourceConnector;
  await source.open(saved(out), signal);
  for (;;) {
    const batch = await source.read(signal);
    if (!(batch instanceof Batch)) throw new Error('a source that follows has no end');
    const numbers = batch.toRows().map((row) => row['n']);
    batch.release();
    appendFileSync(out, `${JSON.stringify({ numbers, position: source.position() })}\n`);
  }
}

void follow();
