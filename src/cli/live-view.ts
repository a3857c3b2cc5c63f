import { own } from '../core/own.ts';
import { escapeControls } from '../core/plain-text.ts';
import type { RunStats } from '../observe/snapshot.ts';
import { historyMax, Readings } from './live-readings.ts';
import { recordsPerSecond } from './rate.ts';
import { colouredGauge, type Style } from './terminal.ts';
import {
  atMost,
  clipLine,
  fitTable,
  formatBytes,
  formatCount,
  gauge,
  joinParts,
  sparkline,
} from './text.ts';

const gaugeWidth = 10;
const trendWidthMin = 8;
/** Readings that components make room for. */
const readingsWanted = 5;
/** Of the columns of components, so that they do not move with every figure. */
const titleWidths = [0, 0, 9, 10, 7, 6, 0];
const rightColumns = new Set([2, 3, 4, 5]);
/** What the components' table leaves out: kind, p95 ms, queue, dropped. */
const spareColumns = [1, 5, 6, 4];

/**
 * What a person sees of a run that goes on: the components with their rates, and the newest reading
 * of each sensor. Fed with the batches that sinks take and with the run's figures.
 */
export class LiveView {
  /** Fed by who makes the view. */
  readonly readings: Readings = new Readings();
  readonly #style: Style;

  constructor(style: Style) {
    this.#style = style;
  }

  /** The picture as lines that fit a terminal of that size, where the cursor takes the last. */
  lines(stats: RunStats, columns: number, rows: number): string[] {
    const head = this.#headLines(stats, columns);
    const degraded = Object.entries(stats.degraded).map(([id, reason]) =>
      this.#style('yellow', `  ! ${escapeControls(`${id}: ${reason}`)}`),
    );
    const [titles = '', ...components] = this.#componentLines(stats, columns);
    const readings = Math.min(this.readings.sensors.length, readingsWanted);
    const room = Math.max(1, rows - 1) - head.length - degraded.length - 1;
    const below = readings === 0 ? 0 : readings + 2;
    const isTight = components.length + 2 + below > room;
    const blank = isTight ? [] : [''];
    const kept = isTight ? Math.max(1, room - Math.min(below, Math.ceil(room / 2))) : room;
    const shown = atMost(components, kept, (count) => `  and ${count} more components`);
    const rest = room - shown.length - 2 * blank.length;
    return [
      ...head,
      ...blank,
      this.#style('dim', titles),
      ...shown,
      ...degraded,
      ...blank,
      ...this.#readingLines(stats, columns, rest),
    ]
      .slice(0, Math.max(1, rows - 1))
      .map((line) => clipLine(line, columns - 1));
  }

  #headLines(stats: RunStats, columns: number): string[] {
    const parts = [
      escapeControls(stats.pipeline),
      stats.status,
      `${Math.floor(stats.durationMs / 1000)} s`,
      `${formatCount(recordsPerSecond(stats))} records/s`,
      `${formatCount(stats.recordsIn)} in`,
      `${formatCount(stats.recordsOut)} out`,
      `${formatCount(stats.deadLetters)} dead letters`,
    ];
    const [first = '', ...others] = joinParts(parts, columns);
    return [this.#style('bold', first), ...others.map((other) => `  ${other}`)];
  }

  /** A title line and a line for each component, with the columns that there is room for. */
  #componentLines(stats: RunStats, columns: number): string[] {
    const titles = ['component', 'kind', 'rows/s', 'out', 'dropped', 'p95 ms', 'queue'];
    const rows = stats.components.map(({ id, kind, perSecond, out, dropped, work }) => {
      const rate = formatCount(perSecond);
      const counts = [formatCount(out), formatCount(dropped)];
      const fill = own(stats.queues, id)?.fill;
      const queue = fill === undefined ? '' : gauge(fill, gaugeWidth);
      return [escapeControls(id), kind, rate, ...counts, work.p95Ms?.toFixed(2) ?? '–', queue];
    });
    const table = [titles.map((title, at) => title.padStart(titleWidths[at]!)), ...rows];
    const options = { right: rightColumns, spare: spareColumns, width: columns - 3 };
    return fitTable(table, options).map(
      (line) => `  ${line.replace(/[█░]+$/, (bar) => colouredGauge(bar, this.#style))}`,
    );
  }

  /** Grouped by source, in the order of the pipeline. */
  #readingLines(stats: RunStats, columns: number, room: number): string[] {
    const { sensors, anomalies } = this.readings;
    if (sensors.length === 0 || room < 1) return [];
    const order = stats.components.map(({ id }) => id);
    const all = sensors.sort((a, b) => order.indexOf(a.source) - order.indexOf(b.source));
    const shown = all.slice(0, Math.max(0, room - 2));
    const trendWidth = Math.min(historyMax, Math.max(trendWidthMin, columns - 58));
    const trendTitle = (trendWidth < 13 ? 'trend' : 'last readings').padEnd(trendWidth);
    const title = `  ${'sensor'.padEnd(20)}${'value'.padStart(14)}  ${trendTitle}  anomalies`;
    const lines = shown.map((sensor) => {
      const { history, unit } = sensor.shown;
      const value = measured(history.at(-1)!, unit).padStart(14);
      const flags =
        sensor.anomalies === 0
          ? ''
          : this.#style('red', `${sensor.anomalies} (${escapeControls(sensor.lastAnomaly)})`);
      const trend = sparkline(history.slice(-trendWidth)).padEnd(trendWidth);
      const name = escapeControls(sensor.key).slice(0, 19).padEnd(20);
      return `  ${name}${value}  ${this.#style('cyan', trend)}  ${flags}`;
    });
    const more = all.length - shown.length;
    const total = `${formatCount(anomalies)} anomalies in all`;
    const foot = more > 0 ? `  and ${more} more sensors; ${total}` : `  ${total}`;
    const table = lines.length === 0 ? [] : [this.#style('dim', title), ...lines];
    return [...table, this.#style('dim', foot)];
  }
}

/** A value with its unit: bytes as people read them, `1` as no unit. */
function measured(value: number, unit: string): string {
  if (unit === 'B' || unit === 'B/s') return formatBytes(Math.round(value)) + unit.slice(1);
  return unit === '1' ? shortNumber(value) : `${shortNumber(value)} ${escapeControls(unit)}`;
}

function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return value.toExponential(2);
  return value.toFixed(size >= 1000 ? 0 : size >= 10 ? 1 : 2);
}
