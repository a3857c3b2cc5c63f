import { stripVTControlCharacters } from 'node:util';

import { expect, test } from 'vitest';

import { Batch, schema } from '../../src/batch/index.ts';
import { LiveView } from '../../src/cli/live-view.ts';
import type { ComponentReport, RunStats } from '../../src/engine/index.ts';

const readings = schema({ sensorId: 'category', value: 'float64', anomaly: 'bool' });

function batchOf(sensors: number, anomaly = false): Batch {
  const rows = Array.from({ length: sensors }, (_, at) => ({
    sensorId: `sensor-${at}`,
    value: at,
    anomaly,
  }));
  return Batch.from(rows, readings);
}

function component(id: string): ComponentReport {
  return { id, name: id, kind: 'stage', in: 1e6, out: 1e6, dropped: 0, p95Ms: 1.25 } as never;
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
  view.watch(batchOf(sensors));
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
  expect(whole).toContain('component-7');
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

test('a row that two sinks take is one reading', () => {
  const view = new LiveView((_, text) => text);
  const batch = batchOf(2, true);
  view.watch(batch);
  view.watch(batch);
  const lines = view.lines(statsOf(2), 100, 30);
  expect(lines.at(-1)).toBe('  2 anomalies in all');
});
