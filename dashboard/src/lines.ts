import { useEffect } from 'preact/hooks';
import { signal } from '@preact/signals';

import type { LogDocument, LogEntry } from '../../src/server/api-types.ts';
import { FairShare, groupOfLine } from '../../src/server/fair-share.ts';
import { ask } from './api.ts';
import { connection, onLine, previous, snapshot } from './live.ts';

const keptMax = 2000;
/** Many lines a second are one change of the page. */
const takeEveryMs = 250;

export interface Lines {
  /** The newest, oldest first. */
  readonly list: readonly LogEntry[];
  /** Those that found no room on their way to the server. */
  readonly dropped: number;
  /** Older ones of this run that neither the page nor the server keeps. */
  readonly leftOut: number;
}

/** A line, and what tells it from others. */
interface Line {
  readonly entry: LogEntry;
  readonly text: string;
}

const lines = signal<Lines>({ list: [], dropped: 0, leftOut: 0 });
let kept = noLines();
/** How many were left out that the page never had. */
let leftOutBefore = 0;
let waiting: LogEntry[] = [];

// From when the page is opened, whatever it shows: of a run that has ended nobody may answer later.
onLine((line) => {
  if (waiting.push(line) === 1) setTimeout(take, takeEveryMs);
  // A page that nobody sees is given no turn for long.
  if (waiting.length > keptMax) take();
});

function take(): void {
  if (waiting.length === 0) return;
  for (const entry of waiting) kept.add(lineOf(entry));
  waiting = [];
  tell(lines.peek().dropped);
}

function tell(dropped: number): void {
  const list = kept.list.map(({ entry }) => entry);
  lines.value = { list, dropped, leftOut: leftOutBefore + kept.leftOut };
}

function noLines(): FairShare<Line> {
  return new FairShare({
    max: keptMax,
    bytesEach: 1024,
    groupOf: ({ entry }) => groupOfLine(entry),
    bytesOf: ({ text }) => text.length,
  });
}

function lineOf(entry: LogEntry): Line {
  return { entry, text: JSON.stringify(entry) };
}

/** The log as it is written, with what was written before the page was open. */
export function useLines(): Lines {
  const { isLive } = connection.value;
  useEffect(() => {
    if (!isLive) return undefined;
    const leaving = new AbortController();
    void ask<LogDocument>('log?lines=1000', leaving.signal).then(join, () => {});
    return () => leaving.abort();
  }, [isLive, previous.value]);
  return lines.value;
}

/** What came meanwhile is in both, once; what came before stays, also of a run before. */
function join({ lines: told, dropped, leftOut }: LogDocument): void {
  take();
  const own = kept.list;
  const unmatched = Map.groupBy(own, ({ text }) => text);
  const others = told.map(lineOf).filter(({ text }) => unmatched.get(text)?.pop() === undefined);
  kept = noLines();
  // Each list leaves out what the other may have.
  const all = [...own, ...others].toSorted((a, b) => order(a.entry.timestamp, b.entry.timestamp));
  for (const line of all) kept.add(line);
  const { startedAt = 0 } = snapshot.peek() ?? {};
  const ofThisRun = [...unmatched.values()]
    .flat()
    .filter(({ entry }) => Date.parse(entry.timestamp) >= startedAt);
  // The server counts what it has no more; the page has some of that.
  leftOutBefore = Math.max(0, leftOut - ofThisRun.length);
  tell(dropped);
}

/** Of texts that a machine orders, as times are. */
function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
