import { escapeControls } from '../core/plain-text.ts';
import { ratePerSecond } from '../observe/rate.ts';
import {
  type BreakerReport,
  type ComponentReport,
  hasFailed,
  type Latency,
  type PolicyReport,
  type RunReport,
} from '../observe/snapshot.ts';
import { fitTable, formatBytes, formatCount, formatDuration } from './text.ts';

/** A report as it is written in JSON: what scripts may count on. */
export function reportJson(report: RunReport): Record<string, unknown> {
  const { pipeline, status, recordsIn, recordsOut, durationMs, bytesIn } = report;
  const { peakMemoryBytes, deadLetters, delivery } = report;
  const components = report.components.map((component) => ({
    ...component,
    busyMs: rounded(component.busyMs),
    blockedMs: rounded(component.blockedMs),
    waitingMs: rounded(component.waitingMs),
    idleMs: rounded(component.idleMs),
    work: roundedLatency(component.work),
    wait: roundedLatency(component.wait),
    endToEnd: roundedLatency(component.endToEnd),
    perSecond: rounded(component.perSecond),
    sinceProgressMs: rounded(component.sinceProgressMs),
  }));
  const head = {
    pipeline,
    status,
    recordsIn,
    recordsOut,
    durationMs: rounded(durationMs),
    bytesIn,
  };
  return { ...head, peakMemoryBytes, deadLetters, delivery, components };
}

/** To microseconds: clocks tell no more. */
function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1000) / 1000;
}

function roundedLatency({ count, ...times }: Latency): Record<string, number | null> {
  const names = ['meanMs', 'p50Ms', 'p95Ms', 'p99Ms', 'maxMs'] as const;
  return { count, ...Object.fromEntries(names.map((name) => [name, rounded(times[name])])) };
}

const titles = ['component', 'kind', 'in', 'out', 'dropped', 'dead', 'busy', 'p50', 'p95', 'p99'];
const right = new Set([2, 3, 4, 5, 6, 7, 8, 9]);
/** What the table leaves out: p50, p99, busy, kind. */
const spare = [7, 9, 6, 1];

/** A report as a table for a terminal of that width. */
export function reportTable(
  report: RunReport,
  heading: (text: string) => string,
  width: number,
): string[] {
  const rows = report.components.map((component) => {
    const { id, kind, busyMs, work } = component;
    const { p50Ms, p95Ms, p99Ms } = work;
    const counts = countsOf(component).map(formatCount);
    return [escapeControls(id), kind, ...counts, ...[busyMs, p50Ms, p95Ms, p99Ms].map(formatTime)];
  });
  const [head = '', ...lines] = fitTable([titles, ...rows], { right, spare, width });
  return ['', heading(head), ...lines, '', ...summary(report)];
}

/** A report as plain lines, for a pipe. */
export function reportLines(report: RunReport): string[] {
  const lines = report.components.map((component) => {
    const [rowsIn, rowsOut, dropped, dead] = countsOf(component);
    const { id, name, kind, busyMs, work } = component;
    const { p50Ms, p95Ms, p99Ms } = work;
    const label = id === kind ? kind : id === name ? `${kind} ${id}` : `${kind} ${id} (${name})`;
    const times = `busy ${formatTime(busyMs)} p50 ${formatTime(p50Ms)} p95 ${formatTime(p95Ms)} p99 ${formatTime(p99Ms)}`;
    return `${escapeControls(label)}: in ${rowsIn} out ${rowsOut} dropped ${dropped} dead ${dead} ${times}`;
  });
  return [...lines, ...summary(report)];
}

function summary(report: RunReport): string[] {
  const { pipeline, status, recordsIn, recordsOut, durationMs, bytesIn, deadLetters } = report;
  const rate = ratePerSecond(recordsIn, durationMs) ?? 0;
  const bytes = bytesIn > 0 ? `, ${formatBytes(bytesIn)} read` : '';
  const reasons = report.components.flatMap((component) =>
    Object.entries(component.droppedBy).map(
      ([reason, rows]) => `dropped by ${component.id}: ${formatCount(rows)} (${reason})`,
    ),
  );
  const open = report.components.flatMap(({ id, unaccounted }) => {
    if (unaccounted === 0) return [];
    const rows = `${formatCount(Math.abs(unaccounted))} rows that nothing accounts for`;
    return [unaccounted > 0 ? `lost by ${id}: ${rows}` : `made up by ${id}: ${rows}`];
  });
  // What a stop leaves is in the snapshot.
  const isCutShort = hasFailed(report.status);
  const undelivered = report.components.flatMap(({ id, kind, undelivered: rows, held }) => [
    ...(rows > 0 ? [`not delivered to ${id}: ${formatCount(rows)} rows`] : []),
    ...(held !== null && held > 0 && isCutShort && (kind === 'source' || kind === 'stage')
      ? [`not finished by ${id}: ${formatCount(held)} rows`]
      : []),
  ]);
  const uncommitted = report.components.flatMap(({ id, kind, held }) =>
    held !== null && held > 0 && (kind === 'sink' || kind === 'dead-letters')
      ? [`not committed by ${id}: ${formatCount(held)} rows, stored or not`]
      : [],
  );
  return [
    `${pipeline}: ${status} after ${formatDuration(durationMs)}, ${report.delivery} delivery`,
    `${formatCount(recordsIn)} records in, ${formatCount(recordsOut)} out (${formatCount(rate)}/s)${bytes}`,
    `${formatCount(deadLetters)} dead letters, peak memory ${formatBytes(report.peakMemoryBytes)}`,
    ...reasons,
    ...report.components.flatMap(countLines),
    ...report.components.flatMap(policyLines),
    ...undelivered,
    ...uncommitted,
    ...open,
  ].map(escapeControls);
}

/** What a component counted that is no row of its ledger. */
function countLines({ id, counts }: ComponentReport): string[] {
  return Object.entries(counts).map(([what, count]) =>
    what === 'deadLetters.dropped'
      ? `thrown away by ${id}: ${formatCount(count)} dead letters, the oldest`
      : `counted by ${id}: ${formatCount(count)} (${what})`,
  );
}

/** What a policy did; nothing where its calls only went through. */
export function policyLines({ id, policy }: ComponentReport): string[] {
  if (policy === undefined) return [];
  const { breakers, left } = troubledBreakers(policy);
  const parts = [
    ...callParts(policy),
    ...breakers.map(({ id: breaker, state, opens, openMs, refused }) => {
      const times = opens === 1 ? 'once' : `${formatCount(opens)} times`;
      return `breaker \`${breaker}\` ${state}, opened ${times} for ${formatDuration(openMs)}, ${formatCount(refused)} calls refused`;
    }),
    ...(left > 0 ? [`${formatCount(left)} more breakers that are not closed`] : []),
  ];
  return parts.length === 0
    ? []
    : [`policy of ${id}: ${formatCount(policy.calls)} calls, ${parts.join(', ')}`];
}

/** What a policy did to calls that did not go through at once. */
export function callParts({ retries, suppressed, substituted }: PolicyReport): string[] {
  return [
    ...(retries > 0 ? [`${formatCount(retries)} retries`] : []),
    ...(suppressed > 0 ? [`${formatCount(suppressed)} retries without budget`] : []),
    ...(substituted > 0 ? [`${formatCount(substituted)} substituted`] : []),
  ];
}

/** Breakers that are not closed, or were not all the time; `left`: how many more are not closed. */
export function troubledBreakers({ breakers: { total, byState, worst } }: PolicyReport): {
  readonly breakers: readonly BreakerReport[];
  readonly left: number;
} {
  const isIll = ({ state }: BreakerReport): boolean => state !== 'closed';
  return {
    breakers: worst.filter((breaker) => breaker.opens > 0 || isIll(breaker)),
    left: total - byState.closed - worst.filter(isIll).length,
  };
}

function countsOf({ in: rowsIn, out, dropped, dead }: ComponentReport): number[] {
  return [rowsIn, out, dropped, dead];
}

function formatTime(ms: number | null): string {
  return ms === null ? '-' : formatDuration(ms);
}
