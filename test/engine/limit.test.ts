import { getEventListeners } from 'node:events';

import { expect, test } from 'vitest';

import { unlessAborted } from '../../src/engine/limit.ts';

test('a wait that is over leaves nothing on the signal', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1);
  await expect(unlessAborted(Promise.reject(new Error('boom')), signal)).rejects.toThrow('boom');
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('an abort ends a wait with its reason, before it began too', async () => {
  const aborting = new AbortController();
  const hung = unlessAborted(new Promise(() => {}), aborting.signal);
  const reason = new Error('enough');
  aborting.abort(reason);
  await expect(hung).rejects.toBe(reason);
  await expect(unlessAborted(new Promise(() => {}), aborting.signal)).rejects.toBe(reason);
});
