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
  // What is no error is none there either.
  const others = [text, nothing, none, thing].map((one) => one!.thrown);
  expect(others).toEqual(['a text', 'null', undefined, '[object Object]']);
});

const boo = (): never => {
  throw new Error('boo');
};
const round = new Error('round');
round.cause = round;

test.each([
  [
    'a name that has no text',
    Object.assign(new Error('x'), { name: Object.create(null) as unknown }),
  ],
  [
    'a code that has no text',
    Object.assign(new Error('x'), { code: Object.create(null) as unknown }),
  ],
  ['a message that is no text', Object.assign(new Error('x'), { message: 7 })],
  ['a stack that throws', Object.defineProperty(new Error('x'), 'stack', { get: boo })],
  ['a cause that throws', Object.defineProperty(new Error('x'), 'cause', { get: boo })],
  ['a message that throws', Object.defineProperty(new Error('x'), 'message', { get: boo })],
  ['parts that throw', new Proxy({}, { get: boo, has: boo, getPrototypeOf: boo })],
  ['itself as cause', round],
])('an error with %s comes as far as it can', (_, thrown) => {
  const [first, second] = sent(failed(thrown), failed(thrown));
  expect(['object', 'string']).toContain(typeof first!.thrown);
  expect(typeof second!.thrown).toBe(typeof first!.thrown);
});

test('records are the same, of every kind of value', () => {
  const record = { text: 'ä', long: 2n ** 60n, bytes: new Uint8Array([0, 255]), none: null };
  const [failure] = sent(failed('no', record));
  expect(failure).toEqual(failed('no', record));
});

test('only the first says where it was thrown, and equal ones take the room of one', () => {
  const many = Array.from({ length: 1000 }, () => failed(misfit('a')));
  const [first, second, ...others] = sent(failed(misfit('b')), ...many).map(
    ({ thrown }) => thrown as Error,
  );
  expect(first!.stack).toContain('failure-messages.test.ts');
  expect(second!.stack).not.toContain('failure-messages.test.ts');
  expect(new Set(others)).toEqual(new Set([second]));
  const causes = [1, 2, 2].map((cause) => failed(new Error('a', { cause })));
  const [, one, two, same] = sent(failed('first'), ...causes).map(({ thrown }) => thrown as Error);
  expect([one, two].map((error) => error!.cause)).toEqual(['1', '2']);
  expect(same).toBe(two);
  const messages = new FailureMessages();
  messages.add(many);
  expect(messages.take()[0]!.length).toBeLessThan(200 * many.length);
});
