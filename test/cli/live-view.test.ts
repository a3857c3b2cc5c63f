import { stripVTControlCharacters } from 'node:util';

import { describe, expect, test } from 'vitest';

import { Batch, schema } from '../../src/batch/index.ts';
import { LiveView } from '../../src/cli/live-view.ts';
import type { ComponentReport, RunStats } from '../../src/observe/index.ts';
import { flatMap } from '../../src/stages/index.ts';
import { createStage } from '../../src/testing/index.ts';

const readings = schema({ sensorId: 'category', value: 'float64', anomaly: 'bool' });

function batchOf(sensors: number): Batch {
  const rows = Array.from({ length: sensors }, (_, at) => ({
    sensorId: `sensor-${at}`,
    value: at,
    anomaly: false,
  }));
  return Batch.from(rows, readings);
}

function component(id: string): ComponentReport {
  const rows = { in: 1e6, out: 1e6, dropped: 0, perSecond: 4321 };
  return { id, name: id, kind: 'stage', ...rows, work: { p95Ms: 1.25 } } as never;
}

function statsOf(components: number): RunStats {
  return {
    pipeline: 'main',
    status: 'running',
    durationMs: 754_000,
    recordsIn: 123_456_789,
    recordsOut: 123_456_789,
    deadLetters: 1234,
    components: Array.from({ length: components }, (_, at) => component(`component-${at}`)),
    degraded: { 'component-1': 'the disk is full' },
    queues: { 'component-1': { depth: 1, fill: 0.5 } },
  } as unknown as RunStats;
}

function pictureOf(
  { components = 8, sensors = 30 }: { components?: number; sensors?: number },
  columns: number,
  rows: number,
): string[] {
  const view = new LiveView((_, text) => `\u001B[1m${text}\u001B[22m`);
  view.readings.watch('out', batchOf(sensors));
  return view.lines(statsOf(components), columns, rows).map(stripVTControlCharacters);
}

test.each([
  [120, 45],
  [80, 24],
  [60, 12],
  [40, 8],
  [20, 3],
])('the picture fits a terminal of %i × %i', (columns, rows) => {
  const lines = pictureOf({}, columns, rows);
  expect(lines.length).toBeLessThan(rows);
  expect(lines.filter((line) => line.length >= columns)).toEqual([]);
});

test('a wide terminal shows it all, a small one says how much it does not', () => {
  const whole = pictureOf({}, 120, 60).join('\n');
  expect(whole).toMatch(/component-7 +stage +4,321 +1,000,000 /);
  expect(whole).toContain('sensor-29');
  expect(whole).not.toContain('more');

  const small = pictureOf({}, 60, 12);
  const shown = small.filter((line) => line.startsWith('  component-')).length;
  expect(shown).toBeGreaterThan(0);
  expect(small).toContain(`  and ${8 - shown} more components`);
  const sensors = small.filter((line) => line.startsWith('  sensor-')).length;
  expect(sensors).toBeGreaterThan(0);
  expect(small.at(-1)).toBe(`  and ${30 - sensors} more sensors; 0 anomalies in all`);
  expect(small.join('\n')).toContain('! component-1: the disk is full');
});

test('the head is whole at any width, on several lines where it must be', () => {
  for (const columns of [120, 80, 60]) {
    const text = pictureOf({}, columns, 24).join(' ').replaceAll(/\s+/g, ' ');
    expect(text).toMatch(
      /^main · running · 754 s · \d+ records\/s ·? ?123,456,789 in ·? ?123,456,789 out ·? ?1,234 dead letters/,
    );
  }
});

test('columns that do not fit are left out whole', () => {
  const [, , , titles] = pictureOf({}, 80, 24);
  expect(titles?.trim().split(/\s{2,}/)).toEqual(
    expect.arrayContaining(['component', 'rows/s', 'out', 'dropped']),
  );
  const narrow = pictureOf({}, 50, 24).find((line) => line.includes('component '));
  expect(narrow).toMatch(/^ {2}component .*rows\/s .*out/);
  expect(narrow).not.toMatch(/\bp95$/);
});

describe('a row that several sinks take', () => {
  const raw = schema({ sensorId: 'category', value: 'float64?' });
  const flagged = schema({
    sensorId: 'category',
    value: 'float64?',
    anomaly: 'bool',
    anomalyReason: 'category',
  });
  const values = [1, 2, 3, 4, 5, 6];
  const rawOf = (some: readonly (number | null)[], position = 0): Batch =>
    Batch.from(
      some.map((value) => ({ sensorId: 'boiler', value })),
      raw,
      { source: 'source', position },
    );
  const flaggedOf = (some: readonly (number | null)[], position = 0): Batch =>
    Batch.from(
      some.map((value) => ({
        sensorId: 'boiler',
        value,
        anomaly: value === null || value > 3,
        anomalyReason: 'high',
      })),
      flagged,
      { source: 'source', position },
    );
  const linesOf = (given: readonly (readonly [sink: string, batch: Batch])[]): string[] => {
    const view = new LiveView((_, text) => text);
    for (const [sink, batch] of given) view.readings.watch(sink, batch);
    return view.lines(statsOf(2), 100, 30).slice(-2);
  };

  test('is one reading, and its flag counts once, whoever comes first', () => {
    const orders: (readonly [string, Batch])[][] = [
      [
        ['archive', rawOf(values)],
        ['alerts', flaggedOf(values)],
      ],
      [
        ['alerts', flaggedOf(values)],
        ['archive', rawOf(values)],
      ],
      [
        ['alerts', flaggedOf(values)],
        ['again', flaggedOf(values)],
      ],
    ];
    for (const order of orders) {
      const [sensor, total] = linesOf(order);
      expect(sensor).toMatch(/^ {2}boiler +6\.00 {3}▁▂▄▅▇█ +3 \(high\)$/);
      expect(total).toBe('  3 anomalies in all');
    }
  });

  test('has flags of its own in each branch', () => {
    const [sensor, total] = linesOf([
      ['even', flaggedOf([1, 4, 5])],
      ['odd', flaggedOf([2, 6], 3)],
    ]);
    expect(sensor).toContain('3 (high)');
    expect(total).toBe('  3 anomalies in all');
  });

  test('is shown as the sink has it that takes the most', () => {
    const [sensor] = linesOf([
      ['alerts', flaggedOf([6], 5)],
      ['archive', rawOf(values)],
      ['alerts', flaggedOf([9], 6)],
    ]);
    expect(sensor).toMatch(/^ {2}boiler +6\.00 {3}▁▂▄▅▇█ +2 \(high\)$/);
  });

  test('may be one of several that were made of another', async () => {
    type Raw = (typeof raw)['shape'];
    const three = flatMap<Raw, Raw>(raw, ({ value }) =>
      [1, 2, 3].map((times) => ({ sensorId: 'boiler', value: times * value! })),
    );
    const [made] = await createStage(three, raw).run([rawOf([1, 10])]);
    const [sensor] = linesOf([['out', made as Batch]]);
    expect(sensor).toMatch(/^ {2}boiler +30\.0 {3}▁▁▁▃▆█/);
  });

  test('may have a flag and no value', () => {
    const [sensor, total] = linesOf([['alerts', flaggedOf([1, null])]]);
    expect(sensor).toMatch(/^ {2}boiler +1\.00 .* 1 \(high\)$/);
    expect(total).toBe('  1 anomalies in all');
  });
});
