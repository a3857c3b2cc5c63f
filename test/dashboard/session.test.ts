import { describe, expect, test, vi } from 'vitest';

import type * as session from '../../dashboard/src/session.ts';
import { type Asked, type Browser, stubBrowser } from './browser-stubs.ts';

const hourMs = 3_600_000;
const patience = { timeout: 5000, interval: 1 };

type Page = typeof session;

/** A page that has been opened, and asks who looks. */
async function open(hash = ''): Promise<{ page: Page; browser: Browser }> {
  const browser = stubBrowser(hash);
  const page = await import('../../dashboard/src/session.ts');
  void page.enter();
  return { page, browser };
}

/** The next thing that the page asks for. */
async function next({ asked }: Browser, method: string, at = 0): Promise<Asked> {
  await vi.waitFor(() => expect(asked[at]).toMatchObject({ method, path: 'session' }), patience);
  return asked[at]!;
}

describe('a sign-in', () => {
  test('is not answered with who looked before it', async () => {
    const { page, browser } = await open();
    const before = await next(browser, 'GET');
    const signedIn = page.signIn('the token');
    const posted = await next(browser, 'POST', 1);
    expect(posted.body).toEqual({ secret: 'the token' });
    posted.answer({ ok: true });
    const after = await next(browser, 'GET', 1);
    // Late, and of nobody.
    before.answer({ role: null });
    after.answer({ role: 'admin', leftMs: 12 * hourMs });
    await signedIn;
    expect(page.session.value).toBe('admin');
    expect(browser.asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(browser.asked).toEqual([]);
  });

  test('by the code of the address neither, which it leaves at once', async () => {
    const { page, browser } = await open('#launch=a-code');
    const posted = await next(browser, 'POST');
    expect([posted.body, location.hash]).toEqual([{ secret: 'a-code' }, '']);
    posted.answer({ ok: true });
    (await next(browser, 'GET')).answer({ role: 'admin', leftMs: 12 * hourMs });
    await vi.waitFor(() => expect(page.session.value).toBe('admin'), patience);
  });

  test('that is refused says so', async () => {
    const { page, browser } = await open();
    (await next(browser, 'GET')).answer({ role: null });
    const signedIn = page.signIn('no token');
    (await next(browser, 'POST')).answer({ error: { code: 'token', message: 'no' } }, 401);
    await expect(signedIn).rejects.toMatchObject({ status: 401 });
    expect(page.session.value).toBe('nobody');
  });
});

describe('a session', () => {
  test('goes on while its page is open', async () => {
    const { page, browser } = await open();
    (await next(browser, 'GET')).answer({ role: 'read', leftMs: 12 * hourMs });
    await vi.waitFor(() => expect(page.session.value).toBe('read'), patience);
    for (let times = 0; times < 3; times++) {
      await vi.advanceTimersByTimeAsync(6 * hourMs - 1000);
      expect(browser.asked.filter(({ method }) => method === 'POST')).toEqual([]);
      await vi.advanceTimersByTimeAsync(1000);
      const renewed = await next(browser, 'POST');
      expect(renewed.body).toEqual({});
      renewed.answer({ ok: true, leftMs: 12 * hourMs });
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(page.session.value).toBe('read');
  });

  test('that is over takes the live stream with it, until somebody signs in', async () => {
    const { page, browser } = await open();
    (await next(browser, 'GET')).answer({ role: 'admin', leftMs: 1000 });
    await vi.waitFor(() => expect(browser.streams).toHaveLength(1), patience);
    const [stream] = browser.streams;
    stream!.tell('health', {});
    await vi.advanceTimersByTimeAsync(1000);
    (await next(browser, 'POST')).answer({ error: { code: 'token', message: '' } }, 401);
    (await next(browser, 'GET')).answer({ role: null, lapse: 'foreign' });
    await vi.waitFor(() => expect(page.session.value).toBe('nobody'), patience);
    expect(stream!.readyState).toBe(2);
    expect(page.lapse.value).toBe('foreign');
    await vi.advanceTimersByTimeAsync(1999);
    expect(browser.streams).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    (await next(browser, 'GET')).answer({ role: 'admin', leftMs: 1000 });
    await vi.waitFor(() => expect(browser.streams).toHaveLength(2), patience);
    expect(browser.streams[1]!.readyState).toBe(0);
  });

  test('that ended says so; of one that is only gone no more is said', async () => {
    const { page, browser } = await open();
    (await next(browser, 'GET')).answer({ role: 'read', leftMs: 2 * hourMs });
    await vi.waitFor(() => expect(page.session.value).toBe('read'), patience);
    await vi.advanceTimersByTimeAsync(hourMs);
    (await next(browser, 'POST')).answer({ error: { code: 'token', message: '' } }, 401);
    (await next(browser, 'GET')).answer({ role: null });
    await vi.waitFor(() => expect(page.session.value).toBe('nobody'), patience);
    expect(page.lapse.value).toBe('gone');

    const signedIn = page.signIn('the token');
    (await next(browser, 'POST')).answer({ ok: true });
    (await next(browser, 'GET')).answer({ role: 'read', leftMs: 2 * hourMs });
    await signedIn;
    await vi.advanceTimersByTimeAsync(hourMs);
    const away = { error: { code: 'closed', message: 'away' } };
    (await next(browser, 'POST')).answer(away, 503);
    const asked = await next(browser, 'GET');
    await vi.advanceTimersByTimeAsync(hourMs);
    asked.answer({ role: null });
    await vi.waitFor(() => expect(page.session.value).toBe('nobody'), patience);
    expect(page.lapse.value).toBe('expired');
  });
});
