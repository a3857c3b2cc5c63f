import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { admin, patience, served } from './served.ts';

describe.skipIf(!hasChromium())('a browser', () => {
  const browser = useChromium([
    '--host-resolver-rules=MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.1',
  ]);

  async function openPage(): Promise<Page> {
    const context = await browser().newContext();
    onTestFinished(() => context.close());
    return context.newPage();
  }

  /** A page of somebody else at `evil.example`. */
  async function evilPage(html: string): Promise<string> {
    const evil = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(html);
    });
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void evil.close());
    return `http://evil.example:${(evil.address() as AddressInfo).port}/`;
  }

  test('opens the launch URL once, keeps no secret in sight, and shows the run', async () => {
    const { server, port } = await served();
    const page = await openPage();
    const said: string[] = [];
    const referers: (string | undefined)[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    page.on('request', (request) => referers.push(request.headers()['referer']));
    await page.goto(server.launchUrl);
    await page.getByRole('link', { name: 'served', exact: true }).waitFor();
    expect(page.url()).toBe(`${server.url}/`);
    expect(await page.evaluate('document.cookie')).toBe('');
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' });
    const secret = server.launchUrl.split('=')[1]!;
    expect(
      await page.evaluate('location.href + document.referrer + JSON.stringify(history.state)'),
    ).not.toContain(secret);
    expect(referers.filter((referer) => referer !== undefined && referer !== '')).toEqual([]);
    // The policy refused nothing of ours.
    expect(said).toEqual([]);
    const events = await page.evaluate(`new Promise((resolve) => {
      const source = new EventSource('/api/v1/events');
      source.addEventListener('snapshot', ({ data }) => {
        source.close();
        resolve(data);
      });
    })`);
    expect(events).toContain('"pipeline":"served"');
    const other = await openPage();
    await other.goto(server.launchUrl);
    await other.getByLabel('Token').waitFor();
    // A name that was bound to this address is not ours.
    const rebound = await other.goto(`http://rebound.example:${port}/`);
    expect(rebound!.status()).toBe(421);
  });

  test('cannot be made to change or read anything by a page of somebody else', async () => {
    const { server, run, ask } = await served();
    await vi.waitFor(() => expect(run.status).toBe('running'), patience);
    const page = await openPage();
    await page.goto(server.launchUrl);
    await page.getByRole('link', { name: 'served', exact: true }).waitFor();
    const target = `${server.url}/api/v1/pause`;
    const evil = await evilPage(`<!doctype html>
      <iframe name="out"></iframe>
      <form id="plain" target="out" method="post" action="${target}"></form>
      <form id="text" target="out" method="post" enctype="text/plain" action="${target}"><input name='{"a":"' value='"}'></form>
      <img src="${target}"><img src="${server.url}/api/v1/snapshot"><script src="${server.url}/api/v1/snapshot"></script>`);
    await page.goto(evil);
    const results = await page.evaluate<string[]>(`(async (url) => {
      for (const form of document.forms) form.submit();
      const all = { method: 'POST', credentials: 'include' };
      const text = { 'content-type': 'text/plain' };
      const json = { 'content-type': 'application/json' };
      const seen = await Promise.allSettled([
        fetch(url, { ...all, mode: 'no-cors' }),
        fetch(url, { ...all, mode: 'no-cors', body: '{}', headers: text }),
        fetch(url, { ...all, body: '{}', headers: json }),
        fetch(url.replace('pause', 'snapshot'), { credentials: 'include' }),
      ]);
      navigator.sendBeacon(url, new Blob(['{}'], { type: 'text/plain' }));
      return seen.map((one) => one.status === 'fulfilled' ? one.value.type : 'refused');
    })('${target}')`);
    expect(results).toEqual(['refused', 'refused', 'refused', 'refused']);
    await page.waitForLoadState();
    // A page of the same site, another port: the cookie goes along, and is not enough.
    const sibling = await evilPage('<!doctype html><title>sibling</title>');
    await page.goto(sibling.replace('evil.example', '127.0.0.1'));
    const fetched = await page.evaluate(
      `fetch('${target}', { method: 'POST', mode: 'no-cors', credentials: 'include' }).then(({ type }) => type, () => 'refused')`,
    );
    expect(fetched).toBe('refused');
    const snapshot = (await (await ask('/api/v1/snapshot')).json()) as { status: string };
    expect([run.status, snapshot.status]).toEqual(['running', 'running']);
    // The same page, asked from its own origin, may.
    await page.goto(`${server.url}/`);
    const own = await page.evaluate(async () => {
      const headers = { 'content-type': 'application/json' };
      return (await fetch('/api/v1/pause', { method: 'POST', headers })).status;
    });
    expect([own, run.status]).toEqual([200, 'paused']);
    expect((await ask('/livez', { token: admin })).status).toBe(200);
  });
});
