import { describe, expect, test, vi } from 'vitest';

import type { LogEntry } from '../../src/server/api-types.ts';
import { KeptLines } from '../../src/server/kept-lines.ts';
import { type Browser, stubBrowser } from './browser-stubs.ts';

const startedAt = Date.UTC(2026, 0, 1);

function line(seconds: number, event: string, rest: object = {}): LogEntry {
  const timestamp = new Date(startedAt + seconds * 1000).toISOString();
  return { timestamp, level: 'INFO', component: 'south', event, ...rest };
}

/** Many lines of one event, with one of another before them. */
function often(count: number): LogEntry[] {
  const changes = Array.from({ length: count - 1 }, (_, at) =>
    line(at + 1, 'circuit_state_change', { at: at + 1 }),
  );
  return [line(0, 'run.started'), ...changes];
}

interface Page {
  readonly browser: Browser;
  /** Tells it lines as they are written. */
  hear(entries: readonly LogEntry[]): Promise<void>;
  /** Has it ask the server, which kept what it could of these. */
  join(entries: readonly LogEntry[]): Promise<void>;
  shown(): { list: readonly LogEntry[]; dropped: number; leftOut: number };
}

/** A page that shows the log of a run. */
async function open(): Promise<Page> {
  const browser = stubBrowser();
  // There is nothing to draw: what an effect does is done at once.
  vi.doMock('preact/hooks', () => ({ useEffect: (effect: () => void) => effect() }));
  const live = await import('../../dashboard/src/live.ts');
  const { useLines } = await import('../../dashboard/src/lines.ts');
  live.follow(() => {});
  const [stream] = browser.streams;
  stream!.tell('snapshot', { startedAt, monotonicMs: 0, at: startedAt });
  const hear = async (entries: readonly LogEntry[]): Promise<void> => {
    for (const entry of entries) stream!.tell('log', entry);
    await vi.advanceTimersByTimeAsync(250);
  };
  const join = async (entries: readonly LogEntry[]): Promise<void> => {
    const kept = new KeptLines();
    for (const entry of entries) kept.add(JSON.stringify(entry));
    const lines = kept.newest(1000, 'DEBUG').map((text) => JSON.parse(text) as LogEntry);
    useLines();
    expect(browser.asked.map(({ path }) => path)).toEqual(['log?lines=1000']);
    browser.asked[0]!.answer({ dropped: 3, leftOut: kept.leftOut, lines });
    await vi.waitFor(() => expect(shown().dropped).toBe(3));
  };
  const shown: Page['shown'] = () => {
    live.connection.value = { ...live.connection.value, isLive: false };
    const now = useLines();
    live.connection.value = { ...live.connection.value, isLive: true };
    return now;
  };
  return { browser, hear, join, shown };
}

describe('the log of the page', () => {
  test('stays in order when the server, which keeps less, is asked again', async () => {
    const page = await open();
    const all = often(1101);
    await page.hear(all);
    expect(page.shown().list).toEqual(all);
    await page.join(all);
    expect(page.shown().list).toEqual(all);
    // Nothing is left out that is shown.
    expect(page.shown().leftOut).toBe(0);
  });

  test('has what was written before it was open, and while it was away, and counts the rest', async () => {
    const page = await open();
    const all = often(3000);
    await page.hear(all.slice(1200, 1500));
    await page.join(all);
    const { list, leftOut } = page.shown();
    // The server keeps the first, and those from 2,001 on.
    expect(list).toEqual([all[0], ...all.slice(1200, 1500), ...all.slice(2001)]);
    expect(leftOut).toBe(3000 - list.length);
    await page.hear([line(4000, 'run.stopped')]);
    expect(page.shown().list.at(-1)?.event).toBe('run.stopped');
    expect(page.shown().leftOut).toBe(leftOut);
  });

  test('tells two lines apart that are the same', async () => {
    const page = await open();
    const same = line(1, 'record.failed');
    await page.hear([same, same]);
    await page.join([line(0, 'run.started'), same, same, same]);
    expect(page.shown().list).toEqual([line(0, 'run.started'), same, same, same]);
  });

  test('keeps lines of a run before, which this one has not left out', async () => {
    const page = await open();
    const before = [line(-20, 'run.started'), line(-10, 'run.stopped')];
    await page.hear(before);
    const all = often(1101);
    await page.join(all);
    expect(page.shown().list).toEqual([...before, all[0], ...all.slice(102)]);
    expect(page.shown().leftOut).toBe(101);
  });

  test('keeps its place in memory where lines are long', async () => {
    const page = await open();
    const padding = 'x'.repeat(8000);
    const long = Array.from({ length: 400 }, (_, at) => line(at, 'record.failed', { padding }));
    const short = Array.from({ length: 200 }, (_, at) => line(at + 400, 'other', { at }));
    await page.hear([...long, ...short]);
    const { list, leftOut } = page.shown();
    expect(list.filter(({ event }) => event === 'other')).toHaveLength(200);
    expect(JSON.stringify(list).length).toBeLessThan(2_100_000);
    expect(leftOut).toBe(600 - list.length);
  });
});
