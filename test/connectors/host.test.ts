import { describe, expect, test } from 'vitest';
import { ZodError } from 'zod';

import { type HostOptions, hostSource } from '../../src/connectors/host.ts';
import { readingSchema, systemOutside, VirtualClock } from '../../src/core/index.ts';
import { VirtualFiles } from '../../src/testing/virtual-files.ts';
import { type CreatedSource, createSource } from './created.ts';

type Options = HostOptions & { count: number };

function cpuTimes(busy: number, idle: number): string {
  return `cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu1 0 0 0 ${busy + idle} 0 0 0 0 0 0\nintr 5\n`;
}

const disks = (read: number, written: number): string =>
  [
    ` 259 0 nvme0n1 10 0 ${read} 5 10 0 ${written} 5 0 10 10 0 0 0 0 0 0`,
    ` 259 1 nvme0n1p1 10 0 ${read} 5 10 0 ${written} 5 0 10 10 0 0 0 0 0 0`,
    ` 7 0 loop0 10 0 ${read} 5 10 0 ${written} 5 0 10 10 0 0 0 0 0 0`,
  ].join('\n');

const network = (received: number, sent: number): string =>
  [
    'Inter-|   Receive                            |  Transmit',
    ' face |bytes packets errs drop fifo frame compressed multicast|bytes packets',
    `    lo: ${received * 9} 1 0 0 0 0 0 0 ${sent * 9} 1 0 0 0 0 0 0`,
    `  eth0:${received} 1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0`,
    '  ifb0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0',
  ].join('\n');

/** A machine of files that change between the readings. */
async function machine(
  options: Options,
  contents: Readonly<Record<string, readonly string[]>>,
): Promise<
  CreatedSource<Readonly<Record<string, never>>> & {
    readonly read: () => Promise<Map<string, number>[]>;
  }
> {
  const clock = new VirtualClock();
  const files = new VirtualFiles({}, clock);
  files.diskBytesMax = 1_000_000;
  const put = (at: number): void => {
    for (const [path, texts] of Object.entries(contents)) {
      const text = texts[Math.min(at, texts.length - 1)]!;
      if (text === '') void files.remove(path);
      else files.put(path, text);
    }
  };
  put(0);
  const source = await createSource(hostSource({ everyMs: 1000, ...options }), {
    outside: { clock, files },
  });
  const read = async (): Promise<Map<string, number>[]> => {
    const ticks: Map<string, number>[] = [];
    for (let at = 1; at <= options.count; at++) {
      put(at);
      const rows = await source.rows(1);
      ticks.push(new Map(rows.map((row) => [row['sensorId'] as string, row['value'] as number])));
    }
    return ticks;
  };
  return { ...source, read } as never;
}

describe('a host source', () => {
  test('reads the busy share of each core since the reading before', async () => {
    const stat = [cpuTimes(100, 900), cpuTimes(150, 950), cpuTimes(150, 1050), cpuTimes(150, 1050)];
    const { read } = await machine({ metrics: ['cpu'], count: 3 }, { '/proc/stat': stat });
    expect((await read()).map((tick) => Object.fromEntries(tick))).toEqual([
      { 'cpu-0': 50, 'cpu-1': 0 },
      { 'cpu-0': 0, 'cpu-1': 0 },
      {}, // no step of the kernel's clock has passed
    ]);
  });

  test('reads bytes per second of whole disks, and room on them', async () => {
    const { read } = await machine(
      { metrics: ['disk'], count: 2, everyMs: 500 },
      { '/proc/diskstats': [disks(10, 10), disks(20, 10), disks(20, 12)] },
    );
    const [first, second] = await read();
    expect(first!.get('disk-nvme0n1-read')).toBe(10 * 512 * 2);
    expect(first!.get('disk-nvme0n1-written')).toBe(0);
    expect(second!.get('disk-nvme0n1-written')).toBe(2 * 512 * 2);
    const bytes = disks(20, 10).length;
    expect(first!.get('disk-free')).toBe(1_000_000 - bytes);
    expect(first!.get('disk-used-share')).toBeCloseTo(bytes / 10_000, 10);
    expect([...first!.keys()].filter((id) => /p1|loop/.test(id))).toEqual([]);
  });

  test('reads bytes per second of network interfaces, also when one begins anew', async () => {
    const { read } = await machine(
      { metrics: ['network'], count: 3 },
      {
        '/proc/net/dev': [
          network(1000, 500),
          network(3000, 600),
          network(10, 600),
          network(30, 600),
        ],
      },
    );
    expect((await read()).map((tick) => Object.fromEntries(tick))).toEqual([
      { 'net-eth0-received': 2000, 'net-eth0-sent': 100 },
      { 'net-eth0-sent': 0 },
      { 'net-eth0-received': 20, 'net-eth0-sent': 0 },
    ]);
  });

  test('reads temperatures of hardware monitors by name, and leaves out what is silent', async () => {
    const hwmon = '/sys/class/hwmon/hwmon1';
    const { read } = await machine(
      { metrics: ['temperature'], count: 2 },
      {
        [`${hwmon}/name`]: ['coretemp\n'],
        [`${hwmon}/temp1_input`]: ['41000\n', '42500\n', ''],
        [`${hwmon}/temp1_label`]: ['Package id 0\n'],
        [`${hwmon}/temp3_input`]: ['39000\n'],
        '/sys/class/hwmon/hwmon2/name': ['coretemp'],
        '/sys/class/hwmon/hwmon2/temp3_input': ['not a number'],
        '/sys/class/thermal/thermal_zone0/type': ['acpitz'],
        '/sys/class/thermal/thermal_zone0/temp': ['27800'],
      },
    );
    expect((await read()).map((tick) => Object.fromEntries(tick))).toEqual([
      { 'temp-coretemp-package-id-0': 42.5, 'temp-coretemp-3': 39 },
      { 'temp-coretemp-3': 39 },
    ]);
  });

  test('reads thermal zones where there are no hardware monitors', async () => {
    const zone = (at: number, type: string, temp: string): Record<string, string[]> => ({
      [`/sys/class/thermal/thermal_zone${at}/type`]: [type],
      [`/sys/class/thermal/thermal_zone${at}/temp`]: [temp],
    });
    const { read } = await machine(
      { metrics: ['temperature'], count: 1 },
      { ...zone(0, 'acpitz', '27800'), ...zone(1, 'acpitz', '30000') },
    );
    expect(Object.fromEntries((await read())[0]!)).toEqual({
      'temp-acpitz': 27.8,
      'temp-acpitz-2': 30,
    });
  });

  test('leaves out what a machine without /proc does not tell, and says so', async () => {
    const { read, logged } = await machine({ count: 1 }, {});
    const [tick] = await read();
    const groups = new Set([...tick!.keys()].map((id) => id.split('-')[0]));
    expect(groups).toContain('mem');
    expect(groups).not.toContain('net');
    expect(logged.map(({ event, fields }) => [event, fields['metric']])).toEqual([
      ['metric.missing', 'network'],
      ['metric.missing', 'temperature'],
    ]);
  });

  test('gives the rows of one time one timestamp, on a schedule, skipping what a pause covers', async () => {
    const { rows, outside, tally, output } = await createSource(
      hostSource({ everyMs: 1000, metrics: ['load', 'memory'], count: 3 }),
    );
    expect(output.equals(readingSchema)).toBe(true);
    const start = outside.clock.now();
    const first = await rows(1);
    expect(
      first.map(({ sensorId, timestamp, unit }) => [sensorId, timestamp - start, unit]),
    ).toEqual([
      ['load-1m', 1000, '1'],
      ['load-5m', 1000, '1'],
      ['load-15m', 1000, '1'],
      ['mem-used', 1000, 'B'],
      ['mem-used-share', 1000, '%'],
      ['process-mem', 1000, 'B'],
    ]);
    await outside.clock.sleep(2700);
    expect(new Set((await rows()).map(({ timestamp }) => timestamp - start))).toEqual(
      new Set([3700, 4000]),
    );
    expect(tally.counts.get('ticks.skipped')).toBe(1);
  });

  test('fills batches no further than their limit, and loses no reading', async () => {
    const { batches, connector } = await createSource(
      hostSource({ everyMs: 1000, metrics: ['memory'], count: 3 }),
      { limits: { rowsMax: 2 } },
    );
    const read = await batches();
    expect(read.map(({ length }) => length)).toEqual([2, 2, 2, 2, 1]);
    expect(connector.position()).toBe(9);
    const later = await createSource(hostSource({ everyMs: 1000, metrics: ['memory'], count: 1 }), {
      from: 9,
    });
    expect((await later.batches())[0]!.origin.position(0)).toBe(9);
  });

  test('goes on with the rest when something cannot be read', async () => {
    const files = new VirtualFiles();
    files.space = () => Promise.reject(new Error('gone'));
    const component = hostSource({ metrics: ['disk', 'load'], count: 2 });
    const { rows, tally } = await createSource(component, { outside: { files } });
    expect((await rows()).map(({ sensorId }) => sensorId)).toEqual([
      'load-1m',
      'load-5m',
      'load-15m',
      'load-1m',
      'load-5m',
      'load-15m',
    ]);
    expect(tally.counts.get('gauges.failed')).toBe(2);
  });

  test('reads this very machine', async () => {
    const { rows, connector } = await createSource(hostSource({ everyMs: 20, count: 3 }), {
      outside: systemOutside(),
    });
    const read = await rows();
    await connector.close();
    for (const { value, timestamp } of read)
      expect(Number.isFinite(value) && Number.isFinite(timestamp)).toBe(true);
    const ids = new Set(read.map(({ sensorId }) => sensorId));
    for (const id of ['mem-used-share', 'disk-free', 'loop-delay-max']) expect(ids).toContain(id);
    for (const { value } of read.filter(({ unit }) => unit === '%'))
      expect(value >= 0 && value <= 100).toBe(true);
  });

  test.each([{ metrics: [] }, { metrics: ['fans'] }, { everyMs: 0 }, { hz: 10 }])(
    'refuses the options %j',
    async (options) => {
      await expect(createSource(hostSource(options as never))).rejects.toBeInstanceOf(ZodError);
    },
  );
});
