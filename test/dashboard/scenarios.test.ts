import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';

import type { BreakersDocument } from '../../src/server/api-types.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openAt, openPage } from './open-page.ts';
import { adminToken, type Plant, readToken, startPlant } from './plant.ts';
import { relayTo } from './relay.ts';

const patience = { timeout: 20_000, interval: 50 };
const toldMsMax = 5000;
/** A run is degraded for 30 seconds after its breakers were open. */
const recentPatience = { timeout: 40_000, interval: 200 };

const browser = useChromium();

describe.skipIf(!hasChromium())('while it is watched', { timeout: 30_000 }, () => {
  test(
    'a breaker opens, probes and closes, and every page agrees with the API',
    { timeout: 60_000 },
    async () => {
      const plant = await aPlant();
      const [overview, resilience] = await Promise.all([
        openPage(browser(), plant.server, { token: readToken }),
        openPage(browser(), plant.server, { token: adminToken }),
      ]);
      await resilience.getByRole('link', { name: 'Resilience' }).click();
      const word = overview.getByRole('heading', { level: 1 });
      await expect.poll(() => word.textContent(), patience).toContain('healthy');
      const breakers = resilience.getByLabel('Breakers', { exact: true });
      await expect.poll(() => breakers.textContent(), patience).toContain('0 of 21 not closed');

      plant.faults.archive = true;
      const failedMs = Date.now();
      // What is wrong, where, since when, and what it costs.
      const verdict = overview.getByLabel('Health', { exact: true });
      await expect.poll(() => verdict.textContent(), patience).toContain('breaker open');
      const toldMs = Date.now() - failedMs;
      process.stdout.write(`the overview told of the archive after ${toldMs} ms\n`);
      expect(toldMs).toBeLessThan(toldMsMax);
      expect(await verdict.getByRole('link', { name: 'archive' }).count()).toBeGreaterThan(0);
      await expect
        .poll(() => word.textContent(), patience)
        .toMatch(/degraded since \d\d:\d\d:\d\d/);
      const row = breakers.getByRole('listitem').filter({ hasText: 'archive' });
      await expect.poll(() => row.textContent(), patience).toContain('open, opened 1×');
      await expect.poll(() => statesOf(row.getByRole('img')), patience).toEqual(['closed', 'open']);
      await expect.poll(() => breakers.textContent(), patience).toContain('1 of 21 not closed');

      plant.faults.archive = false;
      const mendedMs = Date.now();
      await expect
        .poll(() => statesOf(row.getByRole('img')), patience)
        .toEqual(['closed', 'open', 'half-open', 'closed']);
      await expect
        .poll(() => verdict.textContent(), patience)
        .toMatch(/recovering.*counts as degraded.*archive well again: 1 of 1 breakers closed/);
      await expect.poll(() => word.textContent(), recentPatience).toContain('healthy');
      process.stdout.write(`healthy again after ${Date.now() - mendedMs} ms\n`);
      await expect.poll(() => row.textContent(), patience).toContain('closed, opened 1×');
      const { transitions } = await told<BreakersDocument>(resilience, 'breakers');
      expect(transitions.map(({ component, state }) => `${component} ${state}`)).toEqual([
        'archive open',
        'archive half-open',
        'archive closed',
      ]);
      const label = await row.getByRole('img').getAttribute('aria-label');
      for (const { state, at } of transitions) {
        expect(label).toContain(`${state} from ${timeOf(at)}`);
      }
    },
  );

  test('sensors fail and recover', async () => {
    const plant = await aPlant();
    const page = await openPage(browser(), plant.server, { token: readToken });
    const verdict = page.getByLabel('Health', { exact: true });
    await expect.poll(() => verdict.textContent(), patience).toContain('Nothing is wrong');
    plant.faults.south = true;
    const failedMs = Date.now();
    await expect.poll(() => verdict.textContent(), patience).toMatch(/sensors substituted/);
    const toldMs = Date.now() - failedMs;
    process.stdout.write(`the overview told of the sensors after ${toldMs} ms\n`);
    expect(toldMs).toBeLessThan(toldMsMax);
    await expect
      .poll(() => verdict.textContent(), patience)
      .toMatch(
        /south.*8 of 8 sensors substituted: no route to the sensor since \d\d:.*substituted.*\/s/,
      );
    await page.getByRole('link', { name: 'Resilience' }).click();
    const breakers = page.getByLabel('Breakers', { exact: true });
    await expect.poll(() => breakers.textContent(), patience).toContain('8 of 21 not closed');
    expect(await breakers.textContent()).toMatch(
      /south fails with south-\d\d: no route to the sensor/,
    );
    const sensors = page.getByLabel('Sensors of south', { exact: true }).first();
    await expect.poll(() => sensors.textContent(), patience).toContain('0 of 8 live');
    plant.faults.south = false;
    await expect.poll(() => sensors.textContent(), patience).toContain('8 of 8 live');
    await expect.poll(() => breakers.textContent(), patience).toContain('0 of 21 not closed');
    await page.getByRole('link', { name: 'Overview' }).click();
    await expect
      .poll(() => verdict.textContent(), patience)
      .toMatch(/recovering since .*well again: 8 of 8 sensors live, 8 of 8 breakers closed/);
    expect(await verdict.textContent()).toContain('All is well again. It was not since');
    // Reasons that differ in a count only are one, with its range.
    const ribbon = page.getByRole('slider');
    await expect
      .poll(() => ribbon.getAttribute('aria-valuetext'), patience)
      .toMatch(/mostly: south: (a fallback gave \d+ to \d+ results|.*more like it)/);
    // The word at the top of each page is the same.
    expect(await page.getByRole('status').first().textContent()).toBe('recovering');
  });
});

describe.skipIf(!hasChromium())('where the server is away', { timeout: 30_000 }, () => {
  test('for some seconds, the page keeps what it knew, says so, and goes on', async () => {
    const plant = await aPlant();
    const relay = await relayTo(Number(new URL(plant.server.url).port));
    const page = await openAt(browser(), relay.url, readToken);
    const nodes = page.getByLabel('Pipeline', { exact: true }).getByRole('article');
    await expect.poll(() => nodes.count(), patience).toBe(9);
    await relay.cut();
    const strip = page.getByText('These figures are from before');
    await strip.waitFor();
    expect(await nodes.count()).toBe(9);
    // Whatever is opened meanwhile opens, and is filled later.
    for (const name of ['Data', 'Logs', 'Manifest', 'Resilience', 'Alerts', 'Operate']) {
      await page.getByRole('link', { name }).click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
    }
    await page.getByRole('link', { name: 'Manifest' }).click();
    await relay.mend();
    await page.getByText(/\d+ of \d+ components/).waitFor();
    await strip.waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Overview' }).click();
    await newerFigures(page);
  });

  test('without a word, the page says that nothing comes, and asks again', async () => {
    const plant = await aPlant();
    const relay = await relayTo(Number(new URL(plant.server.url).port));
    const page = await openAt(browser(), relay.url, readToken);
    await newerFigures(page);
    relay.swallow();
    await page.getByText(/These figures are .* old/).waitFor();
    await newerFigures(page);
    await page.getByText(/These figures are .* old/).waitFor({ state: 'detached' });
  });
});

async function aPlant(port = 0): Promise<Plant> {
  const plant = await startPlant({ port });
  onTestFinished(() => plant[Symbol.asyncDispose]());
  return plant;
}

/** Waits until the page shows more records than it does. */
async function newerFigures(page: Page): Promise<void> {
  const shown = async (): Promise<number> => {
    const text = await page.getByLabel('Ledger', { exact: true }).first().textContent();
    return Number(/Sources(?:–|0)?([\d,]+)/.exec(text ?? '')?.[1]?.replaceAll(',', '') ?? 0);
  };
  const before = await shown();
  await expect.poll(shown, patience).toBeGreaterThan(before);
}

async function statesOf(track: { getAttribute(name: string): Promise<string | null> }) {
  const label = (await track.getAttribute('aria-label')) ?? '';
  return label.split(', ').map((stay) => stay.split(' from ')[0]);
}

/** What the API tells the page. */
function told<T>(page: Page, path: string): Promise<T> {
  return page.evaluate<T>(`fetch('api/v1/${path}').then((answer) => answer.json())`);
}

function timeOf(at: number): string {
  return new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }).format(at);
}
