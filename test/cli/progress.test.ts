import type { WriteStream } from 'node:tty';

import { expect, test } from 'vitest';

import { showProgress } from '../../src/cli/progress.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { intervalSource } from '../../src/connectors/interval.ts';
import { startRun, TypedPipelineBuilder } from '../../src/engine/index.ts';
import { eventCatalogue } from '../../src/observe/catalogue.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { scriptedSink } from '../engine/ends.ts';
import { keepingLogger } from '../observe/log-lines.ts';

test('in a pipe, a run says every ten seconds how far it is, and of which pipeline', async () => {
  const outside = virtualOutside();
  const { log, lines } = keepingLogger();
  const flow = new TypedPipelineBuilder('boiler', {}, { outside });
  const built = flow.from(intervalSource({ everyMs: 1000 })).to(scriptedSink({}));
  const run = await startRun(await built.plan(), { log, durationMsMax: 25_000 });
  const stream = { isTTY: false, on: () => {}, write: () => true } as unknown as WriteStream;
  const over = new AbortController();
  const progress = showProgress(
    run,
    { durationMsMax: undefined, recordsMax: undefined },
    {
      terminal: new Terminal(stream, stream),
      clock: outside.clock,
      view: undefined,
      signal: over.signal,
    },
  );
  await run.done;
  over.abort();
  await progress;
  const said = lines().filter(({ event }) => event === 'run.progressed');
  expect(said).toHaveLength(2);
  const { summary, fields } = eventCatalogue.find(({ name }) => name === 'run.progressed')!;
  expect(summary).not.toBe('');
  for (const line of said) {
    expect(line).toMatchObject({ level: 'INFO', component: 'run', pipeline: 'boiler' });
    expect(Object.keys(line).slice(5).sort()).toEqual(Object.keys(fields).sort());
  }
  const read = said.map(({ recordsIn }) => recordsIn as number);
  expect(read[0]).toBeGreaterThan(0);
  expect(read[1]).toBeGreaterThan(read[0]!);
});
