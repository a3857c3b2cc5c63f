import { retryRegistry } from './retry-registry.ts';
import type { RetryStats, RetrySummary } from './retry-stats.ts';

/** Where a report goes. */
export interface RetryReportOptions {
  /** Given the whole report, with a line feed at the end; standard output unless given. */
  readonly write?: ((text: string) => unknown) | undefined;
}

type Column = readonly [title: string, cell: (summary: RetrySummary) => string];

const lineCharacters = 80;
const nameTitle = 'name';

/** How calls ended. */
const endings: readonly Column[] = [
  ['calls', ({ calls }) => countText(calls)],
  ['attempts', ({ attempts }) => countText(attempts)],
  ['recovered', ({ successfulRetries }) => countText(successfulRetries)],
  ['failed', ({ permanentFailures }) => countText(permanentFailures)],
  ['propagated', ({ propagated }) => countText(propagated)],
  ['suppressed', ({ suppressed }) => countText(suppressed)],
];

/** What retries did for them. */
const effects: readonly Column[] = [
  ['retries', ({ retries }) => countText(retries)],
  ['retry rate', ({ retryRate }) => percent(retryRate)],
  ['success', ({ successRate }) => percent(successRate)],
  ['recovery', ({ recoveryRate }) => percent(recoveryRate)],
  ['delay', ({ totalDelaySeconds }) => secondsText(totalDelaySeconds)],
  ['delay/failure', ({ averageFailureDelaySeconds }) => secondsText(averageFailureDelaySeconds)],
];

/**
 * Prints what retries did as two tables of at most 80 columns, a line per name: how calls
 * ended, and what retries did for them. Longer names are cut. Of the process's own registry unless
 * another, or some statistics, are given.
 */
export function printRetryReport(
  all: Iterable<RetryStats> = retryRegistry,
  { write = (text) => process.stdout.write(text) }: RetryReportOptions = {},
): void {
  const summaries = Array.from(all, (stats) => stats.summary());
  const lines = [...table(endings, summaries), '', ...table(effects, summaries)];
  write(`${lines.join('\n')}\n`);
}

function table(columns: readonly Column[], summaries: readonly RetrySummary[]): string[] {
  const cells = columns.map(([heading, cell]) => {
    const column = [heading, ...summaries.map(cell)];
    const width = widthOf(column) + 2;
    return column.map((text) => text.padStart(width));
  });
  const taken = cells.reduce((sum, [heading]) => sum + heading!.length, 0);
  const room = Math.max(nameTitle.length, lineCharacters - taken);
  const names = [nameTitle, ...summaries.map(({ name }) => nameText(name, room))];
  const width = widthOf(names);
  return names.map((name, row) => name.padEnd(width) + cells.map((column) => column[row]).join(''));
}

function widthOf(texts: readonly string[]): number {
  return texts.reduce((width, { length }) => Math.max(width, length), 0);
}

/** A name of no more characters than there is room for, and none that moves the cursor. */
function nameText(name: string, room: number): string {
  const shown = name.replace(/\p{C}/gu, '?');
  return shown.length <= room ? shown : `${shown.slice(0, room - 1)}…`;
}

function countText(count: number): string {
  return count.toLocaleString('en-US');
}

function percent(rate: number | null): string {
  return rate === null ? '–' : `${(100 * rate).toFixed(1)} %`;
}

function secondsText(seconds: number | null): string {
  return seconds === null ? '–' : `${seconds.toFixed(2)} s`;
}
