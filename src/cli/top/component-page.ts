import { stringify } from 'yaml';

import type { Lag } from '../../core/index.ts';
import { own } from '../../core/own.ts';
import { alignColumns } from '../../core/plain-text.ts';
import type { TopologyNode } from '../../engine/index.ts';
import { roughTime } from '../../observe/rough-time.ts';
import {
  type ComponentReport,
  hasEnded,
  type Latency,
  type RecentLatency,
  type RunStats,
} from '../../observe/snapshot.ts';
import { callParts, troubledBreakers } from '../report.ts';
import { colouredGauge, type Style } from '../terminal.ts';
import {
  fitTable,
  formatBytes,
  formatCount,
  formatDuration,
  gauge,
  labelled,
  shortened,
  wrapText,
} from '../text.ts';
import { stateBar } from './columns.ts';
import type { Seen } from './feed.ts';
import type { Row } from './figures.ts';
import { percent, secondsText } from './head.ts';
import { runFailureLines } from './notes.ts';
import { colouredState } from './overview.ts';

const barWidth = 20;

/** All that is known of one component, as lines of that width. */
export function componentLines(row: Row, seen: Seen, width: number, style: Style): string[] {
  const { stats, topology } = seen;
  const { report } = row;
  const { id, name, kind } = report;
  const node = topology?.nodes.find((one) => one.id === id);
  const mark = row.isBottleneck ? ' · ◆ bottleneck' : '';
  const title = `${id}${name === id ? '' : ` (${name})`} · ${kind}${mark}`;
  const section = (heading: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : ['', style('bold', heading), ...lines];
  const summary = node?.summary ?? '';
  return [
    ...wrapText(title, width, 0, 2).map((line) => style('bold', line)),
    ...wrapText(summary, width, 0),
    ...(row.hasFailed ? ['', ...runFailureLines(seen, width, style)] : []),
    '',
    ...nowLines(row, stats, width, style),
    '',
    ...latencyLines(report, width, style),
    '',
    ...countLines(report, width),
    ...section('sensors', sensorLines(report, { nowMs: stats.at, width }, style)),
    ...section('breakers', breakerLines(report, width, style)),
    ...section('slowest batches of the run', slowLines(id, stats)),
    ...section('last failures', failureLines(id, stats, width)),
    ...section('options', optionLines(node)),
    ...section('fields out', fieldLines(node)),
  ];
}

function nowLines(row: Row, stats: RunStats, width: number, style: Style): string[] {
  const { report, busy, waiting: outside, blocked } = row;
  const queue = own(stats.queues, report.id);
  const lag = report.source?.lag;
  const state = stateBar(row, barWidth);
  const shares = `busy ${percent(busy)}, waiting ${percent(outside)}, blocked ${percent(blocked)}`;
  const degraded = own(stats.degraded, report.id);
  return [
    ...labelled('rows', rowsText(row, stats), width),
    `${'state'.padEnd(12)}${colouredState(state, style)}  ${shares}`,
    ...(queue === undefined
      ? []
      : [
          `${'queue'.padEnd(12)}${colouredGauge(gauge(queue.fill, barWidth), style)}  ${waiting(queue)}`,
        ]),
    ...(queue?.disk === undefined ? [] : labelled('on disk', amount(queue.disk), width)),
    ...(lag == null ? [] : labelled('lag', behind(lag), width)),
    ...(degraded === undefined
      ? []
      : labelled('degraded', degraded, width).map((line) => style('yellow', line))),
  ];
}

function rowsText({ report, inPerSecond, outPerSecond }: Row, { status }: RunStats): string {
  if (hasEnded(status))
    return `${formatCount(report.in)} in, ${formatCount(report.out)} out in all`;
  return `${formatCount(inPerSecond)} in/s, ${formatCount(outPerSecond)} out/s`;
}

function waiting({ depth, leftMs, ...queue }: RunStats['queues'][string]): string {
  const ahead = leftMs === undefined ? '' : `, full in ${roughTime(leftMs)}`;
  return `${formatCount(depth)} batches, ${amount(queue)}${ahead}`;
}

function amount({ rows, bytes }: { readonly rows: number; readonly bytes: number }): string {
  return `${formatCount(rows)} rows, ${formatBytes(bytes)}`;
}

/** Percentiles of which the table leaves out some where it is too wide: p50, p50 now, p99, p95. */
const spareLatencies = [4, 1, 6, 5];

function latencyLines(
  { work, wait, endToEnd, recent }: ComponentReport,
  width: number,
  style: Style,
): string[] {
  const measured: [string, Latency, RecentLatency | undefined][] = [
    ['work', work, recent?.work],
    ['wait', wait, recent?.wait],
    ['end to end', endToEnd, recent?.endToEnd],
  ];
  const rows = measured
    .filter(([, { count }]) => count > 0)
    .map(([title, all, last]) => {
      const late = [last?.p50Ms, last?.p95Ms, last?.p99Ms];
      const ever = [all.p50Ms, all.p95Ms, all.p99Ms, all.maxMs];
      return [title.padEnd(10), ...late.map(timeText), ...ever.map(timeText)];
    });
  if (rows.length === 0) return ['no batch was measured yet'];
  const titles = ['', 'p50 now', 'p95 now', 'p99 now', 'p50', 'p95', 'p99', 'max'];
  const right = new Set([1, 2, 3, 4, 5, 6, 7]);
  const table = fitTable([titles, ...rows], { right, spare: spareLatencies, width });
  const [head = '', ...lines] = table;
  return [style('dim', head), ...lines];
}

function timeText(ms: number | null | undefined): string {
  return ms == null ? '–' : formatDuration(ms);
}

function countLines(report: ComponentReport, width: number): string[] {
  const { created, absorbed, dropped, dead, held, undelivered, unaccounted } = report;
  const ledger = Object.entries({
    in: report.in,
    created,
    out: report.out,
    absorbed,
    dropped,
    dead,
    held: held ?? 0,
    'on their way': undelivered,
    'NOT ACCOUNTED FOR': unaccounted,
  }).filter(([term, rows]) => rows !== 0 || term === 'in' || term === 'out');
  const counted = (title: string, counts: Readonly<Record<string, number>>): string[] => {
    const parts = Object.entries(counts).map(([of, count]) => `${of} ${formatCount(count)}`);
    return parts.length === 0 ? [] : labelled(title, parts.join(', '), width);
  };
  return [
    ...counted('ledger', Object.fromEntries(ledger)),
    ...counted('errors', report.errors),
    ...counted('dropped', report.droppedBy),
    ...counted('counted', report.counts),
    ...policyLines(report, width),
  ];
}

function policyLines({ policy }: ComponentReport, width: number): string[] {
  const parts = policy === undefined ? [] : callParts(policy);
  if (policy === undefined || parts.length === 0) return [];
  return labelled('policy', [`${formatCount(policy.calls)} calls`, ...parts].join(', '), width);
}

const breakersShown = 20;
/** What the figures of a breaker take beside its name, and those of a sensor. */
const [breakerFiguresWidth, sensorFiguresWidth] = [48, 56];

function breakerLines({ policy }: ComponentReport, width: number, style: Style): string[] {
  if (policy === undefined) return [];
  const { breakers, left } = troubledBreakers(policy);
  if (breakers.length === 0) return [];
  const shown = breakers.slice(0, breakersShown);
  const cells = shown.map(({ id, state, opens, openMs, refused }) => [
    `  ${shortened(id, Math.max(16, width - breakerFiguresWidth))}`,
    state,
    formatCount(opens),
    formatDuration(openMs),
    formatCount(refused),
  ]);
  const titles = ['', '', 'opened', 'open for', 'refused'];
  const [head = '', ...lines] = alignColumns([titles, ...cells], new Set([2, 3, 4]));
  const others = left + breakers.length - shown.length;
  return [
    style('dim', head),
    ...lines.map((line, at) => (shown[at]!.state === 'closed' ? line : style('yellow', line))),
    ...(others > 0 ? [`  and ${formatCount(others)} more, no less well`] : []),
  ];
}

const sensorsShown = 20;

/** How many there are in each state, and those that are least well. */
function sensorLines(
  { sensors }: ComponentReport,
  { nowMs, width }: { readonly nowMs: number; readonly width: number },
  style: Style,
): string[] {
  if (sensors === undefined || sensors.total === 0) return [];
  const { total, byState, worst } = sensors;
  const counts = Object.entries(byState)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${formatCount(count)} ${state}`);
  const cells = worst
    .slice(0, sensorsShown)
    .map(({ id, state, since, value, reason, breaker }) => [
      `  ${shortened(id, Math.max(16, width - sensorFiguresWidth))}`,
      state,
      secondsText(nowMs - since),
      value === null ? '–' : String(value),
      reason ?? '',
      breaker === undefined || breaker === 'closed' ? '' : `breaker ${breaker}`,
    ]);
  const lines = alignColumns(cells, new Set([2, 3])).map((line, at) =>
    worst[at]!.state === 'live' ? line : style('yellow', line),
  );
  const left = total - lines.length;
  const below = left > 0 ? [`  and ${formatCount(left)} more, no less well`] : [];
  return [`  ${counts.join(', ')}`, ...lines, ...below];
}

function slowLines(id: string, { slowestBatches, at }: RunStats): string[] {
  return slowestBatches
    .filter(({ component }) => component === id)
    .map(({ ms, rows, at: doneAt }) => {
      const ago = formatDuration(Math.max(0, at - doneAt));
      return `  ${formatDuration(ms)} for ${formatCount(rows)} rows, ${ago} ago`;
    });
}

function failureLines(id: string, { lastFailures, at }: RunStats, width: number): string[] {
  return lastFailures
    .filter(({ stage }) => stage === id)
    .slice(-5)
    .flatMap(({ reason, message, at: failedAt }) => {
      const ago = formatDuration(Math.max(0, at - failedAt));
      return labelled('', `${reason}, ${ago} ago: ${message}`, width);
    })
    .map((line) => `  ${line.trimStart()}`);
}

function optionLines(node: TopologyNode | undefined): string[] {
  const { options } = node ?? {};
  if (typeof options !== 'object' || options === null) return [];
  if (Object.keys(options).length === 0) return [];
  const text = stringify(options, { lineWidth: 0 }).trimEnd();
  return text.split('\n').map((line) => `  ${line}`);
}

function fieldLines(node: TopologyNode | undefined): string[] {
  return (node?.output ?? []).map(
    ({ name, kind, nullable }) => `  ${name}: ${kind}${nullable ? '?' : ''}`,
  );
}

function behind({ value, unit }: Lag): string {
  return unit === 'bytes' ? formatBytes(value) : `${formatCount(value)} ${unit}`;
}
