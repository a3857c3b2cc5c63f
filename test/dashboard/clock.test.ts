import { describe, expect, onTestFinished, test } from 'vitest';

import type { RunStats } from '../../src/server/api-types.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { readToken, startPlant } from './plant.ts';

const patience = { timeout: 15_000, interval: 50 };
const hourMs = 3_600_000;

const browser = useChromium();

describe.skipIf(!hasChromium())('where the clock of the browser', { timeout: 40_000 }, () => {
  test.each([
    ['is an hour behind', -hourMs],
    ['is an hour ahead', hourMs],
  ])('%s, times are those of the pipeline', async (_, aheadMs) => {
    const plant = await startPlant();
    onTestFinished(() => plant[Symbol.asyncDispose]());
    const page = await openPage(browser(), plant.server, { token: readToken, aheadMs });
    expect(await page.evaluate<number>('Date.now()')).toBeCloseTo(Date.now() + aheadMs, -5);
    plant.faults.south = true;

    const word = page.getByRole('heading', { level: 1 });
    await expect
      .poll(() => word.textContent(), patience)
      .toMatch(/degraded since \d\d:\d\d:\d\d \((just now|\d+(\.\d)? s)\)/);
    const verdict = page.getByLabel('Health', { exact: true });
    await expect.poll(() => verdict.textContent(), patience).toContain('open-breaker');
    expect(await verdict.textContent()).not.toMatch(/\d h|\(-/);
    const ribbon = page.getByText(/^now$/).locator('xpath=preceding-sibling::span').first();
    expect(distanceMs(await ribbon.textContent(), Date.now() - 300_000)).toBeLessThan(20_000);

    await page.getByRole('link', { name: 'Resilience' }).click();
    const row = page.getByRole('listitem').filter({ hasText: 'south-01' });
    await expect
      .poll(() => row.getByRole('img').getAttribute('aria-label'), patience)
      .toMatch(/closed from .*, open from/);
    const sensors = page.getByLabel('Sensors of south', { exact: true }).first();
    await expect.poll(() => sensors.textContent(), patience).toMatch(/\d s ago/);

    await page.getByRole('link', { name: 'Alerts' }).click();
    const firing = page.getByLabel('Now', { exact: true }).getByRole('article');
    await expect.poll(() => firing.count(), patience).toBeGreaterThan(0);
    const alerts = (
      await page.evaluate<RunStats>(`fetch('api/v1/snapshot').then((answer) => answer.json())`)
    ).alerts;
    const text = await page.getByLabel('Now', { exact: true }).textContent();
    for (const { sinceMs } of alerts) expect(text).toContain(`since ${timeOf(sinceMs)} (`);
    expect(text).not.toMatch(/\d h|\(-/);
  });
});

function timeOf(at: number): string {
  return new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }).format(at);
}

/** How far a time of day is from that of `at`. */
function distanceMs(text: string | null, at: number): number {
  const ofDay = (time: string): number => Date.parse(`1970-01-01T${time}Z`);
  return Math.abs(ofDay(text ?? '') - ofDay(timeOf(at)));
}
