import { describe, expect, onTestFinished, test } from 'vitest';

import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { startPlant } from './plant.ts';

const browser = useChromium();

describe.skipIf(!hasChromium())('the values', { timeout: 40_000 }, () => {
  test('say whose they are and in what they are measured, and all can be seen', async () => {
    const plant = await startPlant();
    onTestFinished(() => plant[Symbol.asyncDispose]());
    const page = await openPage(browser(), plant.server);
    await page.getByRole('link', { name: 'Data' }).click();
    await page.getByRole('heading', { name: 'Anomalies of north-01, newest first' }).waitFor();
    const one = page.getByRole('img', { name: /^value of north-01, to archive: last [\d.]+ °C/ });
    await one.waitFor();
    await page.getByRole('button', { name: 'Show all of them' }).click();
    await page.getByRole('heading', { name: 'Anomalies, newest first' }).waitFor();
    const all = page.getByRole('img', { name: /^value, to archive: greatest [\d.]+ °C/ });
    await all.waitFor();
    expect(await one.count()).toBe(0);
    expect(await page.getByLabel('sensorId').inputValue()).toBe('-1');
    // What has no unit beside it is shown without.
    await page.getByLabel('Field').selectOption('average');
    await page
      .getByRole('img', { name: /^average of north-01, to archive: last [\d.]+, / })
      .waitFor();
  });
});
