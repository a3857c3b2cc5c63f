import type { CDPSession, Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';

import type { RunHistory, RunStats } from '../../src/server/api-types.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { servedChain } from './chain.ts';
import { lossyLineTo } from './lossy.ts';
import { openPage } from './open-page.ts';
import { readToken, startPlant } from './plant.ts';

const patience = { timeout: 15_000, interval: 100 };
/** A network over which what a page loads takes seconds, and its figures a good part of each. */
const slowly = {
  offline: false,
  latency: 400,
  downloadThroughput: 50_000,
  uploadThroughput: 50_000,
};

const browser = useChromium();

describe.skipIf(!hasChromium())('over a slow network', { timeout: 30_000 }, () => {
  test('every page comes, and shows what is', async () => {
    const plant = await startPlant();
    onTestFinished(() => plant[Symbol.asyncDispose]());
    const page = await openPage(browser(), plant.server, { token: readToken });
    await slowed(page);
    const begunMs = Date.now();
    await page.reload();
    await page.getByLabel('Pipeline', { exact: true }).getByRole('link').first().waitFor();
    process.stdout.write(`the overview was there after ${Date.now() - begunMs} ms\n`);
    const shown: Readonly<Record<string, string>> = {
      Resilience: 'Sensors of north',
      Alerts: 'Nothing fires',
      Logs: 'run.started',
      Data: 'By the second',
      Manifest: 'Search',
      Operate: 'The run is running',
      Overview: 'Nothing is wrong',
    };
    for (const [name, text] of Object.entries(shown)) {
      await page.getByRole('link', { name }).click();
      await page.getByText(text).first().waitFor();
    }
  });

  test('it shows what is, and not what was some time ago', async () => {
    const plant = await startPlant();
    onTestFinished(() => plant[Symbol.asyncDispose]());
    const page = await openPage(browser(), plant.server, { token: readToken });
    const network = await slowed(page);
    // Connections that are there are not slowed.
    await page.reload();
    await page.getByRole('link', { name: 'Data' }).click();
    const open = new Set<string>();
    let most = 0;
    network.on('Network.requestWillBeSent', ({ requestId, request }) => {
      if (request.url.endsWith('/events')) return;
      open.add(requestId);
      most = Math.max(most, open.size);
    });
    network.on('Network.loadingFinished', ({ requestId }) => void open.delete(requestId));
    network.on('Network.loadingFailed', ({ requestId }) => void open.delete(requestId));
    const ages = await agesOf(network, 8);
    process.stdout.write(`figures were ${ages.join(', ')} ms old\n`);
    expect(Math.max(...ages.slice(2))).toBeLessThan(2500);
    expect(most).toBeLessThanOrEqual(2);
    plant.faults.south = true;
    await page.getByRole('link', { name: 'Overview' }).click();
    await expect
      .poll(() => page.getByLabel('Health', { exact: true }).textContent(), patience)
      .toContain('sensors substituted');
  });

  test('no second is missing for long that did not get through', async () => {
    const server = await servedChain(3);
    const line = await lossyLineTo(server.url);
    const page = await openPage(browser(), { ...server, url: line.url }, { token: readToken });
    await slowed(page);
    await page.reload();
    const ribbon = page.getByRole('slider', { name: 'Health over time, slot by slot' });
    /** Seconds that the page has, and those of them in which it knows how the run was. */
    const seconds = (): Promise<{ readonly all: number; readonly known: number }> =>
      ribbon.evaluate((drawn) => {
        const cells = [...drawn.querySelectorAll('rect:not(.pointed)')];
        const known = cells.reduce((sum, cell) => sum + Number(cell.getAttribute('width')), 0);
        return { all: Number(drawn.getAttribute('aria-valuemax')) + 1, known };
      });
    const holes = async (): Promise<number> => {
      const { all, known } = await seconds();
      return all - known;
    };
    await expect.poll(async () => (await seconds()).all, patience).toBeGreaterThan(3);
    expect(await holes()).toBe(0);

    line.losesPoints = true;
    await expect.poll(() => line.lost, patience).toBeGreaterThan(4);
    line.losesPoints = false;
    await expect.poll(holes, patience).toBeGreaterThan(1);
    await expect.poll(holes, patience).toBe(0);
    const answer = await page.evaluate<RunHistory>(
      `fetch('api/v1/history?span=5m').then((answer) => answer.json())`,
    );
    expect((await seconds()).known).toBeGreaterThan(answer.at.length - 4);
  });

  test('200 stages are not too much for it', async () => {
    const page = await openPage(browser(), await servedChain(200), { token: readToken });
    const network = await slowed(page);
    await page.reload();
    await page.getByText('200 stages').waitFor();
    const ages = await agesOf(network, 6);
    process.stdout.write(`figures of 200 stages were ${ages.join(', ')} ms old\n`);
    expect(Math.max(...ages.slice(-3))).toBeLessThan(2500);
  });

  test('what is too much for it is shown late, and said to be old', async () => {
    const server = await servedChain(200);
    // Compressed, it would not be too much.
    const line = await lossyLineTo(server.url);
    const page = await openPage(browser(), { ...server, url: line.url }, { token: readToken });
    await page.getByText('200 stages').waitFor();
    await slowed(page);
    await page.reload();
    await page.getByText('200 stages').waitFor();
    await page.getByText(/These figures are \d.* s old/).waitFor();
  });
});

async function slowed(page: Page): Promise<CDPSession> {
  const network = await page.context().newCDPSession(page);
  await network.send('Network.enable');
  await network.send('Network.emulateNetworkConditions', slowly);
  return network;
}

/** How old the figures are that the page is given next, as often as that. */
async function agesOf(network: CDPSession, count: number): Promise<number[]> {
  const ages: number[] = [];
  const told = Promise.withResolvers<void>();
  network.on('Network.eventSourceMessageReceived', ({ eventName, data }) => {
    if (eventName !== 'snapshot') return;
    ages.push(Date.now() - (JSON.parse(data) as RunStats).at);
    if (ages.length >= count) told.resolve();
  });
  await told.promise;
  return ages.slice(0, count);
}
