import { describe, expect, test } from 'vitest';

import type { Run } from '../../src/engine/index.ts';
import type { ObservedEvent, RunStats } from '../../src/observe/index.ts';
import { keepingLogger } from '../observe/log-lines.ts';
import {
  numbered,
  readings,
  type ScriptedSink,
  scriptedSink,
  type ScriptedSource,
  scriptedSource,
  testPipeline,
} from './ends.ts';

interface Told {
  readonly failure: RunStats['failure'];
  readonly event: ObservedEvent;
  /** Of the log. */
  readonly line: Readonly<Record<string, unknown>>;
}

const batches = [numbered(10), numbered(10, 10)];

/** What is told of a run that fails, from `gauges` to `store`. */
async function toldOf(
  source: Partial<Pick<ScriptedSource<never>, 'before' | 'endless'>>,
  sink: ScriptedSink,
  end: (run: Run) => void = () => {},
): Promise<Told> {
  const { log, lines } = keepingLogger();
  const run = await testPipeline()
    .from(scriptedSource({ schema: readings, batches, ...source }), { id: 'gauges' })
    .to(scriptedSink(sink), { id: 'store' })
    .start({ log });
  const heard: ObservedEvent[] = [];
  run.listen((event) => heard.push(event));
  const done = run.done.catch(() => {});
  end(run);
  await done;
  return {
    failure: run.stats().failure,
    event: heard.find(({ name }) => name === 'run.failed')!,
    line: lines().find(({ event }) => event === 'run.failed')!,
  };
}

const refuse = (): Promise<never> => Promise.reject(new Error('no room'));

describe('a run that failed says where, in its figures, its events and its log', () => {
  test.each([
    ['a source that cannot read', { before: refuse }, {}, 'gauges'],
    ['a sink that does not open', {}, { open: refuse }, 'store'],
    ['a sink that cannot write', {}, { answer: refuse }, 'store'],
    ['a sink that cannot commit', {}, { commit: refuse }, 'store'],
    ['a sink that does not close', {}, { close: refuse }, 'store'],
  ])('%s', async (_, source, sink, id) => {
    const { failure, event, line } = await toldOf(source, sink);
    expect(failure).toEqual({
      component: id,
      text: expect.stringMatching(/no room/) as string,
    });
    expect(event.fields).toMatchObject({ id });
    expect(line).toMatchObject({ component: id, level: 'ERROR' });
  });

  test('nowhere, where it was aborted', async () => {
    const { failure, event, line } = await toldOf({ endless: true }, {}, (run) => void run.abort());
    expect(failure).toEqual({
      component: null,
      text: expect.stringContaining('ERR_RUN_ABORTED') as string,
    });
    expect(event.fields['id']).toBeUndefined();
    expect(line).not.toHaveProperty('id');
  });
});
