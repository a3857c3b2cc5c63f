import { expect, test } from 'vitest';

import { Feed } from '../../src/cli/top/feed.ts';
import { type Network, VirtualClock } from '../../src/core/index.ts';
import { Live, liveLimits } from '../../src/server/live.ts';
import { runStats } from '../observe/run-stats.ts';

test('a server whose pipeline stands still stays connected while it gives signs of life', async () => {
  const clock = new VirtualClock();
  const live = new Live(clock);
  const figures = { type: 'snapshot', data: JSON.stringify(runStats(1)) } as const;
  let isSilent = false;
  const silent = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start: (stream) => stream.enqueue(Buffer.from(`event: snapshot\ndata: ${figures.data}\n\n`)),
    });
  const events = (signal: AbortSignal): ReadableStream<Uint8Array> => {
    const stream = isSilent ? silent() : live.connect(null, [figures], () => {})!;
    return stream.pipeThrough(new TransformStream(), { signal });
  };
  const fetch: Network['fetch'] = async (url, { signal } = {}) =>
    String(url).endsWith('/events')
      ? new Response(events(signal!))
      : Response.json({ nodes: [], edges: [] });
  const lost = new Set<string>();
  const feed = new Feed({
    target: async () => ({ url: 'http://127.0.0.1:7420', token: undefined }),
    clock,
    network: { fetch, connect: () => Promise.reject(new Error('nothing is there')) },
    changed: () => {
      if (feed.seen?.away != null) lost.add(feed.seen.away.why);
    },
  });
  const over = new AbortController();
  const following = feed.follow(over.signal);
  await clock.sleep(10 * liveLimits.pingEveryMs);
  expect(feed.seen!.ageMs).toBe(10 * liveLimits.pingEveryMs);
  expect([...lost]).toEqual([]);

  isSilent = true;
  live.close();
  await clock.sleep(2 * liveLimits.pingEveryMs);
  expect([...lost]).toEqual(['it has ended the connection']);
  await clock.sleep(liveLimits.pingEveryMs);
  expect([...lost]).toEqual(['it has ended the connection', 'it says nothing any more']);
  over.abort();
  await following;
});
