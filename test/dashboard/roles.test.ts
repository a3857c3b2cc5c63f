import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';

import { intervalSource } from '../../src/connectors/interval.ts';
import type { Run } from '../../src/engine/index.ts';
import { StructuredLogger } from '../../src/observe/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { Server } from '../../src/server/index.ts';
import { derive, float64 } from '../../src/stages/derive.ts';
import { scriptedSink } from '../engine/ends.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { adminToken, readToken } from './plant.ts';
import { serveRun } from './serve-run.ts';

const patience = { timeout: 10_000, interval: 50 };
const income = 123_456;

const browser = useChromium();

describe.skipIf(!hasChromium())('a page of', { timeout: 30_000 }, () => {
  test('a reader shows no sensitive field, and changes nothing', async () => {
    const { server, run } = await incomes();
    const page = await openPage(browser(), server, { token: readToken });
    const bodies: string[] = [];
    page.on('response', (answer) => {
      // The live stream has no end.
      if (answer.url().endsWith('/events')) return;
      void answer.text().then(
        (text) => bodies.push(text),
        () => {},
      );
    });
    await page.getByRole('link', { name: 'Data' }).click();
    const field = page.getByLabel('Field');
    await expect.poll(() => field.inputValue(), patience).toBe('tick');
    const option = page.getByRole('option', { name: 'income (sensitive)' });
    expect(await option.isDisabled()).toBe(true);
    await page.goto(`${server.url}/#/data?sink=store&field=income`);
    await page.getByText('This field is sensitive').waitFor();
    expect(await page.locator('.chart').count()).toBe(0);
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByLabel('Ledger').first().waitFor();
    expect(bodies.filter((text) => text.includes(String(income)))).toEqual([]);
    await page.getByRole('link', { name: 'Operate' }).click();
    await page.getByText('You may look.').waitFor();
    for (const name of ['Pause …', 'Resume …', 'Drain …', 'Set …']) {
      expect(await page.getByRole('button', { name }).isDisabled()).toBe(true);
    }
    expect(run.status).toBe('running');
  });

  test('an admin shows it; what is confirmed is done, and kept with who did it', async () => {
    const { server, run } = await incomes();
    const page = await openPage(browser(), server, { token: adminToken });
    page.setDefaultTimeout(8000);
    await page.getByRole('link', { name: 'Data' }).click();
    await page.getByLabel('Field').selectOption('income');
    await page.getByRole('img', { name: /income.*mean 123.5K/ }).waitFor();

    await page.getByRole('link', { name: 'Operate' }).click();
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Pause …' }).click();
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Pause …' }).click();
    await dialog.getByRole('button', { name: 'Leave it' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(run.status).toBe('running');

    await confirm(page, 'Pause …', 'Pause');
    await expect.poll(() => run.status, patience).toBe('paused');
    await page.getByText('The run is paused.').waitFor();
    expect(await changesOf(page)).toEqual([['status', 'running', 'paused', who]]);
    await confirm(page, 'Resume …', 'Resume');
    await expect.poll(() => run.status, patience).toBe('running');
    await page.getByText('The run is running.').waitFor();

    expect(await page.getByRole('combobox', { name: 'Log level' }).inputValue()).toBe('');
    await page.getByRole('combobox', { name: 'Log level' }).selectOption('ERROR');
    await page.getByRole('combobox', { name: 'of' }).selectOption('store');
    await confirm(page, 'Set …', 'Log level ERROR of store');
    await expect
      .poll(() => changesOf(page), patience)
      .toContainEqual(['logLevel.store', 'DEBUG', 'ERROR', who]);
    await page.getByText('Now ERROR').waitFor();
    // What is done is said for a while.
    await page.getByText(': done.').waitFor({ state: 'detached' });
    // The component tells of it too.
    await page.goto(`${server.url}/#/stage/store`);
    await expect.poll(() => changesOf(page), patience).toHaveLength(1);

    await page.getByRole('link', { name: 'Operate' }).click();
    await confirm(page, 'Drain …', 'Drain');
    await expect.poll(() => run.status, patience).toBe('stopped');
    await page.getByText('The run is stopped.').waitFor();
    // No figures come any more, and that is no fault.
    await page.clock.install();
    await page.reload();
    await page.getByText('The run is stopped.').waitFor();
    await page.clock.runFor(15_000);
    expect(await page.locator('.strip').count()).toBe(0);
  });
});

const who = 'admin by cookie from 127.0.0.1';

async function confirm(page: Page, button: string, deed: string): Promise<void> {
  await page.getByRole('button', { name: button }).click();
  await page.getByRole('dialog').getByRole('button', { name: deed, exact: true }).click();
  await page.getByText(`${deed}: done.`).waitFor();
}

/** What was changed, from what, to what, and by whom. */
async function changesOf(page: Page): Promise<string[][]> {
  const rows = page.getByRole('region', { name: 'What was changed' }).last().getByRole('row');
  const cells = await Promise.all(
    (await rows.all()).map((row) => row.getByRole('cell').allTextContents()),
  );
  return cells.filter(({ length }) => length > 0).map(([, ...others]) => others);
}

/** A run whose records have an income. */
async function incomes(): Promise<{ server: Server; run: Run }> {
  const log = new StructuredLogger({ write: () => {}, minLevel: 'DEBUG' });
  const run = await pipeline('incomes')
    .from(intervalSource({ everyMs: 50 }))
    .pipe(derive({ income: { ...float64(() => income), sensitive: true } }))
    .to(scriptedSink({}), { id: 'store' })
    .start({ log });
  const server = await serveRun(run, { log });
  return { server, run };
}
