import { describe, expect, onTestFinished, test } from 'vitest';

import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { startPlant } from './plant.ts';

const browser = useChromium();

describe.skipIf(!hasChromium())('the manifest', { timeout: 30_000 }, () => {
  test('finds a component by what an option within an option is for', async () => {
    const plant = await startPlant();
    onTestFinished(() => plant[Symbol.asyncDispose]());
    const page = await openPage(browser(), plant.server);
    await page.evaluate(`location.hash = '#/manifest'`);
    const search = page.getByRole('searchbox');
    for (const words of ['retry.baseDelayMs', 'how a read that fails']) {
      await search.fill(words);
      await page.getByLabel('sensors (source)', { exact: true }).waitFor();
    }
    const options = page.getByLabel('Parameters of sensors', { exact: true });
    expect(await options.getByText('breaker.openMs', { exact: true }).count()).toBe(1);
  });

  test('has first what the run uses, with where, and names what it does not know', async () => {
    const plant = await startPlant();
    onTestFinished(() => plant[Symbol.asyncDispose]());
    const page = await openPage(browser(), plant.server);
    await page.evaluate(`location.hash = '#/manifest'`);
    const filters = page.getByLabel('filter (stage)', { exact: true });
    await filters.getByText('In this run: filter filter-2').waitFor();
    const cards = await page.getByRole('main').locator('section').allTextContents();
    const isUsed = cards.map((text) => text.includes('In this run'));
    expect(isUsed.lastIndexOf(true)).toBe(isUsed.indexOf(false) - 1);
    const others = page.getByText('In this run, and not of the manifest:');
    expect(await others.getByRole('link').allTextContents()).toContain('archive');
    await filters.getByRole('link', { name: 'filter-2' }).click();
    await page.getByRole('heading', { level: 1, name: /^filter-2/ }).waitFor();
  });
});
