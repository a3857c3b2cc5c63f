import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';

import { getRequestListener } from '@hono/node-server';
import type { CDPSession, Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';

import { circuitBreaker, consecutiveFailures } from '../../src/resilience/index.ts';
import type { RunHistory } from '../../src/server/api-types.ts';
import { readAssets } from '../../src/server/assets.ts';
import { observationRoutes } from '../../src/server/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from '../engine/ends.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { servedChain } from './chain.ts';
import { openPage } from './open-page.ts';
import { readToken } from './plant.ts';

const patience = { timeout: 12_000, interval: 50 };
const updateMsMax = 200;

const browser = useChromium();

describe.skipIf(!hasChromium())('the overview of', { timeout: 30_000 }, () => {
  test('200 stages comes fast, and is quick to draw, folded or not', async () => {
    const server = await servedChain(200);
    const page = await openPage(browser(), server, { token: readToken });
    await page.addInitScript(watched);
    await page.reload();
    await page.getByText('200 stages').waitFor();
    const viewMs = await page.evaluate<number>('performance.now()');
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.setTimeDomain', { timeDomain: 'threadTicks' });
    await session.send('Performance.enable');
    const folded = await costOf(page, session);
    const nodes = page.getByLabel('Pipeline', { exact: true }).getByRole('article');
    const begun = await page.evaluate<number>('performance.now()');
    await page.getByRole('button', { name: /^Unfold all/ }).click();
    await expect.poll(() => nodes.count(), patience).toBeGreaterThan(200);
    const unfoldMs = (await page.evaluate<number>('performance.now()')) - begun;
    const unfolded = await costOf(page, session);
    process.stdout.write(
      `200 stages: there after ${viewMs.toFixed()} ms, unfolded after ${unfoldMs.toFixed()} ms\n` +
        `folded: ${textOf(folded)}\nunfolded: ${textOf(unfolded)}\n`,
    );
    for (const { updateMs, taskMs, frameMs } of [folded, unfolded]) {
      expect(updateMs).toBeLessThan(updateMsMax);
      expect(taskMs).toBeLessThan(updateMsMax);
      expect(frameMs).toBeLessThan(updateMsMax);
    }
    await page.getByRole('button', { name: /^Fold/ }).click();
    await expect.poll(() => nodes.count(), patience).toBeLessThan(12);
  });

  test('an hour and more has all of it, by spans', async () => {
    const { url, history } = await hourLong();
    const page = await openPage(browser(), { url, launchUrl: url });
    const ribbon = page.getByRole('slider');
    for (const [span, name, slotsMin] of [
      ['5m', '5 minutes', 300],
      ['1h', '1 hour', 360],
      ['12h', '12 hours', 67],
    ] as const) {
      await page.getByRole('button', { name }).click();
      const { at, state, everyMs } = await history(span);
      expect(at.length).toBeGreaterThanOrEqual(slotsMin);
      await expect
        .poll(() => ribbon.getAttribute('aria-valuemax'), patience)
        .toBe(String(at.length - 1));
      const illMs = state.filter((one) => one === 2).length * everyMs;
      const told = (await ribbon.getAttribute('aria-valuetext')) ?? '';
      if (illMs === 0) expect(told).toMatch(/healthy for all of 5 min/i);
      else expect(told).toContain(`degraded for ${Math.floor(illMs / 60_000)} min`);
      expect(await page.locator('.chart canvas').count()).toBeGreaterThan(3);
    }
    await page.goto(`${url}/#/stage/store?span=12h`);
    await page.getByRole('img', { name: /^Throughput/ }).waitFor();
  });
});

/** What an update of a page costs: the best of several, as other work of this machine is no part. */
interface Cost {
  /** Processor time of the page's thread. */
  readonly updateMs: number;
  /** Its longest task; 0 where none took 50 ms. */
  readonly taskMs: number;
  /** Time from frame to frame, of which 95 in a hundred are shorter. */
  readonly frameMs: number;
}

function textOf({ updateMs, taskMs, frameMs }: Cost): string {
  return (
    `${updateMs.toFixed()} ms of processor time for an update, the longest task ` +
    `${taskMs.toFixed()} ms, p95 of frames ${frameMs.toFixed()} ms`
  );
}

async function costOf(page: Page, session: CDPSession): Promise<Cost> {
  const costs: Cost[] = [];
  while (costs.length < 5) {
    const before = await tasksMs(session);
    const { taskMs, frames } = await page.evaluate<{ taskMs: number; frames: number[] }>('watch()');
    const updateMs = (await tasksMs(session)) - before;
    const frameMs = frames.toSorted((a, b) => a - b)[Math.floor(frames.length * 0.95)]!;
    costs.push({ updateMs, taskMs, frameMs });
  }
  const least = (name: keyof Cost): number => Math.min(...costs.map((cost) => cost[name]));
  return { updateMs: least('updateMs'), taskMs: least('taskMs'), frameMs: least('frameMs') };
}

async function tasksMs(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration')!.value * 1000;
}

/** Follows tasks of 50 ms or more, and frames, to the end of the next update. */
const watched = `
  const Told = EventSource;
  let source;
  globalThis.EventSource = class extends Told {
    constructor(url) {
      super(url);
      source = this;
    }
  };
  const tasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) tasks.push(duration);
  }).observe({ type: 'longtask' });
  globalThis.watch = () =>
    new Promise((resolve) => {
      const frames = [];
      let before = performance.now();
      let left = Infinity;
      tasks.length = 0;
      const frame = () => {
        const now = performance.now();
        frames.push(now - before);
        before = now;
        // Tasks are told of some frames later.
        if (left-- > 0) requestAnimationFrame(frame);
        else resolve({ taskMs: Math.max(0, ...tasks), frames });
      };
      requestAnimationFrame(frame);
      source.addEventListener('point', () => (left = 10), { once: true });
    });`;

/** A record a second for 67 minutes of virtual time, with ten in which the store is away. */
async function hourLong(): Promise<{
  url: string;
  history(span: string): Promise<RunHistory>;
}> {
  const outside = virtualOutside();
  const { clock, random } = outside;
  const away = (): void => {
    const minutes = clock.monotonic() / 60_000;
    if (minutes > 40 && minutes < 50) throw new Error('the store is away');
  };
  const policy = circuitBreaker({
    name: 'store',
    opens: consecutiveFailures(3),
    openMs: 10_000,
    clock,
    random,
  });
  const run = await testPipeline({ queue: { rowsMax: 10 } }, [], outside)
    .from(
      scriptedSource({
        schema: readings,
        batches: numbered(4020).map((row) => [row]),
        before: (_, signal) => clock.sleep(1000, { signal }),
      }),
    )
    .to(scriptedSink({ answer: away }), { id: 'store', policy })
    .start();
  const routes = observationRoutes(run, { authorize: () => 'read' });
  onTestFinished(() => routes[Symbol.dispose]());
  await run.done;
  const assets = readAssets();
  const listener = getRequestListener(async (request, bindings) => {
    const asset = assets.get(new URL(request.url).pathname);
    if (asset === undefined) return routes(request, bindings as never);
    return new Response(asset.text, { headers: { 'content-type': asset.type } });
  });
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    history: async (span) =>
      (await (
        await routes(new Request(`http://host/api/v1/history?span=${span}`))
      ).json()) as RunHistory,
  };
}
