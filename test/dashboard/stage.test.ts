import { describe, expect, onTestFinished, test } from 'vitest';

import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { type Plant, startPlant } from './plant.ts';

const patience = { timeout: 15_000, interval: 50 };

/** What the last call of those that fail failed with. */
const causes = {
  south: /failed.*the last: south-0\d: no route to the sensor/,
  archive: /Error.*the last: /,
};

const browser = useChromium();

describe.skipIf(!hasChromium())('the page of a component', { timeout: 40_000 }, () => {
  test('says what is wrong with it as the overview does, and what tells more', async () => {
    const plant = await aPlant();
    const page = await openPage(browser(), plant.server);
    await page.evaluate(`location.hash = '#/stage/south'`);
    await page.getByRole('heading', { level: 1, name: /^south/ }).waitFor();
    const ills = page.getByLabel('What is wrong', { exact: true });
    plant.faults.south = true;
    await expect.poll(() => ills.textContent(), patience).toContain('8 of 8 sensors substituted');
    await expect
      .poll(() => ills.textContent(), patience)
      .toMatch(/critical south open-breaker.*since \d\d:\d\d:\d\d \(/);
    expect(await ills.textContent()).toMatch(
      /substituted: no route to the sensor since \d\d:\d\d:\d\d \(/,
    );
    await ills.getByRole('link', { name: 'Its breakers, retries and sensors' }).click();
    await page.getByRole('heading', { level: 1, name: 'Resilience' }).waitFor();
    // Another is well.
    await page.evaluate(`location.hash = '#/stage/north'`);
    await page.getByRole('heading', { level: 1, name: /^north/ }).waitFor();
    expect(await ills.count()).toBe(0);
  });

  test('tells what its calls fail with, and has its own log lines', async () => {
    const plant = await aPlant();
    plant.faults.south = true;
    plant.faults.archive = true;
    const page = await openPage(browser(), plant.server);
    const calls = page.getByText('Calls failed', { exact: true });
    for (const [id, cause] of Object.entries(causes)) {
      await page.evaluate(`location.hash = '#/stage/${id}'`);
      const errors = page.getByLabel('Errors by kind', { exact: true }).first();
      await expect.poll(() => errors.textContent(), patience).toMatch(cause);
      await expect.poll(() => calls.locator('..').textContent(), patience).toMatch(/[1-9]$/);
      const lines = page.getByLabel(`Log lines of ${id}`, { exact: true });
      await expect.poll(() => lines.textContent(), patience).toContain('circuit_state_change');
      await expect.poll(() => lines.textContent(), patience).toContain('alert.fired');
      // However often its breakers have changed.
      await expect
        .poll(() => lines.textContent(), patience)
        .toMatch(/circuit_state_change.* and \d+ more of it since \d\d:\d\d:\d\d/);
      const flips = lines.getByRole('row').filter({ hasText: 'circuit_state_change' });
      expect(await flips.count()).toBe(1);
    }
    // Else the run cannot be drained.
    plant.faults.archive = false;
    // The run itself has no page.
    await page.evaluate(`location.hash = '#/logs'`);
    const log = page.getByLabel('Log lines, newest first', { exact: true });
    await log.getByText('run.started').waitFor();
    await log.getByRole('link', { name: 'archive' }).first().waitFor();
    expect(await log.getByRole('link', { name: 'run', exact: true }).count()).toBe(0);
  });

  test('says which stages share a hop, and shows no waits that they do not have', async () => {
    const plant = await aPlant();
    const page = await openPage(browser(), plant.server);
    const titles: Record<string, string | null> = {};
    for (const id of ['readings', 'moving-average', 'detect-anomalies', 'archive']) {
      await page.evaluate(`location.hash = '#/stage/${id}'`);
      await page.getByRole('heading', { level: 1, name: new RegExp(`^${id}`) }).waitFor();
      const time = page.getByRole('img', { name: /^Where its time goes/ });
      await time.waitFor();
      titles[id] = (await time.getAttribute('aria-label'))!.replaceAll(/[\d.]+ %|–/g, '').trim();
      const told = page.getByText(
        'A batch goes through readings, filter, moving-average, detect-anomalies without a queue',
      );
      if (id === 'archive') expect(await told.count()).toBe(0);
      else await told.waitFor();
    }
    expect(titles).toEqual({
      readings: 'Where its time goes: busy , waiting , idle',
      'moving-average': 'Where its time goes: busy , waiting',
      'detect-anomalies': 'Where its time goes: busy , blocked , waiting',
      archive: 'Where its time goes: busy , blocked , waiting , idle',
    });
    await page.getByRole('img', { name: /^From source to here: p99 \d/ }).waitFor();
  });
});

async function aPlant(): Promise<Plant> {
  const plant = await startPlant();
  onTestFinished(() => plant[Symbol.asyncDispose]());
  return plant;
}
