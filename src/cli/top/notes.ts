import { own } from '../../core/own.ts';
import type { Alert } from '../../observe/alerts/alert.ts';
import type { ShippedRule } from '../../observe/alerts/shipped.ts';
import type { Health } from '../../observe/health.ts';
import { roughTime } from '../../observe/rough-time.ts';
import type { ComponentReport, RunStats } from '../../observe/snapshot.ts';
import type { Style } from '../terminal.ts';
import { formatCount, wrapText } from '../text.ts';
import type { Seen } from './feed.ts';
import { secondsText } from './head.ts';

/** What the run failed with, in full. */
export function runFailureLines(
  { stats: { failure } }: Seen,
  columns: number,
  style: Style,
): string[] {
  if (failure === null) return [];
  const { component, text } = failure;
  const where = component === null ? '' : `${component}: `;
  return wrapText(`✗ ${where}${text}`, columns, 0, 2).map((line) => style('red', line));
}

/** Alerts, and one line for each component that is not well, as short as the width asks for. */
export function noteLines({ stats, health }: Seen, columns: number, style: Style): string[] {
  const alerts = stats.alerts.map((alert) => alertLine(alert, stats.at, columns, style));
  // Why it is not ready, its status says; a stall is a reason for several words.
  const reasons = (health?.reasons ?? []).filter(({ of }) => of !== 'ready');
  const lines = [...Map.groupBy(reasons, ({ component = '' }) => component)].flatMap(
    ([component, of]) => {
      if (component === '') return of.map(({ text }) => `! ${text}`);
      const parts = troublesOf(component, of, stats);
      const shorter = parts.map((_, at) => parts.slice(0, parts.length - at).join(', '));
      const forms = shorter.map((text) => `! ${component}: ${text}`);
      return parts.length === 0 ? [] : fitting(forms, columns);
    },
  );
  const format = health?.alive === false ? 'red' : 'yellow';
  const told = [...alerts, ...[...new Set(lines)].map((line) => style(format, line))];
  return [...told, ...queueLines(stats).map((line) => style('yellow', line))];
}

const queueRule: ShippedRule = 'queue-saturation';

/** Queues that fill, where no alert says it. */
function queueLines({ queues, alerts }: RunStats): string[] {
  const isTold = (id: string): boolean =>
    alerts.some(({ rule, component }) => rule === queueRule && component === id);
  return Object.entries(queues).flatMap(([id, { leftMs }]) =>
    leftMs === undefined || isTold(id) ? [] : [`! ${id}: queue full in ${roughTime(leftMs)}`],
  );
}

function alertLine(alert: Alert, nowMs: number, columns: number, style: Style): string {
  const { severity, state, rule, component, text, sinceMs } = alert;
  const isFiring = state === 'firing';
  const word = (isFiring ? severity : 'pending').padEnd(8);
  const where = component === '' ? '' : `${component}: `;
  const since = secondsText(nowMs - sinceMs);
  const what = `${word} ${where}${rule}`;
  const line = fitting(
    [`${what} ${text} (${since})`, `${what} ${text}`, `${what} (${since})`],
    columns,
  );
  return isFiring ? style(severity === 'CRITICAL' ? ['bold', 'red'] : 'yellow', line) : line;
}

/** The first that fits, or else the last. */
function fitting(lines: readonly string[], columns: number): string {
  return lines.find(({ length }) => length <= columns) ?? lines.at(-1)!;
}

/** What is wrong with a component, what says most first; nothing where an alert says it all. */
function troublesOf(id: string, reasons: Health['reasons'], stats: RunStats): readonly string[] {
  const report = stats.components.find((one) => one.id === id);
  const texts = reasons.map(({ text }) => text);
  const what = report && (sensorsText(report) ?? breakersText(report, stats));
  if (what === undefined) {
    const left = texts.length - 1;
    return left > 1 ? [texts[0]!, `and ${left} reasons more`] : texts;
  }
  // Of breakers and fallbacks it says what their reasons do, of each breaker its own.
  const others = reasons.filter(({ of }) => of !== 'degraded').map(({ text }) => text);
  const degraded = own(stats.degraded, id);
  const substituted = report?.policy?.substituted ?? 0;
  return [
    ...(what === '' ? [] : [what]),
    ...others,
    ...(degraded === undefined ? [] : [degraded]),
    ...(substituted > 0 ? [`${formatCount(substituted)} substitutes so far`] : []),
  ];
}

function sensorsText({ sensors, policy }: ComponentReport): string | undefined {
  if (sensors === undefined) return undefined;
  const ill = sensors.total - sensors.byState.live;
  if (ill === 0) return undefined;
  const are = (policy?.substituted ?? 0) > 0 ? 'substituted' : 'not live';
  return `${formatCount(ill)} of ${formatCount(sensors.total)} sensors ${are}`;
}

const breakerRule: ShippedRule = 'open-breaker';

/** Empty where an alert says it. */
function breakersText({ id, policy }: ComponentReport, { alerts }: RunStats): string | undefined {
  if (policy === undefined) return undefined;
  const { total, byState } = policy.breakers;
  const open = total - byState.closed;
  if (open === 0) return undefined;
  const isTold = alerts.some(
    ({ rule, component, state }) => rule === breakerRule && component === id && state === 'firing',
  );
  return isTold ? '' : `${formatCount(open)} of ${formatCount(total)} breakers open`;
}
