import { connect } from 'node:net';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { Live, liveLimits } from '../../src/server/live.ts';
import type { ToServer } from '../../src/server/messages.ts';
import { Outbox } from '../../src/server/outbox.ts';
import { admin, patience, served } from './served.ts';

const line = (text: string) => ({ type: 'log', data: JSON.stringify({ text }) }) as const;
const nothing = (): void => {};

/** Reads a stream until `until` is in it, or it ends. */
async function readUntil(stream: ReadableStream<Uint8Array>, until: string): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (!text.includes(until)) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return text;
}

describe('the live stream', () => {
  test('tells what happens, each with an id, and where to begin again', async () => {
    const live = new Live(new VirtualClock());
    const stream = live.connect(null, [{ type: 'health', data: '{}' }], nothing)!;
    live.send(line('one'));
    live.send(line('two'));
    const text = await readUntil(stream, 'two');
    expect(text).toContain('retry: 2000\n\n');
    expect(text).toMatch(/event: health\ndata: \{\}\n\n/);
    const ids = [...text.matchAll(/id: (\S+)\nevent: log/g)].map(([, id]) => id!);
    expect(ids).toHaveLength(2);
    live.send(line('three'));
    const again = await readUntil(live.connect(ids[0]!, [], nothing)!, 'three');
    expect([...again.matchAll(/"text":"(\w+)"/g)].map(([, word]) => word)).toEqual([
      'two',
      'three',
    ]);
    const other = live.connect('other-1', [], nothing)!;
    live.send(line('four'));
    expect(await readUntil(other, 'four')).not.toContain('three');
    live.close();
  });

  test('gives a slow client the newest of what has a newest, and cuts off one that is too slow', async () => {
    const live = new Live(new VirtualClock());
    let cuts = 0;
    const stream = live.connect(null, [], () => cuts++)!;
    for (let at = 0; at < 100_000; at++) live.send({ type: 'snapshot', data: `{"at":${at}}` });
    expect(live.heldBytes).toBeLessThan(200);
    live.send(line('here'));
    const text = await readUntil(stream, '99999');
    expect([...text.matchAll(/"at":(\d+)/g)].map(([, at]) => at)).toEqual(['99999']);
    const slow = live.connect(null, [], () => cuts++)!;
    const before = live.heldBytes;
    while (live.clients === 2) live.send(line('x'.repeat(10_000)));
    expect(cuts).toBe(2 - live.clients);
    expect(live.heldBytes - before).toBeLessThanOrEqual(2 * liveLimits.clientBytesMax);
    expect(await readUntil(slow, 'never')).toBe('');
  });

  test('takes 32 clients, and pings them while nothing happens', async () => {
    const clock = new VirtualClock();
    const live = new Live(clock);
    const streams = Array.from({ length: 32 }, () => live.connect(null, [], nothing)!);
    expect(live.connect(null, [], nothing)).toBeUndefined();
    await streams[0]!.cancel();
    expect(live.connect(null, [], nothing)).toBeDefined();
    await clock.sleep(15_001);
    expect(await readUntil(streams[1]!, 'ping')).toContain(': ping\n\n');
    live.close();
    expect(live.clients).toBe(0);
  });

  test('keeps what a client may have missed within its limits, the newest of it', async () => {
    const figures = 'x'.repeat(liveLimits.clientBytesMax);
    const missedOf = async (events: number, characters: number, data: string): Promise<string> => {
      const live = new Live(new VirtualClock());
      const first = live.connect(null, [], nothing)!;
      live.send(line('first'));
      const [, id] = /id: (\S+)\n/.exec(await readUntil(first, 'first'))!;
      await first.cancel();
      for (let at = 0; at < events; at++) live.send(line('x'.repeat(characters) + at));
      const again = live.connect(id!, [{ type: 'snapshot', data }], nothing)!;
      live.send(line('y'.repeat(liveLimits.clientBytesMax / 3)));
      live.send(line('last'));
      // However much there is to begin with, nobody is cut off for it.
      expect(live.clients).toBe(1);
      const text = await readUntil(again, 'last');
      live.close();
      return text.replace(data, '');
    };
    const many = await missedOf(3000, 200, '{}');
    expect(many.match(/event: log/g)).toHaveLength(liveLimits.keptMax + 2);
    expect(many).toContain('x2999"');
    expect(many).not.toContain('x1900"');
    const long = await missedOf(300, 10_000, figures);
    expect(long).toContain('x299"');
    const missed = long.match(/event: log/g)!.length - 2;
    expect(missed * 10_000).toBeLessThan(liveLimits.keptBytesMax);
    expect((missed + 2) * 10_000).toBeGreaterThan(liveLimits.keptBytesMax);
  });
});

describe('what the pipeline has for a server', () => {
  test('is bounded when the server takes nothing, and the newest goes first when it does', () => {
    const posted: ToServer[] = [];
    let taken = 0;
    const outbox = new Outbox(
      (message) => posted.push(message),
      () => taken,
    );
    for (let at = 0; at < 10_000; at++) {
      outbox.document('snapshot', `{"at":${at},"pad":"${'x'.repeat(10_000)}"}`);
      outbox.event(line('x'.repeat(1000)));
      outbox.flush();
    }
    expect(outbox.heldBytes).toBeLessThanOrEqual(2_200_000);
    expect(outbox.eventsDropped).toBeGreaterThan(8000);
    const before = posted.length;
    taken = before;
    outbox.flush();
    expect(posted).toHaveLength(before + 1);
    expect(posted.at(-1)).toMatchObject({
      documents: { snapshot: expect.stringContaining('"at":9999') as string },
      eventsDropped: outbox.eventsDropped,
    });
  });
});

describe('a client over the wire', () => {
  test('is told what is, then what happens; a page of another origin is not', async () => {
    const { ask, run } = await served();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    const foreign = await ask('/api/v1/events', { headers: { origin: 'http://evil.example' } });
    expect(foreign.status).toBe(403);
    const answer = await ask('/api/v1/events');
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    run.pause();
    const text = await readUntil(answer.body!, 'run.paused');
    expect(text).toContain('event: health\n');
    expect(text).toContain('event: snapshot\n');
    const second = await ask('/api/v1/events');
    run.resume();
    expect(await readUntil(second.body!, '"ready":true')).toContain('event: health\n');
  });

  test('that reads nothing costs the process no memory, and the pipeline nothing', async () => {
    const { port, server, run, log } = await served();
    const socket = connect({ port, host: '127.0.0.1' });
    onTestFinished(() => void socket.destroy());
    socket.on('error', nothing).pause();
    let isClosed = false;
    socket.on('close', () => (isClosed = true));
    socket.write(
      `GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${admin}\r\n\r\n`,
    );
    await new Promise((resolve) => setImmediate(resolve));
    const rows = run.stats().recordsOut;
    const say = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        for (let at = 0; at < 100; at++) {
          log.warning('noise.made', { round, at, pad: 'x'.repeat(2000) });
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await say(1000);
    const before = process.memoryUsage().rss;
    // Three hundred megabytes, of which the client takes none.
    await say(1500);
    expect(server.heldBytes).toBeLessThan(2_200_000);
    await vi.waitFor(() => expect(server.heldBytes).toBeLessThan(10_000), patience);
    // Less than what it was sent; what is held is the figure above, and the collector has its own pace.
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
    await vi.waitFor(() => expect(run.stats().recordsOut).toBeGreaterThan(rows), patience);
    socket.resume();
    await vi.waitFor(() => expect(isClosed).toBe(true), patience);
  });

  test('a 33rd is told to come later', async () => {
    const { ask } = await served();
    const answers = await Promise.all(Array.from({ length: 33 }, () => ask('/api/v1/events')));
    expect(
      answers
        .map(({ status }) => status)
        .sort()
        .slice(-2),
    ).toEqual([200, 503]);
    for (const answer of answers) await answer.body?.cancel();
  });
});
