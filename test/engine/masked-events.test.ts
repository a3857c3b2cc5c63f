import { describe, expect, test } from 'vitest';

import type { Batch } from '../../src/batch/index.ts';
import { defineEvent } from '../../src/core/index.ts';
import { withoutCredentials } from '../../src/core/mask.ts';
import { isPipelineError, PipelineError } from '../../src/errors.ts';
import { Emitter } from '../../src/observe/emitter.ts';
import { FlightRecorder, type ObservedEvent } from '../../src/observe/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { rememberingLogger } from '../observe/otlp-receiver.ts';
import { temporaryDirectory } from '../cli/millrace.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

const told = defineEvent<string>({
  name: 'thing.told',
  level: 'INFO',
  summary: '',
  fields: {},
  metric: 'millrace_things_total',
});

/** What a listener and the log are told. */
function emitted(fields: Record<string, unknown>): Record<string, unknown> {
  const log = rememberingLogger();
  const scrub = (text: string): string =>
    withoutCredentials(text.replaceAll('hunter2', '${env:PIN}'));
  const emitter = new Emitter(log, virtualOutside().clock, scrub);
  const heard: ObservedEvent[] = [];
  emitter.listen((event) => heard.push(event));
  emitter.emit(told, fields);
  expect(log.lines[0]).toEqual({ event: 'thing.told', ...heard[0]!.fields });
  return heard[0]!.fields;
}

describe('an event shows the same to the log and to whoever listens', () => {
  test('without what a name, an address or a resolved value makes a secret', () => {
    expect(
      emitted({
        id: 'sink',
        rows: 7,
        ratio: 0.5,
        isLast: true,
        nothing: null,
        password: 'x',
        apiKey: '12',
        tokenCount: 12,
        text: 'hunter2 at https://me:pw@host/?token=abc&page=2',
        of: ['hunter2', { authorization: 'Bearer x', at: 1 }],
        when: new Date(0),
        huge: 12n,
        hunter2: 1,
      }),
    ).toEqual({
      id: 'sink',
      rows: 7,
      ratio: 0.5,
      isLast: true,
      nothing: null,
      password: '[secret]',
      apiKey: '[secret]',
      tokenCount: 12,
      text: '${env:PIN} at https://[secret]@host/?token=[secret]&page=2',
      of: ['${env:PIN}', { authorization: '[secret]', at: 1 }],
      when: '1970-01-01T00:00:00.000Z',
      huge: '12',
      '${env:PIN}': 1,
    });
  });

  test('an error stays one of its class, with what it says and what caused it', () => {
    const cause = Object.assign(new RangeError('hunter2 is too far'), { token: 'abc' });
    const given = new PipelineError({
      code: 'ERR_CONNECTOR_FAILED',
      place: 'https://me:pw@host',
      fact: 'hunter2 failed',
      cause,
    });
    const { error } = emitted({ error: given }) as { error: PipelineError };
    expect(isPipelineError(error) && error instanceof PipelineError).toBe(true);
    expect(error).toMatchObject({
      name: 'PipelineError',
      code: 'ERR_CONNECTOR_FAILED',
      place: 'https://[secret]@host',
      message: 'ERR_CONNECTOR_FAILED [https://[secret]@host] ${env:PIN} failed',
      cause: { message: '${env:PIN} is too far', token: '[secret]' },
    });
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(error.stack).toContain('masked-events.test.ts');
    expect(error.stack).not.toContain('hunter2');
    expect(given.fact).toBe('hunter2 failed');
  });

  test('whatever the error is', () => {
    const circle = new Error('hunter2');
    circle.cause = circle;
    expect(emitted({ error: circle })['error']).toMatchObject({ message: '${env:PIN}' });
    const { error: aborted } = emitted({ error: AbortSignal.abort().reason as unknown });
    expect(aborted).toMatchObject({ name: 'AbortError', message: 'This operation was aborted' });
    class Odd extends Error {
      override get message(): string {
        throw new Error('hunter2');
      }
    }
    expect(emitted({ error: new Odd() })['error']).toMatchObject({ message: '[unreadable]' });
    const many = new AggregateError([new Error('hunter2')], 'all of them');
    const { error } = emitted({ error: many });
    expect(error).toMatchObject({ message: 'all of them', errors: [{ message: '${env:PIN}' }] });
  });
});

test('what a run tells has no credentials, wherever it is told', async () => {
  const outside = virtualOutside();
  const log = rememberingLogger();
  const deadLetters: Record<string, unknown>[] = [];
  const failure = Object.assign(new Error('https://me:pw-of-me@host/?api_key=k-of-me is down'), {
    password: 'pw-of-me',
  });
  const run = await testPipeline({ logBodies: true }, deadLetters, outside)
    .from(scriptedSource({ schema: readings, batches: [numbered(2), numbered(1)] }))
    .to(
      scriptedSink({
        answer: (batch: Batch, write) => {
          if (write > 0) throw failure;
          return { failed: [{ row: batch.rows[0]!, reason: 'refused', message: failure.message }] };
        },
      }),
    )
    .start({ log });
  const heard: ObservedEvent[] = [];
  run.listen((event) => heard.push(event));
  const recorder = new FlightRecorder(run, {
    clock: outside.clock,
    directory: temporaryDirectory(),
  });
  await expect(run.done).rejects.toMatchObject({ cause: failure });
  const errors = heard.flatMap(({ fields: { error } }) => {
    const { message, stack, cause } = (error ?? {}) as Error;
    return [message, stack, cause, (cause as Error | undefined)?.message];
  });
  const all = [heard, errors, log.lines, run.stats(), recorder.record(), deadLetters];
  expect(heard.map(({ name }) => name)).toContain('record.failed');
  expect(heard.map(({ name }) => name)).toContain('run.failed');
  expect(deadLetters).toHaveLength(1);
  for (const one of all) {
    const text = JSON.stringify(one);
    expect(text).toContain('host');
    expect(text).not.toMatch(/pw-of-me|k-of-me/);
  }
});
