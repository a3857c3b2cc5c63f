import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

import { afterEach, describe, expect, test } from 'vitest';
import { ZodError } from 'zod';

import { type SensorsOptions, sensorsSource } from '../../src/connectors/sensors.ts';
import {
  type Clock,
  endOfInput,
  type SourceComponent,
  systemOutside,
} from '../../src/core/index.ts';
import { sourceSuite, type VirtualOutside, virtualOutside } from '../../src/testing/index.ts';
import { createSource } from './created.ts';

const start = Date.UTC(2026, 0, 1);
const never = (): Promise<never> => new Promise(() => {});

/** A sensor that counts up, `tookMs` an answer. */
function counter(clock: Clock, tookMs = 0): (signal: AbortSignal) => Promise<number> {
  let value = 0;
  return async (signal) => {
    await clock.sleep(tookMs, { signal });
    return ++value;
  };
}

async function created(options: (outside: VirtualOutside) => SensorsOptions, limits = {}) {
  const outside = virtualOutside();
  const source = await createSource(sensorsSource(options(outside)), { outside, limits });
  /** One text for each row of each batch: `id value quality reason`. */
  const shown = async (count?: number): Promise<string[][]> =>
    (await source.batches(count)).map((batch) =>
      batch
        .toRows()
        .map(({ sensorId, value, quality, reason }) =>
          [sensorId, value, quality, reason].map((cell) => cell ?? '–').join(' '),
        ),
    );
  return { ...source, outside, shown, clock: outside.clock };
}

describe('a sensors source', () => {
  test('gives a row of each sensor at each tick', async () => {
    const { rows, clock } = await created(({ clock }) => ({
      everyMs: 1000,
      count: 2,
      sensors: [
        { id: 'b', read: counter(clock, 30), unit: '°C' },
        { id: 'a', read: async () => ({ value: 7 }) },
      ],
    }));
    const live = { quality: 'live', reason: null };
    const b = { sensorId: 'b', unit: '°C', ...live };
    const a = { sensorId: 'a', value: 7, unit: '', ...live };
    expect(await rows()).toEqual([
      { ...b, value: 1, timestamp: start, sourceTime: start + 30 },
      { ...a, timestamp: start, sourceTime: start },
      { ...b, value: 2, timestamp: start + 1000, sourceTime: start + 1030 },
      { ...a, timestamp: start + 1000, sourceTime: start + 1000 },
    ]);
    expect(clock.monotonic()).toBe(1030);
  });

  test('gives what stands in, with when it was had, and says so once', async () => {
    const answers = [20, 'broken', 22] as const;
    let at = 0;
    const { rows, tally, logged } = await created(() => ({
      everyMs: 1000,
      count: 3,
      retry: { maxAttempts: 1 },
      sensors: [{ id: 'a', read: async () => answers[at++] as number }],
    }));
    expect(await rows()).toMatchObject([
      { value: 20, quality: 'live', reason: null, sourceTime: start },
      { value: 20, quality: 'stale', reason: 'no-value', sourceTime: start },
      { value: 22, quality: 'live', reason: null, sourceTime: start + 2000 },
    ]);
    expect(Object.fromEntries(tally.counts)).toEqual({ 'readings.stale': 1 });
    expect(Object.fromEntries(tally.errors)).toEqual({ 'no-value': 1 });
    expect(tally.callErrors.get('no-value')).toContain(
      '[a] gave no finite number as `value`, but string',
    );
    expect(logged).toMatchObject([
      { level: 'warning', event: 'sensor.degraded', fields: { sensor: 'a', reason: 'no-value' } },
      { level: 'info', event: 'sensor.recovered', fields: { sensor: 'a' } },
    ]);
  });

  test('retries, then opens the breaker, then probes', async () => {
    const asked: number[] = [];
    const { shown, clock } = await created(({ clock }) => ({
      everyMs: 1000,
      count: 8,
      retry: { maxAttempts: 2, baseDelayMs: 10 },
      breaker: { failures: 2, openMs: 3000, successesToClose: 1 },
      sensors: [
        {
          id: 'a',
          read: async () => {
            asked.push(clock.monotonic());
            if (asked.length <= 4) throw new Error('no answer');
            return asked.length;
          },
        },
      ],
    }));
    expect((await shown()).flat()).toEqual([
      'a – missing failed',
      'a – missing failed',
      'a – missing circuit-open',
      'a – missing circuit-open',
      'a – missing circuit-open',
      'a 5 live –',
      'a 6 live –',
      'a 7 live –',
    ]);
    expect(asked).toEqual([0, 10, 1000, 1010, 5000, 6000, 7000]);
    expect(clock.monotonic()).toBe(7000);
  });

  test.each([
    [{ strategy: 'drop' as const }, '– missing failed'],
    [{ strategy: 'interpolated' as const }, '15 interpolated failed'],
    [{ strategy: 'interpolated' as const, method: 'linear' as const }, '30 interpolated failed'],
    [{ strategy: 'constant' as const, value: -1 }, '-1 constant failed'],
    [
      { strategy: ['interpolated', 'constant'] as const, gapMsMax: 500, value: 0 },
      '0 constant failed',
    ],
    [{ ageMsMax: 500 }, '– missing failed'],
    [undefined, '20 stale failed'],
  ])('substitutes by %j', async (fallback, expected) => {
    let reads = 0;
    const { shown } = await created(() => ({
      count: 3,
      retry: { maxAttempts: 1 },
      fallback,
      sensors: [
        {
          id: 'a',
          read: async () => {
            if (++reads > 2) throw new Error('no answer');
            return 10 * reads;
          },
        },
      ],
    }));
    expect((await shown()).at(-1)).toEqual([`a ${expected}`]);
  });

  test('lets a sensor have what is its own', async () => {
    const { shown, clock } = await created(({ clock }) => ({
      count: 2,
      timeoutMs: 20,
      retry: { maxAttempts: 1 },
      fallback: { strategy: 'constant', value: 5 },
      sensors: [
        { id: 'slow', read: counter(clock, 100) },
        { id: 'patient', read: counter(clock, 100), timeoutMs: 300 },
        { id: 'own', read: never, fallback: { strategy: 'drop' } },
      ],
    }));
    expect(await shown()).toEqual([
      ['slow 5 constant timeout', 'patient 1 live –', 'own – missing timeout'],
      ['slow 5 constant timeout', 'patient 2 live –', 'own – missing timeout'],
    ]);
    expect(clock.monotonic()).toBe(1100);
  });
});

describe('one bad sensor delays no batch', () => {
  const hanging = (deadlineMs: number | undefined, timeoutMs: number) =>
    created(({ clock }) => ({
      everyMs: 1000,
      deadlineMs,
      count: 6,
      timeoutMs,
      retry: { maxAttempts: 1 },
      breaker: { failures: 2, openMs: 60_000 },
      sensors: [
        { id: 'good', read: counter(clock, 30) },
        { id: 'bad', read: never },
      ],
    }));

  test('a batch goes on at its deadline, and only that of the read that hangs waits', async () => {
    const { connector, clock, tally } = await hanging(400, 2500);
    const seen: [number, string][] = [];
    for (;;) {
      const batch = await connector.read(new AbortController().signal);
      if (batch === endOfInput) break;
      const [good, bad] = batch.toRows();
      expect([good!['quality'], good!['value']]).toEqual(['live', seen.length + 1]);
      seen.push([clock.monotonic(), String(bad!['reason'])]);
    }
    expect(seen).toEqual([
      [400, 'late'], // begun at 0, hangs until 2500
      [1030, 'late'],
      [2030, 'late'],
      [3400, 'timeout'], // what came of the first; begun again at 3000, until 5500
      [4030, 'late'],
      [5030, 'late'],
    ]);
    expect(Object.fromEntries(tally.counts)).toEqual({ 'readings.late': 5, 'readings.missing': 6 });
  });

  test('never over the tick, which none misses', async () => {
    const { batches, clock, tally } = await hanging(undefined, 10_000);
    const times = (await batches()).map((batch) => batch.toRows()[0]!['timestamp'] as number);
    expect(times).toEqual([0, 1, 2, 3, 4, 5].map((tick) => start + tick * 1000));
    expect(tally.counts.get('ticks.skipped')).toBe(undefined);
    expect(clock.monotonic()).toBeLessThan(6000);
  });

  test('what is late is in the next batch', async () => {
    const { shown } = await created(({ clock }) => ({
      everyMs: 100,
      count: 4,
      timeoutMs: 1000,
      sensors: [{ id: 'slow', read: counter(clock, 150) }],
    }));
    // Read from 0 to 150, and from 200 to 350.
    expect((await shown()).flat()).toEqual([
      'slow – missing late',
      'slow – missing late', // at 100, which nothing waits for
      'slow 1 live –', // had at 150
      'slow 1 stale late',
    ]);
  });

  test('as many as may are asked at a time, and a device that hangs gives up its place', async () => {
    let running = 0;
    let most = 0;
    const { shown, clock } = await created(({ clock }) => {
      const read = async (signal: AbortSignal): Promise<number> => {
        most = Math.max(most, ++running);
        try {
          await clock.sleep(50, { signal });
          return 1;
        } finally {
          running--;
        }
      };
      const good = Array.from({ length: 6 }, (_, at) => ({ id: `s${at}`, read }));
      return {
        everyMs: 1000,
        count: 1,
        concurrentMax: 2,
        timeoutMs: 200,
        retry: { maxAttempts: 1 },
        sensors: [{ id: 'bad', read: never }, ...good],
      };
    });
    const [batch] = await shown();
    expect(batch).toEqual([
      'bad – missing timeout',
      ...Array.from({ length: 6 }, (_, at) => `s${at} 1 live –`),
    ]);
    expect(most).toBe(2);
    expect(clock.monotonic()).toBeLessThan(300);
  });
});

describe('over HTTP', () => {
  /** A source of one sensor that is answered by `handler`, or that nobody answers. */
  const answered = (
    handler: ((request: Request) => Response | Promise<Response>) | undefined,
    options = {},
  ) =>
    created(({ network }) => {
      if (handler !== undefined) network.answer('http://device.test', handler);
      const a = { url: 'http://device.test/now?x=1', ...options };
      return { count: 1, retry: { maxAttempts: 1 }, sensors: [{ id: 'a', ...a }] };
    });

  test.each([
    ['a number', '21.5', 'value', 21.5],
    ['its value', '{"value":-3e2,"unit":"°C"}', 'value', -300],
    ['a field of it', '{"celsius":4}', 'celsius', 4],
    ['a field within it', '{"main":{"temp":5},"value":1}', 'main.temp', 5],
    ['an item of a list', '[{"v":6}]', '0.v', 6],
  ])('reads %s', async (_, body, field, value) => {
    const { rows, tally } = await answered(() => new Response(body), { field });
    expect(await rows()).toMatchObject([{ value, quality: 'live' }]);
    expect(tally.bytes).toBe(Buffer.byteLength(body));
  });

  test('asks with its headers', async () => {
    const seen: unknown[] = [];
    const handler = ({ method, url, headers, redirect }: Request): Response => {
      seen.push(method, url, headers.get('accept'), headers.get('authorization'), redirect);
      return Response.json(1);
    };
    await (await answered(handler, { headers: { authorization: 'Bearer t' } })).rows();
    const url = 'http://device.test/now?x=1';
    expect(seen).toEqual(['GET', url, 'application/json', 'Bearer t', 'manual']);
  });

  test('lets a header of its own take the place of `accept`', async () => {
    const seen: unknown[] = [];
    const handler = ({ headers }: Request): Response => {
      seen.push(headers.get('accept'));
      return Response.json(1);
    };
    await (await answered(handler, { headers: { Accept: 'text/plain' } })).rows();
    expect(seen).toEqual(['text/plain']);
  });

  const huge = (): Response => {
    let chunks = 0;
    const pull = (controller: ReadableStreamDefaultController): void => {
      if (++chunks > 1000) throw new Error('read on beyond its limit');
      controller.enqueue(new Uint8Array(1024).fill(49));
    };
    return new Response(new ReadableStream({ pull }));
  };
  const hangingBody = (): Response => new Response(new ReadableStream({ pull: never }));
  const brokenError = (): Response => {
    const pull = (controller: ReadableStreamDefaultController): void =>
      controller.error(new Error('cut off'));
    return new Response(new ReadableStream({ pull }, { highWaterMark: 1 }), { status: 503 });
  };
  const brokenBody = (): Response =>
    new Response(new ReadableStream({ pull: () => Promise.reject(new Error('cut off')) }));

  test.each<[string, string, ((request: Request) => Response | Promise<Response>) | undefined]>([
    ['nobody there', 'unreachable', undefined],
    ['not found', 'status', () => new Response('{"value":1}', { status: 404 })],
    ['a failure', 'status', () => new Response('oops', { status: 500 })],
    ['a failure that breaks off', 'status', brokenError],
    ['JSON without end', 'no-value', () => new Response(`${'['.repeat(9e3)}${']'.repeat(9e3)}`)],
    ['brackets without end', 'no-json', () => new Response('['.repeat(60_000))],
    ['true', 'no-value', () => new Response('true')],
    ['no content', 'no-json', () => new Response(null, { status: 204 })],
    ['a redirect', 'redirect', () => Response.redirect('http://elsewhere.test/', 302)],
    ['no JSON', 'no-json', () => new Response('<html>')],
    ['nothing', 'no-json', () => new Response('')],
    ['bytes that are no text', 'no-json', () => new Response(new Uint8Array([0x22, 0xff, 0x22]))],
    ['NaN', 'no-json', () => new Response('{"value":NaN}')],
    ['a number without end', 'no-value', () => new Response('{"value":1e999}')],
    ['a number as text', 'no-value', () => new Response('{"value":"21"}')],
    ['null', 'no-value', () => new Response('null')],
    ['no such field', 'no-value', () => new Response('{"velue":1}')],
    ['a field of the prototype', 'no-value', () => new Response('{"__proto__":{"value":1}}')],
    ['a huge body', 'too-large', huge],
    ['a server that hangs', 'timeout', never],
    ['a body that hangs', 'timeout', hangingBody],
    ['a body that breaks off', 'unreachable', brokenBody],
    [
      'a handler that throws',
      'unreachable',
      () => {
        throw new TypeError('fetch failed');
      },
    ],
  ])('%s is a reading that is missing: %s', async (_, reason, handler) => {
    const { shown } = await answered(handler);
    expect(await shown()).toEqual([[`a – missing ${reason}`]]);
  });

  test('a body that drips is read no further than to its timeout', async () => {
    let chunks = 0;
    let isCancelled = false;
    const { shown, clock } = await created(({ network, clock }) => {
      const pull = async (controller: ReadableStreamDefaultController): Promise<void> => {
        await clock.sleep(30);
        chunks++;
        controller.enqueue(new Uint8Array([49]));
      };
      const cancel = (): void => void (isCancelled = true);
      network.answer('http://a.test', () => new Response(new ReadableStream({ pull, cancel })));
      const sensors = [{ id: 'a', url: 'http://a.test' }];
      return { count: 1, retry: { maxAttempts: 1 }, sensors };
    });
    expect(await shown()).toEqual([['a – missing timeout']]);
    await clock.sleep(10_000);
    expect(chunks).toBeLessThan(10);
    expect(isCancelled).toBe(true);
  });

  test('a function that gives NaN, throws at once or gives nothing costs its row', async () => {
    const { shown } = await created(() => ({
      count: 1,
      retry: { maxAttempts: 1 },
      sensors: [
        { id: 'nan', read: async () => NaN },
        { id: 'text', read: (() => '5') as never },
        { id: 'none', read: (() => undefined) as never },
        {
          id: 'throws',
          read: () => {
            throw new Error('broken');
          },
        },
        { id: 'rejects', read: () => Promise.reject(null) },
      ],
    }));
    expect(await shown()).toEqual([
      [
        'nan – missing no-value',
        'text – missing no-value',
        'none – missing no-value',
        'throws – missing failed',
        'rejects – missing failed',
      ],
    ]);
  });

  test('a function may give an object whose value is a getter', async () => {
    class Answer {
      get value(): number {
        return 5;
      }
    }
    const read = async (): Promise<Answer> => new Answer();
    const { shown } = await created(() => ({ count: 1, sensors: [{ id: 'a', read }] }));
    expect(await shown()).toEqual([['a 5 live –']]);
  });

  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  test('asks real servers: good, redirecting, huge, hanging, cut off, and gone', async () => {
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url!, 'http://localhost');
      if (pathname === '/redirect') response.writeHead(302, { location: '/good' }).end();
      else if (pathname === '/huge') response.end(Buffer.alloc(10_000_000, '1'));
      // 10 MB in 10 kB.
      else if (pathname === '/bomb') {
        response.setHeader('content-encoding', 'gzip');
        response.end(gzipSync(Buffer.alloc(10_000_000, '1')));
      } else if (pathname === '/stuck') response.write('{"value":');
      else if (pathname === '/reset') request.socket.resetAndDestroy();
      else if (pathname === '/cut') {
        response.write('{"value":', () => request.socket.resetAndDestroy());
      } else if (pathname !== '/hanging') response.end('{"value":21.5}');
    });
    servers.push(server);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const of = (path: string) => ({ url: `http://127.0.0.1:${port}/${path}` });
    const component = sensorsSource({
      everyMs: 5000,
      timeoutMs: 300,
      count: 1,
      retry: { maxAttempts: 2, baseDelayMs: 1 },
      sensors: [
        { id: 'good', ...of('good'), timeoutMs: 5000 },
        { id: 'redirect', ...of('redirect'), timeoutMs: 5000 },
        { id: 'huge', ...of('huge'), timeoutMs: 5000 },
        { id: 'bomb', ...of('bomb'), timeoutMs: 5000 },
        { id: 'hanging', ...of('hanging') },
        { id: 'stuck', ...of('stuck') },
        { id: 'reset', ...of('reset'), timeoutMs: 5000 },
        { id: 'cut', ...of('cut'), timeoutMs: 5000 },
        { id: 'gone', url: 'http://127.0.0.1:1/', timeoutMs: 5000 },
      ],
    });
    const { rows, connector } = await createSource(component, { outside: systemOutside() });
    const read = await rows();
    await connector.close();
    expect(read.map(({ sensorId, value, reason }) => [sensorId, value, reason])).toEqual([
      ['good', 21.5, null],
      ['redirect', null, 'redirect'],
      ['huge', null, 'too-large'],
      ['bomb', null, 'too-large'],
      ['hanging', null, 'timeout'],
      ['stuck', null, 'timeout'],
      ['reset', null, 'unreachable'],
      ['cut', null, 'unreachable'],
      ['gone', null, 'unreachable'],
    ]);
  });
});

describe('in a run', () => {
  test('skips and counts the ticks of a pause, and still gives its sensors time to answer', async () => {
    const { rows, shown, clock, tally } = await created(({ clock }) => ({
      everyMs: 1000,
      count: 4,
      sensors: [{ id: 'a', read: counter(clock, 100) }],
    }));
    const before = await rows(1);
    await clock.sleep(3850); // until 3950: the tick at 3000 is taken late
    expect(await shown(1)).toEqual([['a 2 live –']]);
    const after = await rows();
    expect([...before, ...after].map(({ timestamp }) => timestamp - start)).toEqual([
      0, 4050, 5000,
    ]);
    expect(tally.counts.get('ticks.skipped')).toBe(2);
  });

  test('does not take for live what it had before a pause', async () => {
    const { connector, shown, rows, clock } = await created(({ clock }) => {
      let reads = 0;
      const read = async (signal: AbortSignal): Promise<number> => {
        await clock.sleep([1200, Infinity, 10][reads]!, { signal });
        return ++reads;
      };
      return {
        everyMs: 1000,
        count: 20,
        timeoutMs: 5000,
        retry: { maxAttempts: 1 },
        sensors: [{ id: 'a', read }],
      };
    });
    expect(await shown(1)).toEqual([['a – missing late']]);
    await clock.sleep(600_000); // it answers at 1200
    expect(await rows(1)).toMatchObject([
      { value: 1, quality: 'stale', reason: 'late', sourceTime: start + 1200 },
    ]);
    await connector.close();
  });

  test('a read that is given up does not take the deadline from the next', async () => {
    let reads = 0;
    const { connector, clock } = await created(({ clock }) => ({
      everyMs: 1000,
      timeoutMs: 10_000,
      retry: { maxAttempts: 1 },
      sensors: [
        { id: 'slow', read: counter(clock, 1300) },
        { id: 'bad', read: async () => (++reads === 1 ? 1 : never()) },
      ],
    }));
    const giveUp = new AbortController();
    const first = connector.read(giveUp.signal);
    await clock.sleep(500);
    giveUp.abort(new Error('given up'));
    await expect(first).rejects.toThrow('given up');
    // What the first waited for ends at 1300, while this waits for the other sensor.
    await connector.read(new AbortController().signal);
    expect(clock.monotonic()).toBe(2000);
    await connector.close();
  });

  test('fills batches no further than their limit, and loses no row', async () => {
    const read = async (): Promise<number> => 1;
    const sensors = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, read }));
    const options = { count: 2, sensors };
    const limits = { rowsMax: 2 };
    const { batches, connector } = await created(() => options, limits);
    const all = await batches();
    expect(all.map(({ length }) => length)).toEqual([2, 2, 1, 2, 2, 1]);
    expect(all.map(({ origin }) => origin.position(0))).toEqual([0, 2, 4, 5, 7, 9]);
    expect(connector.position()).toBe(10);
    const outside = virtualOutside();
    const later = await createSource(sensorsSource(options), { outside, from: 3 });
    expect((await later.batches()).map(({ origin }) => origin.position(0))).toEqual([5]);
  });

  test('a stop ends the reads that are under way', async () => {
    let given: AbortSignal | undefined;
    const { connector } = await created(() => ({
      timeoutMs: 60_000,
      sensors: [
        {
          id: 'a',
          read: (signal) => {
            given = signal;
            return never();
          },
        },
      ],
    }));
    const stop = new AbortController();
    const reading = connector.read(stop.signal);
    stop.abort(new Error('stopped'));
    await expect(reading).rejects.toThrow('stopped');
    await connector.close();
    expect(given?.aborted ?? true).toBe(true);
  });

  test.each([
    [{}, 'sensors'],
    [{ sensors: [] }, 'at least one sensor'],
    [{ sensors: [{ id: 'a' }] }, 'either `url` or'],
    [{ sensors: [{ id: 'a', url: 'http://a.test', read: never }] }, 'either `url` or'],
    [{ sensors: [{ id: 'a', url: 'ftp://a.test' }] }, 'takes an address as'],
    [{ sensors: [{ id: 'a', url: 'http://u:p@a.test' }] }, 'use `headers`'],
    [{ sensors: [{ id: 'a', read: 5 }] }, 'takes a function'],
    [{ sensors: [{ id: 'a', read: never, timeoutMs: 0 }] }, 'timeoutMs'],
    [
      { sensors: [{ id: 'a', read: never }], everyMs: 100, deadlineMs: 101 },
      'no more than `everyMs`',
    ],
    [{ sensors: [{ id: 'a', read: never }], retry: { maxAttempts: 0 } }, 'maxAttempts'],
    [{ sensors: [{ id: 'a', read: never }], breaker: { jitter: 2 } }, 'jitter'],
    [{ sensors: [{ id: 'a', read: never }], breaker: { openMsMax: 5 } }, 'no less than `openMs`'],
    [{ sensors: [{ id: 'a', read: never }], fallback: { strategy: 'last' } }, 'strategy'],
    [{ sensors: [{ id: 'a', read: never }], fallback: { strategy: [] } }, 'strategy'],
    [
      { sensors: [{ id: 'a', read: never }], fallback: { strategy: 'constant' } },
      'what `constant` del',
    ],
    [{ sensors: [{ id: 'a', read: never }], fallback: { gapMsMax: 5 } }, 'strategy `interpolated`'],
    [{ sensors: [{ id: 'a', read: never, every: 5 }] }, 'every'],
    [{ sensors: { a: { read: never } } }, 'takes a list of sensors'],
    [{ sensors: [{ read: never }] }, 'id'],
    [{ sensors: [{ id: '', read: never }] }, 'id'],
    [{ sensors: [{ id: 'a', read: never, field: 'v' }] }, 'works with `url`'],
    [{ sensors: [{ id: 'a', read: never, headers: { a: 'b' } }] }, 'works with `url`'],
    [{ sensors: [{ id: 'a', url: 'http://a.test', field: 'a..b' }] }, 'with a point between'],
    [{ sensors: [{ id: 'a', url: 'http://a.test', headers: { 'a b': '' } }] }, 'no header'],
    [{ sensors: [{ id: 'a', url: 'http://a.test', headers: { a: '1\n2' } }] }, 'no header'],
    [{ sensors: [{ id: 'a', read: never }], everyMs: -1 }, 'everyMs'],
    [{ sensors: [{ id: 'a', read: never }], everyMs: -1, deadlineMs: 5 }, 'everyMs'],
    [{ sensors: [{ id: 'a', read: never }], breaker: { openMsMax: -1 } }, 'openMsMax'],
    [
      {
        sensors: [
          { id: 'a', read: never },
          { id: 'b', read: never },
          { id: 'a', read: never },
        ],
      },
      'names `sensors[0]` already',
    ],
  ])('refuses the options %j', async (options, text) => {
    const error = await created(() => options as never).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ZodError);
    expect((error as ZodError).issues).toHaveLength(1);
    expect((error as ZodError).message).toContain(text);
  });

  test('takes ids as they are, in their order', async () => {
    const ids = ['10', '__proto__', '2', 'constructor', '°', '01'];
    const { rows } = await created(() => ({
      count: 1,
      sensors: ids.map((id) => ({ id, read: async () => 1 })),
    }));
    expect((await rows()).map(({ sensorId }) => sensorId)).toEqual(ids);
  });
});

const skips = { 'goes on from each of its positions': 'its rows say when they were made' };

const flaky = (): SourceComponent => {
  const seen = new Map<string, number>();
  const sensor = (id: string) => ({
    read: async (): Promise<number> => {
      const reads = (seen.get(id) ?? 0) + 1;
      seen.set(id, reads);
      if (reads % 3 === 0) throw new Error('no answer');
      return reads;
    },
  });
  const sensors = ['a', 'b', 'c', 'd'].map((id) => ({ id, ...sensor(id) }));
  return sensorsSource({ count: 12, everyMs: 500, sensors }) as SourceComponent;
};

const ofUrls = (): { component: SourceComponent; outside: VirtualOutside } => {
  const outside = virtualOutside();
  outside.network.answer('http://good.test', () => Response.json({ value: 21.5 }));
  outside.network.answer('http://bad.test', never);
  const sensors = [
    { id: 'good', url: 'http://good.test' },
    { id: 'bad', url: 'http://bad.test' },
  ];
  return { component: sensorsSource({ sensors }) as SourceComponent, outside };
};

for (const { name, run, skipped } of sourceSuite(sensorsSource, [
  { name: 'of functions', prepare: () => ({ component: flaky() }), skips },
  { name: 'of URLs, without end', prepare: ofUrls, rowsMax: 20, skips },
])) {
  test.skipIf(skipped !== undefined)(name, run);
}
