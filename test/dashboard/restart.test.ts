import { describe, expect, onTestFinished, test } from 'vitest';

import { intervalSource } from '../../src/connectors/interval.ts';
import { StructuredLogger } from '../../src/observe/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import { serve, type Server } from '../../src/server/index.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { scriptedSink } from '../engine/ends.ts';
import { openAt } from './open-page.ts';
import { adminToken } from './plant.ts';

const otherToken = 'another-admin-of-the-plant';

const browser = useChromium();

describe.skipIf(!hasChromium())('a page whose run is started anew', { timeout: 60_000 }, () => {
  test('goes on by itself where the token is the same, and says that it is another run', async () => {
    const first = await startRun({ sink: 'old-store' });
    const page = await openAt(browser(), first.server.url, adminToken);
    const nodes = page.getByLabel('Pipeline', { exact: true });
    await nodes.getByRole('link', { name: 'old-store' }).waitFor();
    expect(await page.getByText('A new run began').count()).toBe(0);
    await first.end();
    await page.getByText('The server is gone: the run ended at').waitFor();
    await startRun({ port: first.port, sink: 'new-store' });
    const strip = page.getByText(/A new run began at \d\d:\d\d:\d\d/);
    await strip.waitFor();
    await nodes.getByRole('link', { name: 'new-store' }).waitFor();
    expect(await nodes.getByRole('link', { name: 'old-store' }).count()).toBe(0);
    expect(await strip.textContent()).toMatch(/one before were of \d\d:\d\d:\d\d\.$/);
    expect(await page.getByText('The server is gone').count()).toBe(0);
    expect(await page.getByLabel('Token').count()).toBe(0);
    // Whoever opens the page now has seen no other.
    await page.reload();
    await nodes.getByRole('link', { name: 'new-store' }).waitFor();
    expect(await strip.count()).toBe(0);
  });

  test('asks to sign in where the token is another, and goes on where it was', async () => {
    const first = await startRun();
    const page = await openAt(browser(), first.server.url, adminToken);
    await page.getByRole('link', { name: 'Logs' }).click();
    await page.getByRole('heading', { level: 1, name: 'Logs' }).waitFor();
    await first.end();
    await startRun({ port: first.port, token: otherToken });
    await page.getByText('The server has another token than the one of this session.').waitFor();
    expect(await page.locator('main').textContent()).toMatch(/last figures of \d\d:\d\d:\d\d/);
    const token = page.getByLabel('Token');
    await token.fill('what is no token of it');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This is no token of this pipeline.').waitFor();
    // Asking again and again, it takes nothing from who is typing.
    expect(await token.inputValue()).toBe('what is no token of it');
    const elsewhere = await page.context().newPage();
    await elsewhere.goto(first.server.url);
    await elsewhere.getByLabel('Token').fill(otherToken);
    await elsewhere.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Logs' }).waitFor();
    await page.getByText('A new run began at').waitFor();
  });

  test('is told that its session is gone, and takes a launch code where it is open', async () => {
    const { server } = await startRun();
    const page = await openAt(browser(), server.url, adminToken);
    await page.getByRole('link', { name: 'Logs' }).click();
    await page.getByRole('heading', { level: 1, name: 'Logs' }).waitFor();
    await page.context().clearCookies();
    // It lives on what comes by itself until something is asked for, which it may do by itself.
    await page.evaluate(`location.hash = '#/data'`);
    await page.getByText('This browser has no session here any more.').waitFor();
    await page.goto(server.launchUrl);
    await page.getByRole('heading', { level: 1, name: 'Data' }).waitFor();
    expect(page.url()).toBe(`${server.url}/#/data`);
    expect(await page.getByText('A new run began at').count()).toBe(0);
  });
});

interface Started {
  readonly server: Server;
  readonly port: number;
  end(): Promise<void>;
}

interface StartOptions {
  readonly port?: number;
  readonly token?: string;
  readonly sink?: string;
}

/** A run and its server. Gone after the test. */
async function startRun({
  port = 0,
  token = adminToken,
  sink = 'store',
}: StartOptions = {}): Promise<Started> {
  const log = new StructuredLogger({ write: () => {} });
  const run = await pipeline('restarted')
    .from(intervalSource({ everyMs: 20 }))
    .to(scriptedSink({}), { id: sink })
    .start({ log });
  const server = await serve(run, { port, token, stallDescriptor: null, log });
  const end = async (): Promise<void> => {
    await run.stop({ delayMs: 0 }).catch(() => {});
    await server.close();
  };
  onTestFinished(end);
  return { server, port: Number(new URL(server.url).port), end };
}
