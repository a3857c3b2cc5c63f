import { expect, test } from 'vitest';

import { type ServerEvent, serverEvents } from '../../src/cli/top/server-events.ts';

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Uint8Array.from(chunk));
      controller.close();
    },
  });
}

async function eventsOf(chunks: readonly Uint8Array[]): Promise<ServerEvent[]> {
  return Array.fromAsync(serverEvents(streamOf(chunks), () => {}));
}

test('events come whole, however they are cut on the way; comments and what is no event do not', async () => {
  const text =
    'retry: 2000\n\n: ping\n\nid: a-1\nevent: health\ndata: {"a":"ä€"}\n\nevent: log\n\nevent: snapshot\ndata: 2\n\nevent: torn\ndata: 3\n';
  const bytes = new TextEncoder().encode(text);
  const events = [
    { type: 'health', data: '{"a":"ä€"}' },
    { type: 'snapshot', data: '2' },
  ];
  expect(await eventsOf([bytes])).toEqual(events);
  expect(await eventsOf(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(events);
});

test('an event without an end ends it', async () => {
  const chunk = new Uint8Array(2 ** 20).fill(97);
  const endless = Array.from({ length: 20 }, () => chunk);
  await expect(eventsOf(endless)).rejects.toThrow('one event without an end');
});
