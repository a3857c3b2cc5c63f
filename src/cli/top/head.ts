import { type ComponentKind, hasEnded, hasFailed, type RunStats } from '../../observe/snapshot.ts';
import type { Style } from '../terminal.ts';
import { formatBytes, formatCount, formatDuration, joinParts, wrapText } from '../text.ts';
import { shortCount } from './columns.ts';
import type { Seen } from './feed.ts';

type Colour = 'red' | 'yellow' | 'green' | 'cyan';

/** Figures come once a second: these are no news. */
const oldMs = 3000;

/** What is said above all else: the run, its state, its rates, and whether that is so still. */
export function headLines(seen: Seen, isPaused: boolean, columns: number, style: Style): string[] {
  const { stats } = seen;
  const [word, format] = wordOf(seen);
  const first = [
    style('bold', stats.pipeline),
    stats.status,
    style(['bold', format], word),
    timeText(stats),
    ...(isPaused ? [style('inverse', 'VIEW PAUSED')] : []),
    ...ageParts(seen, style),
  ];
  return [
    ...joinParts(first, columns),
    ...joinParts(figureParts(seen, style), columns),
    ...awayLines(seen, columns, style),
  ];
}

/** How long it has been at work; where it is over, until when. */
function timeText({ endedAt, durationMs }: RunStats): string {
  const ran = secondsText(durationMs);
  return endedAt === null ? `up ${ran}` : `ran ${ran}, until ${clockText(endedAt)}`;
}

function clockText(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}

function figureParts(seen: Seen, style: Style): string[] {
  const { stats } = seen;
  const { process, deadLetters, components } = stats;
  const isClosed = components.every(({ unaccounted }) => unaccounted === 0);
  const isOver = hasEnded(stats.status);
  return [
    ...(isOver ? totalParts(stats) : rateParts(seen)),
    ...(deadLetters > 0 ? [`${shortCount(deadLetters)} dead letters`] : []),
    isClosed ? 'ledger closed' : style('red', 'LEDGER OPEN'),
    ...breakerParts(stats, style),
    ...(isOver
      ? []
      : [
          `memory ${formatBytes(process.rssBytes)}`,
          `loop ${percent(process.loopUtilization)}`,
          ...bottleneckParts(stats, style),
        ]),
  ];
}

function totalParts({ recordsIn, recordsOut }: RunStats): string[] {
  return [`${formatCount(recordsIn)} in`, `${formatCount(recordsOut)} out`];
}

function rateParts({ rows }: Seen): string[] {
  const perSecond = (of: ComponentKind): string =>
    shortCount(
      rows
        .filter(({ report }) => report.kind === of)
        .reduce((sum, { outPerSecond }) => sum + outPerSecond, 0),
    );
  return [`${perSecond('source')} in/s`, `${perSecond('sink')} out/s`];
}

function bottleneckParts({ lanes }: RunStats, style: Style): string[] {
  const bottleneck = lanes.find((lane) => lane.bottleneck !== null)?.bottleneck;
  return bottleneck == null ? [] : [style('yellow', `bottleneck ◆ ${bottleneck}`)];
}

function breakerParts({ components }: RunStats, style: Style): string[] {
  const [open, trying, closed] = (['open', 'half-open', 'closed'] as const).map((state) =>
    components.reduce((sum, { policy }) => sum + (policy?.breakers.byState[state] ?? 0), 0),
  ) as [number, number, number];
  const total = open + trying + closed;
  if (total === 0) return [];
  const counts = [
    ...(open > 0 ? [style('red', `${open} open`)] : []),
    ...(trying > 0 ? [style('yellow', `${trying} half-open`)] : []),
  ];
  return [counts.length === 0 ? 'breakers closed' : `breakers ${counts.join(', ')} of ${total}`];
}

/** In one word, how the run is. */
function wordOf({ stats: { status, alerts }, health, away }: Seen): [word: string, Colour] {
  if (hasFailed(status)) return ['FAILED', 'red'];
  if (hasEnded(status)) return ['ENDED', 'cyan'];
  if (away !== null || health === undefined) return ['NO ANSWER', 'red'];
  if (!health.alive) return ['NOT ALIVE', 'red'];
  if (health.recovering) return ['RECOVERING', 'yellow'];
  if (health.degraded) return ['DEGRADED', 'yellow'];
  if (health.overloaded) return ['OVERLOADED', 'yellow'];
  return health.ready ? alarmedOf('HEALTHY', alerts) : ['NOT READY', 'yellow'];
}

/** What is well by itself, with the alerts that fire all the same. */
function alarmedOf(word: string, alerts: RunStats['alerts']): [word: string, Colour] {
  const firing = alerts.filter(({ state }) => state === 'firing');
  if (firing.length === 0) return [word, 'green'];
  const { length: critical } = firing.filter(({ severity }) => severity === 'CRITICAL');
  const shown = critical || firing.length;
  const kind = `${critical > 0 ? 'CRITICAL ' : ''}${shown === 1 ? 'ALERT' : 'ALERTS'}`;
  return [`${word}, ${formatCount(shown)} ${kind}`, critical > 0 ? 'red' : 'yellow'];
}

function ageParts({ ageMs, away, stats }: Seen, style: Style): string[] {
  // Those of a run that has ended are its last.
  if (ageMs <= oldMs || (hasEnded(stats.status) && away === null)) return [];
  return [style(['bold', 'red'], `FIGURES ${secondsText(ageMs)} OLD`)];
}

function awayLines({ away }: Seen, columns: number, style: Style): string[] {
  if (away === null) return [];
  const since = clockText(away.sinceMs);
  const text = `no server since ${since} (${secondsText(away.forMs)}), asking again: ${away.why}`;
  return wrapText(text, columns, 0).map((line) => style('red', line));
}

/** A time in whole seconds. */
export function secondsText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000);
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
