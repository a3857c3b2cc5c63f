import { setTimeout as slowness } from 'node:timers/promises';

import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';

import { sensorsSource } from '../../src/connectors/sensors.ts';
import { pipeline } from '../../src/pipeline.ts';
import { serve, type Server } from '../../src/server/index.ts';
import { branch } from '../../src/stages/branch.ts';
import { filter } from '../../src/stages/filter.ts';
import { merge } from '../../src/stages/merge.ts';
import { scriptedSink } from '../engine/ends.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { adminToken, type Plant, startPlant } from './plant.ts';

const patience = { timeout: 12_000, interval: 100 };
const markup = '<img src=x onerror=alert(1)>';

const browser = useChromium();

describe.skipIf(!hasChromium())('the overview', { timeout: 30_000 }, () => {
  test('draws the pipeline with the figures of the run, and says that nothing is wrong', async () => {
    const plant = await wellPlant();
    const page = await openPage(browser(), plant.server);
    await expect.poll(() => page.locator('h1').textContent(), patience).toContain('healthy');
    const nodes = page.getByLabel('Pipeline', { exact: true }).getByRole('link');
    await expect.poll(() => nodes.count(), patience).toBe(9);
    const stats = plant.run.stats();
    expect((await nodes.allTextContents()).toSorted()).toEqual(
      stats.components.map(({ id }) => id).toSorted(),
    );
    expect(await nodes.first().getAttribute('href')).toBe('#/stage/north');
    // From left to right; both sources in one column.
    const left = async (id: string): Promise<number> =>
      (await nodes.getByText(id, { exact: true }).boundingBox())!.x;
    expect(await left('north')).toBe(await left('south'));
    expect(await left('readings')).toBeGreaterThan(await left('south'));
    expect(await left('archive')).toBeGreaterThan(await left('detect-anomalies'));
    // Twelve sensors and eight, five times a second each.
    await expect.poll(() => nodeText(page, 'north'), patience).toMatch(/(5[5-9]|6[0-5])\/s/);
    await expect.poll(() => nodeText(page, 'archive'), patience).toMatch(/(9\d|10\d|11\d)\/s/);
    await expect.poll(() => flowWidth(page, 'readings', 'filter'), patience).toBeGreaterThan(4);
    expect(await page.getByLabel('Ledger', { exact: true }).first().textContent()).toContain(
      'closed',
    );
    expect(await ribbonText(page)).toContain('healthy for all');
    expect(await page.getByText('Nothing is wrong.').isVisible()).toBe(true);
  });

  test('tells where something is wrong, since when, and what it costs', async () => {
    const plant = await wellPlant();
    const page = await openPage(browser(), plant.server);
    await expect.poll(() => page.locator('h1').textContent(), patience).toContain('healthy');
    const failedMs = Date.now();
    plant.faults.south = true;
    const verdict = page.getByLabel('Health', { exact: true });
    await expect
      .poll(() => verdict.textContent(), patience)
      .toContain('8 of 8 sensors substituted');
    expect(Date.now() - failedMs).toBeLessThan(6000);
    await expect
      .poll(() => page.locator('h1').textContent(), patience)
      .toMatch(/degraded since \d\d:\d\d:\d\d/);
    await expect.poll(() => verdict.textContent(), patience).toMatch(/\d+ substituted, \+\d+\/s/);
    expect(await nodeText(page, 'south')).toContain('8 of 8 sensors substituted');
    // The alert is linked to what it is about.
    const alert = verdict.getByText('open-breaker');
    await alert.waitFor();
    expect(await verdict.getByRole('link', { name: 'south' }).first().getAttribute('href')).toBe(
      '#/stage/south',
    );
    await expect.poll(() => ribbonText(page), patience).toMatch(/degraded for .*mostly: south/);
    // Slot by slot, by the keyboard.
    await page.getByRole('slider').focus();
    await page.keyboard.press('End');
    expect(await ribbonText(page)).toMatch(/\d\d:\d\d:\d\d degraded: south: /);
    await page.keyboard.press('Home');
    expect(await ribbonText(page)).toMatch(/\d\d:\d\d:\d\d healthy/);
    await page.getByRole('button', { name: '1 hour' }).click();
    await expect.poll(() => page.url()).toContain('span=1h');
    await expect.poll(() => ribbonText(page), patience).toContain('degraded for 10 s of');
    // Each is counted once.
    const told = async (): Promise<number> =>
      Number(/(\d+) substituted/.exec((await verdict.textContent()) ?? '')?.[1]);
    await expect.poll(told, patience).toBeGreaterThan(240);
    const seen = await told();
    const { policy } = plant.run.stats().components.find(({ id }) => id === 'south')!;
    expect(seen).toBeLessThanOrEqual(policy!.substituted);
  });

  test('folds a chain of 200 stages to the worst of it, and unfolds it', async () => {
    const server = await longRun(200);
    const page = await openPage(browser(), server);
    const nodes = page.getByLabel('Pipeline', { exact: true }).getByRole('article');
    // A source, a branch, the chain, the other way, and their ends; the chain is one.
    await expect.poll(() => nodes.count(), patience).toBeLessThan(12);
    await page.getByText('200 stages').waitFor();
    // A message of a sink is text.
    await expect
      .poll(() => page.getByLabel('Health', { exact: true }).textContent(), patience)
      .toContain(markup);
    await expect.poll(() => nodeText(page, 'refusing'), patience).toMatch(/bottleneck.*failed/);
    await page.getByRole('button', { name: /^Unfold all/ }).click();
    await expect.poll(() => nodes.count(), patience).toBeGreaterThan(200);
    // Some 2 % where nothing else runs.
    expect(await scriptShare(page)).toBeLessThan(0.25);
    await page.getByRole('button', { name: /^Fold/ }).click();
    await expect.poll(() => nodes.count(), patience).toBeLessThan(12);
  });

  test('is a list from top to bottom where there is no width', async () => {
    const server = await longRun(3);
    const page = await openPage(browser(), server, { width: 360, isDark: true });
    const nodes = page.getByLabel('Pipeline', { exact: true }).getByRole('article');
    await expect.poll(() => nodes.count(), patience).toBeGreaterThan(6);
    const boxes = await Promise.all((await nodes.all()).map((node) => node.boundingBox()));
    expect(new Set(boxes.map((box) => Math.round(box!.x))).size).toBe(1);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await page.getByText('from stage-3, split').waitFor();
  });
});

/** The plant; it outlives the page, for which a server that is gone would be an error. */
async function wellPlant(): Promise<Plant> {
  const plant = await startPlant();
  onTestFinished(() => plant[Symbol.asyncDispose]());
  return plant;
}

/**
 * A sensor that is well and one that is not, named like markup. Half of the readings go through so
 * many stages; the sink is slow and refuses some.
 */
async function longRun(stages: number): Promise<Server> {
  const builder = pipeline('long');
  const sensors = ['well', markup].map((id) => ({ id, read: () => valueOf(id) }));
  const breaker = { failures: 2, openMs: 60_000 };
  const fallback = { strategy: ['last-known-good'] as const };
  const split = builder
    .from(sensorsSource({ everyMs: 20, timeoutMs: 100, breaker, fallback, sensors }), {
      id: 'sensors',
    })
    .through(branch({ routes: { low: 'value < 50' }, otherwise: 'high' }), { id: 'split' });
  let chain = split.output('low');
  for (let at = 1; at <= stages; at++) {
    chain = chain.through(filter({ where: 'value >= 0' }), { id: `stage-${at}` });
  }
  builder.combine([chain, split.output('high')], merge(), { id: 'all' }).to(
    scriptedSink({
      // It takes longer than the readings take to come.
      answer: async ({ length }) => {
        await slowness(60);
        return { failed: length > 1 ? [{ row: 0, reason, message }] : [] };
      },
    }),
    { id: 'refusing' },
  );
  builder.deadLetters(scriptedSink({}));
  const run = await builder.start();
  const server = await serve(run, { port: 0, token: adminToken, stallDescriptor: null });
  onTestFinished(async () => {
    await server.close();
    await run.abort();
    await run.done.catch(() => {});
  });
  return server;
}

const reason = 'odd';
const message = 'the first is refused';
let values = 0;

function valueOf(id: string): number {
  if (id === markup && values > 10) throw new Error(markup);
  return values++ % 100;
}

/** How much of three updates' time the scripts of a page take. */
async function scriptShare(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const look = async (): Promise<Record<string, number>> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  const before = await look();
  const told = `new Promise((resolve) => {
    let left = 4;
    const events = new EventSource('api/v1/events');
    events.addEventListener('point', () => --left > 0 || resolve(events.close()));
  })`;
  await page.evaluate(told);
  const after = await look();
  const grown = (name: string): number => after[name]! - before[name]!;
  return grown('ScriptDuration') / grown('Timestamp');
}

/** What the node of a component says. */
async function nodeText(page: Page, id: string): Promise<string> {
  const node = page.getByRole('article').filter({ has: page.getByText(id, { exact: true }) });
  return (await node.textContent()) ?? '';
}

async function ribbonText(page: Page): Promise<string> {
  return (await page.getByRole('slider').getAttribute('aria-valuetext')) ?? '';
}

/** How wide the edge between two components is drawn. */
async function flowWidth(page: Page, from: string, to: string): Promise<number> {
  const edge = page.locator('path', { hasText: `${from} → ${to}` });
  return Number(await edge.getAttribute('stroke-width'));
}
