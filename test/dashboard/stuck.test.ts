import { describe, expect, onTestFinished, test } from 'vitest';

import { intervalSource } from '../../src/connectors/interval.ts';
import { pipeline } from '../../src/pipeline.ts';
import { serve } from '../../src/server/index.ts';
import { scriptedSink } from '../engine/ends.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { adminToken } from './plant.ts';

const patience = { timeout: 25_000, interval: 100 };

const browser = useChromium();

describe.skipIf(!hasChromium())('a sink that takes nothing more', { timeout: 40_000 }, () => {
  test('is busy with the call that hangs, marked as the bottleneck, and the end of the room is told early', async () => {
    const held = Promise.withResolvers<undefined>();
    const run = await pipeline('stuck', { queue: { rowsMax: 5000 } })
      .from(intervalSource({ everyMs: 20 }), { id: 'ticks' })
      .to(scriptedSink({ answer: () => held.promise }), { id: 'store' })
      .start();
    const server = await serve(run, { port: 0, token: adminToken, stallDescriptor: null });
    onTestFinished(async () => {
      await server.close();
      held.resolve(undefined);
      await run.stop({ delayMs: 0 }).catch(() => {});
    });
    const page = await openPage(browser(), server);
    const node = page.getByRole('article').filter({ hasText: 'store' });
    // The room is for 100 s; its alert would come a minute before the end.
    await expect.poll(() => node.textContent(), patience).toMatch(/full in (\d\d s|[12] min)/);
    const verdict = page.getByLabel('Health', { exact: true });
    await expect
      .poll(() => verdict.textContent(), patience)
      .toMatch(/store its queue fills.*Queue full in (\d\d s|[12] min)/);
    await expect.poll(() => node.textContent(), patience).toContain('bottleneck');
    expect(run.stats().queues['store']!.fill).toBeLessThan(0.4);
    await node.getByRole('link').click();
    const time = page.getByRole('img', { name: /^Where its time goes: busy (9\d|100) %/ });
    await time.waitFor();
    await page.getByText('It holds up the rest.').waitFor();
  });
});
