// Copies standard input to standard output as the engine would, and says on standard error how it
// ended. Run by stdio.test.ts in a process of its own.
import process from 'node:process';

import * as z from 'zod';

import { type Schema, schema } from '../../src/batch/index.ts';
import { stdinSource } from '../../src/connectors/stdin.ts';
import { stdoutSink } from '../../src/connectors/stdout.ts';
import {
  endOfInput,
  silentLogger,
  type SinkConnector,
  type SourceConnector,
  systemOutside,
} from '../../src/core/index.ts';
import { defaultSettings } from '../../src/engine/index.ts';
import { Tally } from '../../src/engine/report.ts';
import { isPipelineError } from '../../src/errors.ts';

const reading: Schema = schema({ n: 'float64' }) as unknown as Schema;
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort(new Error('stopped')));

const context = {
  ...systemOutside(),
  id: 'io',
  log: silentLogger,
  signal: stopping.signal,
  batchLimits: defaultSettings.batch,
  input: reading,
  output: reading,
  report: new Tally(),
  savesPositions: false,
  idle: <T>(wait: Promise<T>): Promise<T> => wait,
};
const sourceOptions = stdinSource.spec.options(z).parse({ schema: { n: 'float64' } }) as never;
const sinkOptions = stdoutSink.spec.options(z).parse({}) as never;

async function copy(): Promise<string> {
  const source = (await stdinSource.spec.create(sourceOptions, context)) as SourceConnector;
  const sink = (await stdoutSink.spec.create(sinkOptions, context)) as SinkConnector;
  try {
    await sink.open(stopping.signal);
    await source.open(undefined, stopping.signal);
    for (;;) {
      const batch = await source.read(stopping.signal);
      if (batch === endOfInput) return 'done';
      await sink.write(batch, stopping.signal);
    }
  } catch (error) {
    return isPipelineError(error) ? error.code : (error as Error).message;
  } finally {
    await source.close();
    await sink.close();
  }
}

void copy().then((end) => process.stderr.write(`${end}\n`));
