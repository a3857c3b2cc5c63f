import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';

import { sensorsSource } from '../../src/connectors/sensors.ts';
import { type AlertRule, StructuredLogger } from '../../src/observe/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import { resilient } from '../../src/resilience/index.ts';
import type { ComponentDescription } from '../../src/server/api-types.ts';
import type { Server } from '../../src/server/index.ts';
import { derive, float64 } from '../../src/stages/derive.ts';
import { detectAnomalies } from '../../src/stages/detect-anomalies.ts';
import { filter } from '../../src/stages/filter.ts';
import { scriptedSink } from '../engine/ends.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { payloads } from './payloads.ts';
import { adminToken } from './plant.ts';
import { serveRun } from './serve-run.ts';

const patience = { timeout: 15_000, interval: 100 };
/** A page shows so many of a list whose length it bounds. */
const fields = payloads.filter((_, at) => at % 5 === 0);
const rules = payloads.filter((_, at) => at % 8 === 0);

const browser = useChromium();

describe.skipIf(!hasChromium())('a text that would be a script', { timeout: 90_000 }, () => {
  test('is one of two hundred', () => {
    expect(new Set(payloads).size).toBe(200);
  });

  test('is a text on every page, wherever it comes from', async () => {
    const { server, log } = await hostile();
    const page = await openPage(browser(), server, { token: adminToken });
    const asked: string[] = [];
    page.on('dialog', (dialog) => void dialog.dismiss().then(() => asked.push('a dialog')));
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url)) asked.push(request.url());
    });
    for (const text of payloads) log.bindContext({ component: text }).info(text, { [text]: text });
    await shows(page, '#/resilience', payloads);
    await shows(page, '#/logs', payloads);
    await shows(page, '#/manifest', payloads);
    await shows(page, '#/alerts', rules);
    await shows(page, '#/data', fields);
    // Names are those of the keys of the newest anomalies.
    await expect.poll(() => shownOf(page, payloads), patience).toBeGreaterThan(20);
    await shows(page, '#/stage/derive', fields);
    await shows(page, '#/stage/refusing', []);
    await expect.poll(() => shownOf(page, payloads), patience).toBeGreaterThan(5);
    await shows(page, '#/stage/filter', []);
    await shows(page, '#/operate', []);
    await expect.poll(() => shownOf(page, payloads), patience).toBe(3);
    await shows(page, '#/', []);
    await expect.poll(() => shownOf(page, payloads), patience).toBeGreaterThan(2);
    expect(asked).toEqual([]);
  });

  test('is a text in an address', async () => {
    const { server } = await hostile();
    // An address may be one to sign in with, and these are refused.
    const isRefusal = (words: string): boolean => /status of (401|429)/.test(words);
    const page = await openPage(browser(), server, { token: adminToken }, isRefusal);
    await page.locator('h1').waitFor();
    // A browser goes to no more than 200 addresses in ten seconds.
    for (const [at, text] of payloads.entries()) {
      const word = encodeURIComponent(text);
      const addresses = [
        `#/stage/${word}`,
        `#/manifest?find=${word}`,
        `#/logs?find=${word}&component=${word}&level=${word}`,
        `#/data?sink=${word}&field=${word}`,
        `#/?span=${word}`,
        `#launch=${word}`,
      ];
      await page.evaluate(`location.hash = ${JSON.stringify(addresses[at % addresses.length])}`);
      if (at % addresses.length === 0) await page.getByRole('heading', { name: text }).waitFor();
    }
    await harmless(page);
  });
});

/** Goes there, and waits until it shows all these texts, as texts. */
async function shows(page: Page, address: string, texts: readonly string[]): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(address)}`);
  await page.locator('h1').first().waitFor();
  await expect.poll(() => shownOf(page, texts), patience).toBe(texts.length);
  await harmless(page);
}

/** How many of these the page has as texts, in one piece each. */
async function shownOf(page: Page, texts: readonly string[]): Promise<number> {
  const content = (await page.locator('main').textContent()) ?? '';
  return texts.filter((text) => content.includes(text)).length;
}

/** Nothing ran, no element and no attribute came of a text, and links lead nowhere else. */
async function harmless(page: Page): Promise<void> {
  expect(await page.evaluate('typeof __pwned')).toBe('undefined');
  const made = await page.evaluate<string[]>(`
    [...document.body.querySelectorAll('*')]
      .filter((element) =>
        element.matches('script,img,iframe,object,embed,video,audio,math,style,meta,base,link,[srcdoc]') ||
        [...element.attributes].some(({ name }) => name.startsWith('on')) ||
        !(element.getAttribute('href') ?? '#').startsWith('#'))
      .map((element) => element.outerHTML.slice(0, 200))`);
  expect(made).toEqual([]);
}

/** Everything that a name, a record, an error, a label or an option can be, is such a text. */
async function hostile(): Promise<{ server: Server; log: StructuredLogger }> {
  const log = new StructuredLogger({ write: () => {}, minLevel: 'DEBUG' });
  let asked = 0;
  const breaker = { failures: 1, openMs: 60_000 };
  const sensors = payloads.map((id, at) => ({
    id,
    unit: id,
    read: () => {
      if (at % 2 === 0 && asked++ > 200) throw new Error(id);
      return at;
    },
  }));
  const added = Object.fromEntries(
    fields.map((name) => [name, float64(({ value }) => value as number)]),
  );
  const run = await pipeline('hostile')
    .from(
      sensorsSource({ everyMs: 250, timeoutMs: 200, retry: { maxAttempts: 1 }, breaker, sensors }),
    )
    .pipe(
      filter({ where: `sensorId != ${JSON.stringify(payloads[3])} || 1 == 1` }),
      derive(added),
      detectAnomalies({ field: 'value', by: 'sensorId', detectors: { range: { max: -1 } } }),
    )
    .to(
      scriptedSink({
        answer: ({ length }) => ({
          failed: Array.from({ length: Math.min(length, 40) }, (_, row) => ({
            row,
            reason: payloads[row * 5]!,
            message: payloads[row * 5 + 1]!,
          })),
        }),
      }),
      {
        id: 'refusing',
        policy: resilient({ name: payloads[5]!, retry: { maxAttempts: 1 }, breaker: {} }),
      },
    )
    .start({ log, alerts: rules.map(ruleOf) });
  run.noteChange(payloads[7]!, payloads[8]!, payloads[9]!);
  const server = await serveRun(run, { log, manifest: () => payloads.map(descriptionOf) });
  return { server, log };
}

/** Its name is one in kebab-case: others are refused. */
function ruleOf(text: string, at: number): AlertRule {
  return {
    name: `rule-${at}`,
    summary: text,
    unit: text,
    limits: { warn: 1, clear: 0 },
    of: { m: 1, n: 1 },
    read: () => [{ component: text, value: 3 }],
  };
}

function descriptionOf(text: string): ComponentDescription {
  return {
    className: text,
    stageType: 'stage',
    summary: text,
    parameters: [{ name: text, kind: text, hasDefault: true, default: text, required: false }],
  };
}
