import { styleText } from 'node:util';

import type { Batch } from '../batch/index.ts';
import type { ComponentReport, RunStats } from '../engine/index.ts';
import { formatBytes, formatCount } from './text.ts';

const historyMax = 24;
const keysMax = 1000;
const bars = '▁▂▃▄▅▆▇█';

interface Latest {
  readonly source: string;
  readonly key: string;
  value: number;
  unit: string;
  readonly history: number[];
  anomalies: number;
  lastAnomaly: string;
}

/**
 * What a person sees of a run that goes on: the components with their rates, and the newest reading
 * of each sensor. Fed with the batches that sinks take and with the run's figures.
 */
export class LiveView {
  readonly #latest = new Map<string, Latest>();
  #before: RunStats | undefined;
  readonly #rates = new Map<string, number>();
  #anomalies = 0;

  /** Keeps the newest reading of each key: the first category field, the first float64 field. */
  watch(batch: Batch): void {
    const { fields } = batch.schema;
    const key = fields.find(({ kind }) => kind === 'category')?.name;
    const value = fields.find(({ kind }) => kind === 'float64')?.name;
    if (key === undefined || value === undefined) return;
    const keys = batch.column(key);
    const values = batch.column(value);
    const units = batch.schema.has('unit') ? batch.column('unit') : undefined;
    const flags = batch.schema.has('anomaly') ? batch.column('anomaly') : undefined;
    const reasons = batch.schema.has('anomalyReason') ? batch.column('anomalyReason') : undefined;
    for (let at = 0; at < batch.length; at++) {
      const row = batch.rows[at]!;
      const number = values.value(row);
      if (typeof number !== 'number') continue;
      const latest = this.#latestOf(batch.origin.source, String(keys.value(row)));
      if (latest === undefined) continue;
      latest.value = number;
      latest.unit = String(units?.value(row) ?? '');
      latest.history.push(number);
      if (latest.history.length > historyMax) latest.history.shift();
      if (flags?.value(row) === true) {
        this.#anomalies++;
        latest.anomalies++;
        latest.lastAnomaly = String(reasons?.value(row) ?? 'anomaly');
      }
    }
  }

  /** The picture as lines that fit a terminal of that size. */
  lines(stats: RunStats, columns: number, rows: number): string[] {
    this.#measure(stats);
    const components = stats.components.map((component) => this.#componentLine(component, stats));
    const head = [this.#headLine(stats), ''];
    const degraded = Object.entries(stats.degraded).map(([id, reason]) =>
      styleText('yellow', `  ! ${id}: ${reason}`),
    );
    const above = [...head, componentHeader(), ...components, ...degraded, ''];
    const room = Math.max(0, rows - above.length - 3);
    return [...above, ...this.#readingLines(stats, room)].map((line) => clip(line, columns));
  }

  #latestOf(source: string, key: string): Latest | undefined {
    const id = JSON.stringify([source, key]);
    let latest = this.#latest.get(id);
    if (latest === undefined && this.#latest.size < keysMax) {
      latest = { source, key, value: 0, unit: '', history: [], anomalies: 0, lastAnomaly: '' };
      this.#latest.set(id, latest);
    }
    return latest;
  }

  #measure(stats: RunStats): void {
    const before = this.#before;
    const seconds = (stats.durationMs - (before?.durationMs ?? 0)) / 1000;
    if (seconds < 0.4 && before !== undefined) return;
    for (const { id, kind, ...component } of stats.components) {
      const side = kind === 'source' ? 'out' : 'in';
      const earlier = before?.components.find((other) => other.id === id)?.[side] ?? 0;
      this.#rates.set(id, seconds > 0 ? (component[side] - earlier) / seconds : 0);
    }
    this.#before = stats;
  }

  #headLine(stats: RunStats): string {
    const rate = stats.components
      .filter(({ kind }) => kind === 'source')
      .reduce((sum, { id }) => sum + (this.#rates.get(id) ?? 0), 0);
    const parts = [
      styleText('bold', stats.pipeline),
      stats.status,
      `${Math.floor(stats.durationMs / 1000)} s`,
      `${formatCount(rate)} records/s`,
      `${formatCount(stats.recordsIn)} in`,
      `${formatCount(stats.recordsOut)} out`,
      `${formatCount(stats.deadLetters)} dead letters`,
    ];
    return parts.join(styleText('dim', '  ·  '));
  }

  #componentLine({ id, kind, out, dropped, p95Ms }: ComponentReport, stats: RunStats): string {
    const fill = stats.queues[id]?.fill;
    const queue = fill === undefined ? ' '.repeat(10) : gauge(fill, 10);
    const rate = formatCount(this.#rates.get(id) ?? 0);
    const cells = [
      rate.padStart(10),
      formatCount(out).padStart(12),
      formatCount(dropped).padStart(10),
    ];
    const latency = p95Ms === null ? '–' : p95Ms.toFixed(2);
    return `  ${id.padEnd(18)}${styleText('dim', kind.padEnd(13))}${cells.join('')}${latency.padStart(9)}  ${queue}`;
  }

  /** Grouped by source, in the order of the pipeline. */
  #readingLines(stats: RunStats, room: number): string[] {
    const order = stats.components.map(({ id }) => id);
    const all = [...this.#latest.values()].sort(
      (a, b) => order.indexOf(a.source) - order.indexOf(b.source),
    );
    const title = `  ${'sensor'.padEnd(20)}${'value'.padStart(14)}  ${'last readings'.padEnd(historyMax)}  anomalies`;
    const shown = all.slice(0, Math.max(0, room - 2));
    const lines = shown.map((latest) => {
      const value = measured(latest.value, latest.unit).padStart(14);
      const anomalies =
        latest.anomalies === 0
          ? ''
          : styleText('red', `${latest.anomalies} (${latest.lastAnomaly})`);
      const trend = styleText('cyan', sparkline(latest.history).padEnd(historyMax));
      return `  ${printable(latest.key).slice(0, 19).padEnd(20)}${value}  ${trend}  ${anomalies}`;
    });
    const more = all.length - shown.length;
    const total = `${formatCount(this.#anomalies)} anomalies in all`;
    const foot = more > 0 ? `  and ${more} more sensors; ${total}` : `  ${total}`;
    return all.length === 0 ? [] : [styleText('dim', title), ...lines, styleText('dim', foot)];
  }
}

/** Draws pictures in place of one another at the end of a terminal. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  #drawn = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  get columns(): number {
    return this.#out.columns ?? 80;
  }

  get rows(): number {
    return this.#out.rows ?? 24;
  }

  draw(lines: readonly string[]): void {
    const up = this.#drawn === 0 ? '' : `\u001B[${this.#drawn}A`;
    // Each line clears what was behind it; the last clears what was below.
    this.#out.write(`${up}${lines.map((line) => `\r${line}\u001B[K\n`).join('')}\u001B[J`);
    this.#drawn = lines.length;
  }

  clear(): void {
    if (this.#drawn > 0) this.#out.write(`\u001B[${this.#drawn}A\r\u001B[J`);
    this.#drawn = 0;
  }
}

function componentHeader(): string {
  const cells = [
    'component'.padEnd(18),
    'kind'.padEnd(13),
    'rows/s'.padStart(10),
    'out'.padStart(12),
    'dropped'.padStart(10),
    'p95 ms'.padStart(9),
    '  queue',
  ];
  return styleText('dim', `  ${cells.join('')}`);
}

function gauge(fill: number, width: number): string {
  const full = Math.round(fill * width);
  const colour = fill > 0.9 ? 'red' : fill > 0.5 ? 'yellow' : 'green';
  return styleText(colour, '█'.repeat(full)) + styleText('dim', '░'.repeat(width - full));
}

function sparkline(values: readonly number[]): string {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return values
    .map((value) => bars[span === 0 ? 0 : Math.round(((value - low) / span) * (bars.length - 1))])
    .join('');
}

/** A value with its unit: bytes as people read them, `1` as no unit. */
function measured(value: number, unit: string): string {
  if (unit === 'B' || unit === 'B/s') return formatBytes(Math.round(value)) + unit.slice(1);
  return unit === '1' ? shortNumber(value) : `${shortNumber(value)} ${printable(unit)}`;
}

function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return value.toExponential(2);
  return value.toFixed(size >= 1000 ? 0 : size >= 10 ? 1 : 2);
}

function printable(text: string): string {
  return text.replace(/\p{C}/gu, '·');
}

/** Cuts a styled line to a width; a style left open is closed. */
function clip(line: string, columns: number): string {
  let width = 0;
  let clipped = '';
  // eslint-disable-next-line no-control-regex
  for (const [part] of line.matchAll(/\u001B\[[\d;]*m|./gsu)) {
    if (part.startsWith('\u001B')) clipped += part;
    else if (width < columns) {
      clipped += part;
      width++;
    }
  }
  return clipped;
}
