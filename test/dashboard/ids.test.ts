import { describe, expect, test } from 'vitest';

import { intervalSource } from '../../src/connectors/interval.ts';
import { sensorsSource } from '../../src/connectors/sensors.ts';
import { pipeline } from '../../src/pipeline.ts';
import { filter } from '../../src/stages/filter.ts';
import { scriptedSink } from '../engine/ends.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { serveRun } from './serve-run.ts';

const patience = { timeout: 15_000, interval: 100 };
const browser = useChromium();

describe.skipIf(!hasChromium())('an id that every object knows', { timeout: 60_000 }, () => {
  test('is one like any other', async () => {
    const run = await pipeline('known')
      .from(intervalSource({ everyMs: 50 }), { id: 'constructor' })
      .through(filter({ where: '1 == 1' }), { id: '__proto__' })
      .to(scriptedSink({}), { id: 'toString' })
      .start();
    const server = await serveRun(run);
    const page = await openPage(browser(), server);
    for (const id of ['constructor', '__proto__', 'toString']) {
      await page.evaluate(`location.hash = '#/stage/${id}'`);
      await page.getByRole('heading', { name: id }).waitFor();
      await expect.poll(() => page.locator('main').textContent(), patience).toMatch(/In\d+Out\d+/);
      expect(await page.locator('main ul.warn').count()).toBe(0);
      expect(await page.locator('main').textContent()).not.toContain('native code');
    }
  });

  test('and a sensor whose name is very long leaves room for the rest', async () => {
    const id = `sensor${'x'.repeat(194)}`;
    const sensors = [{ id, read: () => 1 }];
    const run = await pipeline('long-names')
      .from(sensorsSource({ everyMs: 50, timeoutMs: 40, sensors }), { id: 'hall' })
      .to(scriptedSink({}), { id: 'store' })
      .start();
    const server = await serveRun(run);
    const page = await openPage(browser(), server);
    await page.evaluate(`location.hash = '#/data'`);
    await page.getByText('By the second').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(1280);
    await page.evaluate(`location.hash = '#/resilience'`);
    const table = page.getByLabel('Sensors of hall', { exact: true }).getByRole('table');
    await expect.poll(async () => (await table.boundingBox())?.width, patience).toBeLessThan(1280);
  });
});
