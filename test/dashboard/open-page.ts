import type { Browser, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';

import type { Server } from '../../src/server/index.ts';

export interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  readonly isDark?: boolean;
  /** Signs in with this token, and not with the URL that is printed. */
  readonly token?: string;
  /** How far the clock of the browser is ahead of that of the server. */
  readonly aheadMs?: number;
}

/** Words of the browser that are no fault of the page. */
export type Excused = (words: string) => boolean;

/** A page of a server that somebody signed in at. What it says on the console fails the test. */
export async function openPage(
  browser: Browser,
  server: Pick<Server, 'url' | 'launchUrl'>,
  options: OpenOptions = {},
  isExcused: Excused = () => false,
): Promise<Page> {
  const { width = 1280, height = 900, isDark = false, token, aheadMs = 0 } = options;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: isDark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const said: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) said.push(message.text());
  });
  page.on('pageerror', (error) => said.push(String(error)));
  // Also where the browser does not say so on the console.
  await page.addInitScript(
    `addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error('policy: ' + violatedDirective + ' ' + blockedURI))`,
  );
  await page.addInitScript(
    `globalThis.Date = class extends Date {
      constructor(...parts) {
        super(...(parts.length === 0 ? [Date.now()] : parts));
      }
      static now() {
        return super.now() + ${aheadMs};
      }
    }`,
  );
  onTestFinished(async () => {
    await context.close();
    expect(said.filter((words) => !isExcused(words))).toEqual([]);
  });
  if (token === undefined) await page.goto(server.launchUrl);
  else {
    await page.goto(server.url);
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }
  await page.getByRole('navigation').waitFor();
  return page;
}

/** A page where no server may be for a while: what the browser says of that is no fault. */
export function openAt(browser: Browser, url: string, token: string): Promise<Page> {
  const isOfNetwork = (words: string): boolean =>
    words.startsWith('Failed to load resource: ') || words.includes('net::ERR_');
  return openPage(browser, { url, launchUrl: url }, { token }, isOfNetwork);
}
