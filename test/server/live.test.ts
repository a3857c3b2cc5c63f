import { get } from 'node:http';
import { connect } from 'node:net';
import { createGunzip, gunzipSync } from 'node:zlib';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { intervalSource } from '../../src/connectors/interval.ts';
import { memorySink } from '../../src/connectors/memory.ts';
import { VirtualClock } from '../../src/core/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import { serve, type Server } from '../../src/server/index.ts';
import { Live, liveLimits } from '../../src/server/live.ts';
import type { ToServer } from '../../src/server/messages.ts';
import { Outbox } from '../../src/server/outbox.ts';
import { servedChain } from '../dashboard/chain.ts';
import { adminToken } from '../dashboard/plant.ts';
import { admin, endlessRun, patience, served } from './served.ts';

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

describe('the live stream of a session', () => {
  test.each(['identity', 'gzip'] as const)('ends with it (%s)', async (encoding) => {
    const clock = new VirtualClock();
    const live = new Live(clock);
    const untilMs = clock.now() + 20_000;
    const bytes = new Response(live.connect(null, [], nothing, { encoding, untilMs })!).bytes();
    const other = readUntil(live.connect(null, [], nothing)!, 'after');
    live.send(line('before'));
    await clock.sleep(19_999);
    live.send(line('shortly before'));
    await clock.sleep(1);
    live.send(line('after'));
    expect(live.clients).toBe(1);
    const text = (
      encoding === 'gzip' ? gunzipSync(await bytes) : Buffer.from(await bytes)
    ).toString();
    expect([...text.matchAll(/"text":"([\w ]+)"/g)].map(([, word]) => word)).toEqual([
      'before',
      'shortly before',
    ]);
    expect(await other).toContain('after');
    live.close();
  });

  test('ends with it also where nothing is told any more', async () => {
    const clock = new VirtualClock();
    const live = new Live(clock);
    const untilMs = clock.now() + 20_000;
    void new Response(live.connect(null, [], nothing, { untilMs })!).bytes();
    await clock.sleep(20_000 + liveLimits.pingEveryMs);
    expect(live.clients).toBe(0);
  });
});

describe('the live stream, compressed', () => {
  const figures = (at: number) =>
    ({ type: 'snapshot', data: JSON.stringify({ at, pad: 'x'.repeat(5000) }) }) as const;

  test('is one gzip stream, whatever a client was too slow for', async () => {
    const live = new Live(new VirtualClock());
    const stream = live.connect(null, [figures(0)], nothing, { encoding: 'gzip' })!;
    const whole = new Response(stream).bytes();
    live.send(line('short'));
    live.send(line('long '.repeat(10_000)));
    for (let at = 1; at < 1000; at++) live.send(figures(at));
    live.send(line('last'));
    await new Promise((resolve) => setImmediate(resolve));
    live.send(figures(1000));
    live.close();
    const bytes = await whole;
    expect(bytes.length).toBeLessThan(2000);
    // Checks its length and its sum too.
    const text = gunzipSync(bytes).toString();
    expect(text.match(/"text":"\w+/g)).toEqual(
      ['short', 'long', 'last'].map((one) => `"text":"${one}`),
    );
    expect(text.match(/"at":\d+/g)!.at(-1)).toBe('"at":1000');
    expect(text.match(/"at":\d+/g)!.length).toBeLessThan(10);
  });

  test('is compressed once, however many look', async () => {
    const live = new Live(new VirtualClock());
    const readers = [0, 1, 2].map(() =>
      live.connect(null, [], nothing, { encoding: 'gzip' })!.getReader(),
    );
    const next = () => Promise.all(readers.map(async (reader) => (await reader.read()).value!));
    await next();
    live.send(figures(1));
    const [one, ...others] = await next();
    expect(one!.length).toBeLessThan(100);
    for (const other of others) expect(other).toBe(one);
    live.close();
  });

  test(
    'takes a tenth of 200 stages, and tells at once what there is',
    { timeout: 30_000 },
    async () => {
      const server = await servedChain(200);
      const [plain, gzip] = await Promise.all([
        bytesOfSnapshots(server, 'identity'),
        bytesOfSnapshots(server, 'gzip;q=0.9, deflate'),
      ]);
      process.stdout.write(`three seconds of 200 stages took ${plain} bytes, compressed ${gzip}\n`);
      expect(plain).toBeGreaterThan(600_000);
      expect(gzip).toBeLessThan(plain / 10);
    },
  );
});

/** How many bytes came over the wire until there were three snapshots. */
function bytesOfSnapshots(server: Server, encoding: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { authorization: `Bearer ${adminToken}`, 'accept-encoding': encoding };
  const request = get(`${server.url}/api/v1/events`, { headers }, (answer) => {
    expect(answer.headers.vary).toContain('accept-encoding');
    const isGzip = answer.headers['content-encoding'] === 'gzip';
    expect(isGzip).toBe(encoding.includes('gzip'));
    let bytes = 0;
    let text = '';
    answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
    const plain = isGzip ? answer.pipe(createGunzip()) : answer;
    plain.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.split('event: snapshot\n').length <= 3 || !text.endsWith('\n\n')) return;
      request.destroy();
      resolve(bytes);
    });
  });
  request.on('error', reject);
  return promise;
}

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

test('however much is logged, there is room for what breakers do', () => {
  const posted: ToServer[] = [];
  const outbox = new Outbox(
    (message) => posted.push(message),
    () => 0,
  );
  while (outbox.eventsDropped === 0) outbox.event(line('x'.repeat(1000)));
  for (let at = 0; at < 100; at++) outbox.event({ type: 'breaker', data: '{"breaker":"db"}' });
  expect(outbox.eventsDropped).toBe(1);
  outbox.delayed(7);
  outbox.delayed(3);
  outbox.flush();
  const [first] = posted;
  if (first?.type !== 'published') throw new Error('nothing was posted');
  expect(first.events.filter(({ type }) => type === 'breaker')).toHaveLength(100);
  expect(first.loopDelayMs).toBe(7);
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

  // Half a gigabyte is said: a machine that is busy takes its time.
  const longPatience = { timeout: 60_000, interval: 20 };
  test(
    'that reads nothing costs the process no memory, and the pipeline nothing',
    { timeout: 180_000 },
    async () => {
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
            log.warning('noise.made', { round, at, pad: 'x'.repeat(8000) });
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      await say(250);
      const before = process.memoryUsage().rss;
      // Three hundred megabytes, of which the client takes none.
      await say(375);
      expect(server.heldBytes).toBeLessThan(2_200_000);
      await vi.waitFor(() => expect(server.heldBytes).toBeLessThan(10_000), longPatience);
      // What is held is the figure above. Of what is not, the collectors of two threads give back more
      // the more is said, at their own pace; were it kept, there would be more and more of it.
      const isFlat = async (): Promise<void> => {
        await say(5);
        expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
      };
      await vi.waitFor(isFlat, longPatience);
      await vi.waitFor(() => expect(run.stats().recordsOut).toBeGreaterThan(rows), longPatience);
      socket.resume();
      await vi.waitFor(() => expect(isClosed).toBe(true), longPatience);
    },
  );

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

test('whoever follows a run that fails is told why before the server is gone', async () => {
  const { log } = await endlessRun();
  const failing = await pipeline('failing')
    .from(intervalSource({ everyMs: 20 }))
    .to(memorySink({ rowsMax: 60 }))
    .start({ log });
  const failed = failing.done.catch((error: unknown) => error);
  // However long it takes until somebody looks.
  failing.pause();
  const server = await serve(failing, { port: 0, token: admin, stallDescriptor: null, log });
  onTestFinished(() => server.close());
  const headers = { authorization: `Bearer ${admin}` };
  const { body } = await fetch(`${server.url}/api/v1/events`, { headers });
  const told = new Response(body).text();
  failing.resume();
  await failed;
  await server.close();
  const events = (await told).split('\n\n').map((event) => ({
    type: /^event: (\w+)$/m.exec(event)?.[1],
    data: /^data: (.*)$/m.exec(event)?.[1] ?? '',
  }));
  const last = (type: string): string => events.findLast((one) => one.type === type)?.data ?? '';
  expect(JSON.parse(last('snapshot'))).toMatchObject({
    status: 'failed',
    failure: {
      component: 'memory',
      text: expect.stringMatching(/^ERR_CONNECTOR_FULL \[/) as string,
    },
  });
  expect(last('health')).toContain('the run is failed: ERR_CONNECTOR_FULL');
  expect(JSON.parse(last('point'))).toMatchObject({ state: 3 });
  const lines = events.filter(({ type }) => type === 'log').map(({ data }) => data);
  const named = lines.map((line) => (JSON.parse(line) as { readonly event: string }).event);
  expect(named.filter((name) => name.startsWith('run.'))).toEqual([
    'run.resumed',
    'run.failed',
    'run.ended',
  ]);
});
