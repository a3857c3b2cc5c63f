import { expect, test } from 'vitest';

import { Batch, schema } from '../../src/batch/index.ts';
import { SingleCalls } from '../../src/core/single-calls.ts';

const shape = schema({ n: 'float64' });
const batch = Batch.from([{ n: 1 }], shape);
const other = Batch.from([{ n: 2 }], shape);

/** A sink whose calls end when the test says so. */
function scripted() {
  const calls: { readonly what: string; readonly end: PromiseWithResolvers<void> }[] = [];
  const call = (what: string) => (): Promise<void> => {
    const end = Promise.withResolvers<void>();
    calls.push({ what, end });
    return end.promise;
  };
  const sink = new SingleCalls(
    { open: call('open'), write: call('write'), commit: call('commit'), close: call('close') },
    new AbortController().signal,
  );
  return { sink, calls, made: () => calls.map(({ what }) => what).join(' ') };
}

/** As a policy makes a call that it gives up. */
function givenUp(call: (signal: AbortSignal) => Promise<unknown>): void {
  const attempt = new AbortController();
  void call(attempt.signal).catch(() => {});
  attempt.abort();
}

const { signal } = new AbortController();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a call that was given up and goes on is the one that is made again', async () => {
  const { sink, calls, made } = scripted();
  givenUp((attempt) => sink.write(batch, attempt));
  const again = sink.write(batch, signal);
  calls[0]!.end.resolve();
  await again;
  expect(made()).toBe('write');
});

test('so it is where it ended before that, and where it was given up twice', async () => {
  const { sink, calls, made } = scripted();
  givenUp((attempt) => sink.write(batch, attempt));
  givenUp((attempt) => sink.write(batch, attempt));
  calls[0]!.end.resolve();
  await turn();
  await sink.write(batch, signal);
  expect(made()).toBe('write');
});

test('one that failed when it was given up is made anew', async () => {
  const { sink, calls, made } = scripted();
  givenUp((attempt) => sink.write(batch, attempt));
  calls[0]!.end.reject(new Error('full'));
  await turn();
  const again = sink.write(batch, signal);
  calls[1]!.end.resolve();
  await again;
  expect(made()).toBe('write write');
});

test('a batch that comes twice in a row is written twice', async () => {
  const { sink, calls, made } = scripted();
  for (const at of [0, 1]) {
    const writing = sink.write(batch, signal);
    calls[at]!.end.resolve();
    await writing;
  }
  expect(made()).toBe('write write');
});

test('what comes behind a call that was given up waits for it, and so does the end', async () => {
  const { sink, calls, made } = scripted();
  givenUp((attempt) => sink.write(batch, attempt));
  void sink.write(other, signal);
  void sink.close();
  await turn();
  expect(made()).toBe('write');
  calls[0]!.end.reject(new Error('full'));
  await turn();
  expect(made()).toBe('write write');
  calls[1]!.end.resolve();
  await turn();
  expect(made()).toBe('write write close');
});
