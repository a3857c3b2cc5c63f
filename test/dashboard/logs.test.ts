import { describe, expect, onTestFinished, test } from 'vitest';

import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { startPlant } from './plant.ts';

const patience = { timeout: 25_000, interval: 100 };

const browser = useChromium();

describe.skipIf(!hasChromium())('the log on the page', { timeout: 40_000 }, () => {
  test('has what is told again and again once, which opens; who looks for something is shown all', async () => {
    const plant = await startPlant();
    onTestFinished(() => plant[Symbol.asyncDispose]());
    plant.faults.south = true;
    const page = await openPage(browser(), plant.server);
    await page.evaluate(`location.hash = '#/logs'`);
    const log = page.getByLabel('Log lines, newest first', { exact: true });
    const rows = log.getByRole('row');
    const more = rows
      .filter({ hasText: /south.*circuit_state_change/ })
      .getByRole('button', { name: /^and \d+ more of it since \d\d:\d\d:\d\d$/ })
      .last();
    // Eight breakers open within a moment.
    await expect.poll(() => more.count(), patience).toBe(1);
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    const [, others] = /(\d+) more/.exec((await more.textContent())!)!;
    expect(Number(others)).toBeGreaterThan(2);
    const closed = await rows.count();
    await more.press('Enter');
    await expect.poll(() => rows.count(), patience).toBe(closed + Number(others));
    expect(await more.getAttribute('aria-expanded')).toBe('true');
    // Nothing of it says again what the page and the line say.
    expect(await log.textContent()).not.toMatch(/pipeline=|stageId=|ids=/);
    await more.press('Enter');
    await expect.poll(() => rows.count(), patience).toBe(closed);

    await page.getByRole('searchbox', { name: 'Text' }).fill('circuit_state_change');
    await expect.poll(() => log.getByRole('button').count(), patience).toBe(0);
    const status = await page.getByText(/^\d+ of \d+ lines/).textContent();
    expect(await rows.count()).toBe(Number(/^\d+/.exec(status!)![0]));
  });
});
