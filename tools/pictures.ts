/**
 * `node tools/pictures.ts [--out DIRECTORY] [--only PAGE] [--width PIXELS] [--dark] [--calm]`: pictures of
 * the page, of a real run whose second group of sensors fails after a while. The README and the docs
 * show them.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { launchChromium } from '../test/chromium.ts';
import { startPlant } from '../test/dashboard/plant.ts';

const pictures: Readonly<Record<string, string>> = {
  overview: '#/',
  stage: '#/stage/detect-anomalies',
  resilience: '#/resilience',
  alerts: '#/alerts',
  logs: '#/logs',
  data: '#/data',
  manifest: '#/manifest',
  operate: '#/operate',
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: {
        type: 'string',
        default: fileURLToPath(new URL('../docs/pictures', import.meta.url)),
      },
      only: { type: 'string' },
      width: { type: 'string', default: '1440' },
      height: { type: 'string', default: '900' },
      dark: { type: 'boolean', default: false },
      calm: { type: 'boolean', default: false },
      /** How long the plant is well, and how long it has been ill when the pictures are taken. */
      well: { type: 'string', default: '40' },
      ill: { type: 'string', default: '30' },
    },
  });
  mkdirSync(values.out, { recursive: true });
  await using plant = await startPlant();
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({
      viewport: { width: Number(values.width), height: Number(values.height) },
      colorScheme: values.dark ? 'dark' : 'light',
    });
    page.on('console', (message) => process.stderr.write(`page: ${message.text()}\n`));
    page.on('pageerror', (error) => process.stderr.write(`page: ${error.stack}\n`));
    await page.goto(plant.server.launchUrl);
    await page.getByRole('navigation').waitFor();
    await sleep(Number(values.well) * 1000);
    if (!values.calm) {
      plant.faults.south = true;
      await sleep(Number(values.ill) * 1000);
    }
    for (const [name, address] of Object.entries(pictures)) {
      if (values.only !== undefined && values.only !== name) continue;
      await page.goto(`${plant.server.url}/${address}`);
      await sleep(2500);
      await page.screenshot({
        path: join(values.out, `${name}.png`),
        fullPage: name !== 'logs' && name !== 'manifest',
      });
    }
  } finally {
    await browser.close();
  }
}

await main();
