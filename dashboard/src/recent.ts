import { effect, type Signal, signal } from '@preact/signals';

import type { ComponentReport } from '../../src/server/api-types.ts';
import { isStill, snapshot } from './live.ts';

/** What components count from the beginning of a run on. */
const totals = {
  substituted: ({ policy }: ComponentReport) => policy?.substituted ?? 0,
  failed: ({ failed }: ComponentReport) => failed,
  dropped: ({ dropped }: ComponentReport) => dropped,
  'dead letters': ({ dead }: ComponentReport) => dead,
  waiting: ({ undelivered }: ComponentReport) => undelivered,
  retries: ({ policy }: ComponentReport) => policy?.retries ?? 0,
  attempts: ({ policy }: ComponentReport) => policy?.attempts ?? 0,
  'failed calls': failedCallsOf,
};

/** The name of a total. */
export type TotalName = keyof typeof totals;

const names = Object.keys(totals) as TotalName[];

/** Calls that failed: errors are those of records too. */
export function failedCallsOf({ errors, failed }: ComponentReport): number {
  const all = Object.values(errors).reduce((sum, count) => sum + count, 0);
  return all - failed;
}

interface Mark {
  readonly run: number;
  readonly ms: number;
  readonly totals: ReadonlyMap<string, readonly number[]>;
}

/** How it was ten seconds ago, and since then. */
const marks: Signal<readonly Mark[]> = signal([]);
const recentMs = 10_000;

effect(() => {
  const stats = snapshot.value;
  if (stats === undefined) return;
  const { startedAt: run, monotonicMs: ms, components } = stats;
  const last = marks.peek().at(-1);
  if (ms === last?.ms) return;
  const now = components.map((report) => [report.id, names.map((name) => totals[name](report))]);
  const mark = { run, ms, totals: new Map(now as [string, number[]][]) };
  const before = run === last?.run ? marks.peek() : [];
  // An alert that changes makes a mark more.
  const oldest = before.findLastIndex((one) => one.ms <= ms - recentMs);
  marks.value = [...before.slice(Math.max(0, oldest)), mark];
});

/** A total: so far, and how much of it came in the last ten seconds. */
export interface Grown {
  readonly total: number;
  readonly grown: number;
  readonly perSecond: number;
}

/** How a total of a component grew of late; not at all while nobody tells. */
export function grownOf(id: string, name: TotalName): Grown {
  const at = names.indexOf(name);
  const [first, last] = [marks.value[0], marks.value.at(-1)];
  const total = last?.totals.get(id)?.[at] ?? 0;
  const grown = isStill.value ? 0 : total - (first?.totals.get(id)?.[at] ?? 0);
  const ms = (last?.ms ?? 0) - (first?.ms ?? 0);
  return { total, grown, perSecond: ms === 0 ? 0 : (grown * 1000) / ms };
}
