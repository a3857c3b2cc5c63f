import { describe, expect, test } from 'vitest';

import { intervalSource } from '../../src/connectors/interval.ts';
import type { Run } from '../../src/engine/index.ts';
import { PipelineError } from '../../src/errors.ts';
import { type AlertRule, StructuredLogger } from '../../src/observe/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { Server } from '../../src/server/index.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { scriptedSink } from '../engine/ends.ts';
import { openAt } from './open-page.ts';
import { adminToken } from './plant.ts';
import { relayTo } from './relay.ts';
import { serveRun } from './serve-run.ts';

const patience = { timeout: 15_000, interval: 50 };

const browser = useChromium();

describe.skipIf(!hasChromium())('a run that does not go on', { timeout: 30_000 }, () => {
  test('that has failed says so, and why, on every page that is open', async () => {
    const { run, server, faults } = await served();
    const failed = run.done.catch(() => {});
    const [page, logs] = await Promise.all([
      openAt(browser(), server.url, adminToken),
      openAt(browser(), server.url, adminToken),
    ]);
    await logs.getByRole('link', { name: 'Logs' }).click();
    await logs.getByRole('heading', { level: 1, name: 'Logs' }).waitFor();
    const verdict = page.getByLabel('Health', { exact: true });
    await expect.poll(() => verdict.textContent(), patience).toMatch(/^healthy/);
    const ribbon = page.getByLabel('Health over time', { exact: true });
    // On a machine with much to do nobody tells of some seconds.
    const isWell = /It was (healthy for all|unknown for [\d.]+ s) of/;
    await expect.poll(() => ribbon.textContent(), patience).toMatch(isWell);
    faults.isFull = true;
    await failed;
    await server.close();
    await expect.poll(() => verdict.textContent(), patience).toMatch(/^failed.*ERR_CONNECTOR_FULL/);
    expect(await verdict.getAttribute('class')).toContain('bad');
    expect(await verdict.textContent()).toMatch(/It ended at \d\d:\d\d:\d\d: [\d,]+ records in/);
    expect(await verdict.textContent()).not.toContain('Nothing is wrong');
    expect(await verdict.textContent()).toMatch(/not committed by store: \d+ rows?, stored or not/);
    expect(await ribbon.textContent()).not.toMatch(/\bnow\b/);
    expect(await ribbon.textContent()).toMatch(/down for .*ERR_CONNECTOR_FULL/);
    await page.getByText('The server is gone: the run ended at').waitFor();
    await logs.getByText('run.failed').first().waitFor();
    const node = page.getByRole('article').filter({ hasText: 'store' });
    expect(await node.getAttribute('class')).toContain('bad');
    expect(await node.textContent()).toContain('it is full');
    await node.getByRole('link', { name: 'store' }).click();
    const wrong = page.getByLabel('What is wrong', { exact: true });
    expect(await wrong.textContent()).toMatch(
      /ERR_CONNECTOR_FULL \[store\] it is full.*since \d\d:\d\d:\d\d/,
    );
    expect(await wrong.getAttribute('class')).toContain('bad');
    const errors = page.getByLabel('Errors by kind', { exact: true });
    expect(await errors.textContent()).toMatch(/The run failed in it: ERR_CONNECTOR_FULL/);
    expect(await page.locator('dl').textContent()).toMatch(/Calls failed0/);
  });

  test('opened only then, has its log, its alerts and its figures', async () => {
    const { run, server, faults, figure } = await served();
    const failed = run.done.catch(() => {});
    figure.value = 9;
    await expect.poll(() => run.stats().alerts.length, patience).toBe(1);
    figure.value = 0;
    await expect.poll(() => run.alertHistory.length, patience).toBe(1);
    figure.value = 7;
    await expect.poll(() => run.stats().alerts.length, patience).toBe(1);
    faults.isFull = true;
    await failed;
    const page = await openAt(browser(), server.url, adminToken);
    const verdict = page.getByLabel('Health', { exact: true });
    await expect.poll(() => verdict.textContent(), patience).toMatch(/^failed.*ERR_CONNECTOR_FULL/);
    await page.getByRole('link', { name: 'Logs' }).click();
    for (const event of ['alert.resolved', 'alert.fired', 'run.failed', 'run.ended']) {
      await page.getByLabel('Log lines, newest first').getByText(event).first().waitFor();
    }
    await page.getByRole('link', { name: 'Alerts' }).click();
    await page.getByLabel('Resolved alerts').getByText('figure').first().waitFor();
    const heading = /^As of \d\d:\d\d:\d\d, when the run ended$/;
    await page.getByRole('heading', { name: heading }).waitFor();
    expect(await page.locator('.alert').textContent()).toContain('7 things');
    expect(await page.locator('main').textContent()).not.toMatch(/Nothing fires|:\d\dnow/);
  });

  test('shows its end, and not the time since', async () => {
    const { run, server, faults } = await served();
    await expect.poll(() => run.stats().recordsOut, patience).toBeGreaterThan(50);
    faults.isFull = true;
    await run.done.catch(() => {});
    const { startedAt, durationMs } = run.stats();
    const endedAt = startedAt + durationMs;
    // So that what would be counted after the end is seen.
    await expect.poll(() => Date.now() - endedAt, patience).toBeGreaterThan(3500);
    const page = await openAt(browser(), server.url, adminToken);
    const ribbon = page.getByLabel('Health over time', { exact: true });
    const end = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }).format(endedAt);
    await expect.poll(() => ribbon.textContent(), patience).toContain(end);
    // The history comes by itself, and may come after the end.
    const downFor = /down for ([\d.]+) s of ([\d.]+) s/;
    await expect.poll(() => ribbon.textContent(), patience).toMatch(downFor);
    const down = downFor.exec((await ribbon.textContent())!)!;
    expect(Number(down[1])).toBeLessThanOrEqual(2);
    expect(Number(down[2])).toBeLessThanOrEqual(durationMs / 1000 + 2);
  });

  test('that is well is not called so alone while an alert fires, and it is marked where', async () => {
    const { server, figure } = await served();
    const page = await openAt(browser(), server.url, adminToken);
    const verdict = page.getByLabel('Health', { exact: true });
    const word = page.locator('header .word');
    figure.component = 'store';
    figure.value = 7;
    await expect.poll(() => verdict.textContent(), patience).toMatch(/^healthy, 1 alert /);
    expect(await verdict.getAttribute('class')).toContain('warn');
    figure.value = 20;
    await expect.poll(() => verdict.textContent(), patience).toMatch(/^healthy, 1 critical alert/);
    expect(await verdict.getAttribute('class')).toContain('bad');
    expect(await word.textContent()).toBe('healthy, 1 critical alert');
    expect(await word.getAttribute('class')).toContain('bad');
    const node = page.getByRole('article').filter({ hasText: 'store' });
    expect(await node.getAttribute('class')).toContain('bad');
    expect(await node.textContent()).toContain('figure');
    figure.value = 0;
    await expect.poll(() => word.textContent(), patience).toBe('healthy');
    expect(await node.getAttribute('class')).not.toContain('bad');
  });

  test('and whose server is gone has on every page what it told', async () => {
    const { run, server, faults, figure } = await served();
    const failed = run.done.catch(() => {});
    const page = await openAt(browser(), server.url, adminToken);
    const verdict = page.getByLabel('Health', { exact: true });
    figure.value = 7;
    await expect.poll(() => verdict.textContent(), patience).toContain('7 things');
    faults.isFull = true;
    await failed;
    await server.close();
    await page.getByText('The server is gone: the run ended at').waitFor();
    await page.getByRole('link', { name: 'Logs' }).click();
    const lines = page.getByLabel('Log lines, newest first');
    for (const event of ['alert.fired', 'run.failed', 'run.ended']) {
      await lines.getByText(event).first().waitFor();
    }
    await page.getByRole('link', { name: 'Alerts' }).click();
    await page.getByRole('heading', { name: /when the run ended$/ }).waitFor();
    expect(await page.locator('.alert').textContent()).toContain('7 things');
    await page.getByRole('link', { name: 'Overview' }).click();
    await verdict.getByRole('link', { name: 'store' }).click();
    await page.getByLabel('Log lines of store').getByText('run.failed').waitFor();
  });

  test('that was drained says so calmly, tells no rates, and takes no commands', async () => {
    const { run, server } = await served();
    const page = await openAt(browser(), server.url, adminToken);
    const picture = page.getByLabel('Pipeline', { exact: true });
    await expect.poll(() => picture.textContent(), patience).toMatch(/\d\/s/);
    await run.stop({ delayMs: 0 });
    await server.close();
    await page.getByText('The server is gone: the run ended at').waitFor();
    const verdict = page.getByLabel('Health', { exact: true });
    expect(await verdict.textContent()).toMatch(
      /^stopped.*It ended at \d\d:\d\d:\d\d, drained by the program: /,
    );
    expect(await verdict.getAttribute('class')).toContain('quiet');
    expect(await page.locator('.strip.bad').count()).toBe(0);
    expect(await picture.textContent()).not.toContain('/s');
    await page.getByRole('link', { name: 'Operate' }).click();
    for (const name of ['Pause …', 'Resume …', 'Drain …', 'Set …']) {
      expect(await page.getByRole('button', { name }).isDisabled()).toBe(true);
    }
    const colourOf = (name: string): Promise<string> =>
      page
        .getByRole('button', { name })
        .evaluate<string, unknown>('(node) => getComputedStyle(node).color');
    expect(await colourOf('Drain …')).toBe(await colourOf('Pause …'));
    for (const name of ['Log level', 'of']) {
      expect(await page.getByRole('combobox', { name, exact: true }).isDisabled()).toBe(true);
    }
    await page.getByText(/Nothing can be changed any more: the run ended at \d\d:/).waitFor();
  });

  test('whose server went without a word is not called healthy', async () => {
    const { server } = await served();
    const relay = await relayTo(Number(new URL(server.url).port));
    const page = await openAt(browser(), relay.url, adminToken);
    const verdict = page.getByLabel('Health', { exact: true });
    await expect.poll(() => verdict.textContent(), patience).toMatch(/^healthy/);
    await relay.cut();
    await expect
      .poll(() => verdict.textContent(), patience)
      .toMatch(/^no answer .*as of \d\d:\d\d:\d\d, when it was running/);
    expect(await verdict.getAttribute('class')).toContain('bad');
    expect(await page.locator('header .word').textContent()).toBe('no answer');
    await relay.mend();
    await expect.poll(() => verdict.textContent(), patience).toMatch(/^healthy/);
  });

  test('being paused, it says since when and by whom, also afterwards', async () => {
    const { run, server } = await served();
    const page = await openAt(browser(), server.url, adminToken);
    const verdict = page.getByLabel('Health', { exact: true });
    await expect.poll(() => verdict.textContent(), patience).toMatch(/^healthy/);
    await page.getByRole('link', { name: 'Operate' }).click();
    await page.getByRole('button', { name: 'Pause …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('link', { name: 'Overview' }).click();
    await expect
      .poll(() => verdict.textContent(), patience)
      .toMatch(/^paused.*Paused since \d\d:\d\d:\d\d .* by admin by cookie from 127/);
    expect(await verdict.textContent()).not.toContain('Nothing is wrong');
    const ribbon = page.getByLabel('Health over time', { exact: true });
    await expect.poll(() => ribbon.textContent(), patience).toContain('It was paused for ');
    run.resume();
    await expect.poll(() => verdict.textContent(), patience).toMatch(/^healthy/);
    expect(await ribbon.textContent()).toContain('It was paused for ');
  });
});

interface Served {
  readonly run: Run;
  readonly server: Server;
  readonly faults: { isFull: boolean };
  /** An alert is raised from 5 on, is critical from 15 on, and is over at 2. */
  readonly figure: { value: number; component: string };
}

/** A run that fails once its sink is full, and its server. Gone after the test. */
async function served(): Promise<Served> {
  const faults = { isFull: false };
  const figure = { value: 0, component: '' };
  const rule: AlertRule = {
    name: 'figure',
    summary: 'A figure of a test.',
    unit: 'things',
    limits: { warn: 5, critical: 15, clear: 2 },
    of: { m: 1, n: 1 },
    read: () => [{ ...figure }],
  };
  const log = new StructuredLogger({ write: () => {} });
  const answer = (): void => {
    if (!faults.isFull) return;
    throw new PipelineError({ code: 'ERR_CONNECTOR_FULL', place: 'store', fact: 'it is full' });
  };
  const run = await pipeline('ending')
    .from(intervalSource({ everyMs: 20 }))
    .to(scriptedSink({ answer }), { id: 'store' })
    .start({ log, alerts: [rule] });
  const server = await serveRun(run, { log });
  return { run, server, faults, figure };
}
