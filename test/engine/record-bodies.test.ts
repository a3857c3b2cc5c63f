import { describe, expect, test } from 'vitest';

import { type Batch, schema } from '../../src/batch/index.ts';
import { isCut } from '../../src/core/index.ts';
import { fileSource } from '../../src/connectors/index.ts';
import type { Run, RunOptions, SettingsInput } from '../../src/engine/index.ts';
import { FlightRecorder, type ObservedEvent } from '../../src/observe/index.ts';
import { derive, float64, mapAsync } from '../../src/stages/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { rememberingLogger } from '../observe/otlp-receiver.ts';
import { temporaryDirectory } from '../cli/millrace.ts';
import { numbered, readings, scriptedSink, scriptedSource, stageOf, testPipeline } from './ends.ts';

const body = 'hunter2plainline';
const texts = schema({ s: 'text' });

type Pipeline = ReturnType<typeof testPipeline>;
type Outside = ReturnType<typeof virtualOutside>;
type Startable = { start(options: RunOptions): Promise<Run> };

/** Everything that a run tells of itself, and its dead letters. */
async function told(
  build: (pipeline: Pipeline, outside: Outside) => Startable,
  settings: SettingsInput = {},
) {
  const outside = virtualOutside();
  outside.files.put('in.ndjson', `${JSON.stringify({ s: body })}\n`);
  const log = rememberingLogger();
  const letters: Record<string, unknown>[] = [];
  const run = await build(testPipeline(settings, letters, outside), outside).start({ log });
  const events: ObservedEvent[] = [];
  run.listen((event) => events.push(event));
  const recorder = new FlightRecorder(run, {
    clock: outside.clock,
    directory: temporaryDirectory(),
  });
  const failure: unknown = await run.done.then(
    () => undefined,
    (error: unknown) => error,
  );
  const errors = events.flatMap(({ fields: { error } }) => {
    const { message, stack, cause } = (error ?? {}) as Error;
    return [message, stack, (cause as Error | undefined)?.message];
  });
  const text = JSON.stringify([log.lines, events, errors, run.stats(), recorder.record()]);
  const { fields: failed = {} } = events.find(({ name }) => name === 'record.failed') ?? {};
  return { text, letters, failed, failure, lastFailures: run.stats().lastFailures };
}

/** What fails on a record, and what is told of that in the place of its message. */
const failures: Record<
  string,
  [build: (pipeline: Pipeline, outside: Outside) => Startable, shown: string, quoted: string]
> = {
  "a user's function, with the message of the runtime": [
    (pipeline) =>
      pipeline
        .from(fileSource({ path: 'in.ndjson', schema: texts }))
        .pipe(derive({ v: float64((row: { s: string }) => JSON.parse(row.s) as number) }))
        .to(scriptedSink({})),
    'SyntaxError',
    `"${body}" is not valid JSON`,
  ],
  "a user's function that throws a text": [
    (pipeline) =>
      pipeline
        .from(fileSource({ path: 'in.ndjson', schema: texts }))
        .pipe(
          derive({
            v: float64((row: { s: string }) => {
              // oxlint-disable-next-line typescript/only-throw-error
              throw row.s;
            }),
          }),
        )
        .to(scriptedSink({})),
    'row.threw',
    body,
  ],
  'a call of a stage, with what it was made for': [
    (pipeline) =>
      pipeline
        .from(fileSource({ path: 'in.ndjson', schema: texts }))
        .pipe(
          mapAsync({
            schema: schema({ v: 'float64' }),
            map: async ({ s }: { readonly s: string }) => ({ v: JSON.parse(s) as number }),
          }),
        )
        .to(scriptedSink({})),
    'SyntaxError',
    `"${body}" is not valid JSON`,
  ],
  'a sink, with the message of its database': [
    (pipeline) =>
      pipeline.from(scriptedSource({ schema: readings, batches: [numbered(1)] })).to(
        scriptedSink({
          answer: (batch) => ({
            failed: [{ row: batch.rows[0]!, reason: 'key.taken', message: `Key (id)=(${body})` }],
          }),
        }),
      ),
    'key.taken',
    `Key (id)=(${body})`,
  ],
};

describe('of a failed record the dead letter alone tells what it holds', () => {
  for (const [name, [build, shown, quoted]] of Object.entries(failures)) {
    test(`as ${name} says it`, async () => {
      const { text, letters, failed, lastFailures } = await told(build);
      expect(text).not.toContain(body);
      expect(failed).toMatchObject({ message: shown });
      expect(failed['record']).toBeUndefined();
      expect(lastFailures).toMatchObject([{ message: shown }]);
      expect(letters).toMatchObject([{ message: expect.stringContaining(quoted) as string }]);
    });
  }

  test('unless that is asked for', async () => {
    for (const [build, , quoted] of Object.values(failures)) {
      const { letters, failed, lastFailures } = await told(build, { logBodies: true });
      expect(failed).toMatchObject({ message: expect.stringContaining(quoted) as string });
      expect(failed['record']).toBe(letters[0]!['record']);
      expect(lastFailures[0]!.message).toContain(quoted);
    }
  });

  test('what a codec says of it quotes nothing, and is told', async () => {
    const { text, letters, failed } = await told((pipeline, { files }) => {
      files.put('in.ndjson', `${body}\n`);
      return pipeline.from(fileSource({ path: 'in.ndjson', schema: texts })).to(scriptedSink({}));
    });
    expect(text).not.toContain(body);
    expect(failed).toMatchObject({
      reason: 'json.syntax',
      message: 'no JSON: a value expected at character 1',
      offset: 0,
    });
    expect(letters).toMatchObject([{ record: body, message: failed['message'] }]);
  });

  test('where it ends the run, whoever awaits that is given the cause, and no log', async () => {
    for (const [build, shown] of Object.values(failures).slice(0, 1)) {
      const { text, failure } = await told(build, { onRowError: 'fail' });
      expect(text).toContain('ERR_ROW_FAILED');
      expect(text).not.toContain(body);
      expect(failure).toMatchObject({
        code: 'ERR_ROW_FAILED',
        fact: expect.stringContaining(shown) as string,
        cause: { message: expect.stringContaining(body) as string },
      });
    }
  });
});

/** What ends a run as it is thrown on records, by who throws it. */
const endings: Record<string, (pipeline: Pipeline, outside: Outside) => Startable> = {
  'a stage': (pipeline) =>
    pipeline
      .from(fileSource({ path: 'in.ndjson', schema: texts }))
      .pipe(stageOf(() => (batch) => thrownOn(batch), 'check'))
      .to(scriptedSink({})),
  'a stage that waits': (pipeline) =>
    pipeline
      .from(fileSource({ path: 'in.ndjson', schema: texts }))
      .pipe(stageOf(() => async (batch) => thrownOn(batch), 'check'))
      .to(scriptedSink({})),
  'a stage that is a generator': (pipeline) =>
    pipeline
      .from(fileSource({ path: 'in.ndjson', schema: texts }))
      .pipe(
        stageOf(
          () => ({
            async *transform(stream) {
              for await (const flow of stream) yield isCut(flow) ? flow : thrownOn(flow);
            },
          }),
          'check',
        ),
      )
      .to(scriptedSink({})),
};

function thrownOn(batch: Batch): Batch {
  throw new TypeError(`no place for ${JSON.stringify(batch.toRows())}`, {
    cause: new Error(body),
  });
}

describe('of what a stage ends a run with, whoever awaits that alone is given the words', () => {
  for (const [name, build] of Object.entries(endings)) {
    test(`of ${name}`, async () => {
      const { text, failure } = await told(build);
      expect(text).toContain('ERR_STAGE_FAILED');
      expect(text).not.toContain(body);
      // Where it was thrown is told, as it is needed and quotes nothing.
      expect(text).toContain('thrownOn');
      expect(failure).toMatchObject({
        code: 'ERR_STAGE_FAILED',
        place: 'check',
        fact: 'failed on a whole batch: TypeError',
        cause: { message: expect.stringContaining(body) as string },
      });
      const whole = await told(build, { logBodies: true });
      expect(whole.text).toContain(body);
      expect(whole.failure).toMatchObject({ fact: expect.stringContaining(body) as string });
    });
  }
});
