import { describe, expect, test } from 'vitest';

import { laneTrend } from '../../dashboard/src/lanes.ts';
import { intervalSource } from '../../src/connectors/interval.ts';
import type { Run } from '../../src/engine/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { LaneStats, RunHistory, RunStats } from '../../src/server/api-types.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { scriptedSink } from '../engine/ends.ts';
import { openPage } from './open-page.ts';
import { readToken } from './plant.ts';
import { serveRun } from './serve-run.ts';

function lanesOf(count: number, loadOf: (lane: number) => number): RunHistory['lanes'] {
  const all = Array.from({ length: count }, (_, at) => [
    `lane-${at + 1}`,
    { busyShare: [null, loadOf(at + 1)], loopUtilization: [null, 0.9] },
  ]);
  return Object.fromEntries(all) as RunHistory['lanes'];
}

describe('the load of lanes', () => {
  test('is that of the one with its event loop, or a line for each', () => {
    const one = laneTrend(lanesOf(1, () => 0.4));
    expect(one.lines.map(({ label, values }) => [label, values.at(-1)])).toEqual([
      ['busiest component', 0.4],
      ['event loop', 0.9],
    ]);
    const three = laneTrend(lanesOf(3, (lane) => lane / 10));
    expect(three.title).toBe('Load of each lane');
    expect(three.lines.map(({ label, values }) => [label, values.at(-1)])).toEqual([
      ['lane-1', 0.1],
      ['lane-2', 0.2],
      ['lane-3', 0.3],
    ]);
    expect(new Set(three.lines.map(({ colour }) => colour)).size).toBe(3);
  });

  test('is that of the busiest where they are many, in their order', () => {
    const { title, lines } = laneTrend(lanesOf(16, (lane) => (lane % 3 === 0 ? 0.9 : lane / 100)));
    expect(title).toBe('Load of the 6 busiest of 16 lanes');
    expect(lines.map(({ label }) => label)).toEqual(
      [3, 6, 9, 12, 15, 16].map((lane) => `lane-${lane}`),
    );
    expect(new Set(lines.map(({ colour }) => colour)).size).toBe(6);
  });
});

describe.skipIf(!hasChromium())('on the page', { timeout: 30_000 }, () => {
  const browser = useChromium();

  test('each lane has a line, with its name and how busy it is', async () => {
    const run = await pipeline('laned')
      .from(intervalSource({ everyMs: 20 }))
      .to(scriptedSink({}))
      .start();
    const server = await serveRun(withLanes(run, 3));
    const page = await openPage(browser(), server, { token: readToken });
    const chart = page.getByRole('img', { name: /^Load of each lane/ });
    await expect
      .poll(() => chart.getAttribute('aria-label'), { timeout: 15_000 })
      .toBe('Load of each lane: lane-1 25 %, lane-2 50 %, lane-3 75 %');
    const swatches = page.getByRole('figure').filter({ has: chart }).locator('.swatch');
    const colours = await swatches.evaluateAll((all) => all.map((one) => one.className));
    expect(new Set(colours).size).toBe(3);
    await page.getByText(/3 lanes, the busiest at 75.%/).waitFor();
  });
});

/** A run whose figures are those of so many lanes. */
function withLanes(run: Run, count: number): Run {
  const laned = (stats: RunStats): RunStats => ({
    ...stats,
    lanes: Array.from({ length: count }, (_, at): LaneStats => ({
      ...stats.lanes[0]!,
      id: `lane-${at + 1}`,
      busyShare: (at + 1) / 4,
    })),
  });
  return new Proxy(run, {
    get: (target, name) => {
      if (name === 'stats') return () => laned(target.stats());
      if (name === 'follow') {
        return (listener: (stats: RunStats) => void) =>
          target.follow((stats) => listener(laned(stats)));
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
