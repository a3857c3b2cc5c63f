import type { LogEntry } from '../../../src/server/api-types.ts';
import { FairShare, groupOfLine } from '../../../src/server/fair-share.ts';

/** A line of the log, and those that it stands for, which came before it, the newest first. */
export interface FoldedLine {
  readonly line: LogEntry;
  readonly others: readonly LogEntry[];
}

/** Lines, the newest first, each by itself. */
export function unfolded(lines: readonly LogEntry[]): readonly FoldedLine[] {
  return lines.map((line) => ({ line, others: [] }));
}

/** What comes again within so long goes on. */
const pauseMsMax = 60_000;
/** So few lines are no flood. */
const fewMax = 3;

/**
 * Lines, the newest first: of an event that a component tells again and again the newest, as of
 * breakers that open and close. What is an error stands by itself.
 */
export function folded(lines: readonly LogEntry[]): readonly FoldedLine[] {
  const latest = new Map<string, LogEntry[]>();
  const floodOf = new Map<LogEntry, LogEntry[]>();
  for (const line of lines) {
    // Alerts are of several rules.
    const kind = groupOfLine(line) + String(line['rule']);
    const later = latest.get(kind);
    const isPart = !isError(line) && later !== undefined && msBetween(line, later) <= pauseMsMax;
    const flood = isPart ? later : [];
    flood.push(line);
    floodOf.set(line, flood);
    if (!isError(line)) latest.set(kind, flood);
  }
  return lines.flatMap((line) => {
    const flood = floodOf.get(line)!;
    if (flood.length <= fewMax) return { line, others: [] };
    return flood[0] === line ? { line, others: flood.slice(1) } : [];
  });
}

function isError({ level }: LogEntry): boolean {
  return level === 'ERROR' || level === 'CRITICAL';
}

function msBetween(line: LogEntry, later: readonly LogEntry[]): number {
  return Date.parse(later.at(-1)!.timestamp) - Date.parse(line.timestamp);
}

/** The newest lines, so many: one that comes all the time leaves room for what is said once. */
export function newestOfEach(lines: readonly LogEntry[], max: number): readonly LogEntry[] {
  if (lines.length <= max) return lines;
  // They are rows of a table here, however long.
  const options = { max, bytesEach: 1, groupOf: groupOfLine, bytesOf: () => 1 };
  const kept = new FairShare<LogEntry>(options);
  for (const line of lines) kept.add(line);
  return kept.list;
}
