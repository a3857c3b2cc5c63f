import { expect, test } from 'vitest';

import { FailureMessages, failuresOf } from '../../src/cluster/failure-messages.ts';
import type { FailedRowRecord } from '../../src/engine/report.ts';
import { PipelineError } from '../../src/errors.ts';

function failed(thrown: unknown, record: unknown = { value: 1 }): FailedRowRecord {
  const place = { source: 'file', partition: 'in.ndjson', position: 7, recordId: 'id' };
  const told = { reason: 'thrown', message: 'no', quotesRecord: true };
  return { ...place, ...told, record, thrown, trace: null };
}

function sent(...failures: FailedRowRecord[]): FailedRowRecord[] {
  const messages = new FailureMessages();
  messages.add(failures);
  const [part] = messages.take();
  expect(messages.take()).toEqual([]);
  return failuresOf(structuredClone(part!)) as FailedRowRecord[];
}

function misfit(place: string): PipelineError {
  const cause = Object.assign(new RangeError('too much'), { code: 'E_RANGE' });
  return new PipelineError({ code: 'ERR_TIMEOUT', place, fact: 'is late', retryable: true, cause });
}

test('what is thrown is the same on the other thread, as far as it can be', () => {
  const thrown = [misfit('a'), new TypeError('no'), 'a text', null, undefined, { name: 7 }];
  const [ours, other, text, nothing, none, thing] = sent(...thrown.map((one) => failed(one)));
  expect(ours!.thrown).toBeInstanceOf(PipelineError);
  expect(ours!.thrown).toMatchObject({
    code: 'ERR_TIMEOUT',
    place: 'a',
    fact: 'is late',
    retryable: true,
    cause: { name: 'RangeError', message: 'too much', code: 'E_RANGE' },
  });
  expect(other!.thrown).toMatchObject({ name: 'TypeError', message: 'no' });
  expect(text!.thrown).toMatchObject({ name: 'Error', message: 'a text' });
  expect(nothing!.thrown).toMatchObject({ message: 'null' });
  expect(none!.thrown).toBeUndefined();
  expect(thing!.thrown).toMatchObject({ name: 'Error' });
});

test('records are the same, of every kind of value', () => {
  const record = { text: 'ä', long: 2n ** 60n, bytes: new Uint8Array([0, 255]), none: null };
  const [failure] = sent(failed('no', record));
  expect(failure).toEqual({ ...failed('no', record), thrown: expect.any(Error) as unknown });
});

test('only the first says where it was thrown, and equal ones take the room of one', () => {
  const many = Array.from({ length: 1000 }, () => failed(misfit('a')));
  const [first, second, ...others] = sent(failed(misfit('b')), ...many).map(
    ({ thrown }) => thrown as Error,
  );
  expect(first!.stack).toContain('failure-messages.test.ts');
  expect(second!.stack).not.toContain('failure-messages.test.ts');
  expect(new Set(others)).toEqual(new Set([second]));
  const messages = new FailureMessages();
  messages.add(many);
  expect(messages.take()[0]!.length).toBeLessThan(200 * many.length);
});
