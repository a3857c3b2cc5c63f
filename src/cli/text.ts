import { stripVTControlCharacters } from 'node:util';

import { alignColumns, escapeControls } from '../core/plain-text.ts';

/** `1,234,567` */
export function formatCount(count: number): string {
  // Not `toLocaleString`, whose first call loads 20 ms of locales.
  return String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1.5 MB`: decimal units, as disks and networks are measured. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

/** `8.31 ms`, `1.23 s`, `2 min 05 s`, `1 h 02 min`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Number(ms.toPrecision(3))} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  if (minutes < 60) return `${minutes} min ${pad(rest)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

const bars = '▁▂▃▄▅▆▇█';

/** Values as a row of bars, from the least to the greatest of them. */
export function sparkline(values: readonly number[]): string {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return values
    .map((value) => bars[span === 0 ? 0 : Math.round(((value - low) / span) * (bars.length - 1))])
    .join('');
}

/** A share from 0 to 1 as a bar of so many cells. */
export function gauge(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** As many lines as there is room for; the last of them says how many are left out. */
export function atMost(
  lines: readonly string[],
  room: number,
  left: (count: number) => string,
): readonly string[] {
  if (lines.length <= room) return lines;
  const shown = lines.slice(0, Math.max(0, room - 1));
  return [...shown, left(lines.length - shown.length)];
}

/** Parts with dots between them, styled or not, as lines that are narrower than so many columns. */
export function joinParts(parts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? part : `${line} · ${part}`;
    if (line === '' || stripVTControlCharacters(longer).length < columns) {
      line = longer;
    } else {
      lines.push(line);
      line = part;
    }
  }
  return [...lines, line];
}

/** Cuts a styled line to a width, which its last character says; a style left open is closed. */
export function clipLine(line: string, columns: number): string {
  const isCut = (stripVTControlCharacters(line).match(/./gsu)?.length ?? 0) > columns;
  let width = 0;
  let clipped = '';
  for (const [part] of line.matchAll(/\u001B\[[\d;]*m|./gsu)) {
    if (part.startsWith('\u001B')) clipped += part;
    else if (width < columns) {
      width++;
      clipped += isCut && width === columns ? '…' : part;
    }
  }
  return clipped;
}

/** A name without its middle where it is longer than `width`: names that are made differ in their ends. */
export function shortened(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = Math.floor(width / 2) - 1;
  return `${text.slice(0, width - 1 - end)}…${text.slice(-end)}`;
}

const labelWidth = 12;

/** Text beside a label, with its further lines below its first. */
export function labelled(label: string, text: string, width: number): string[] {
  const lines = wrapText(escapeControls(text), width, labelWidth);
  return lines.map((line, at) =>
    at === 0 ? `${label.padEnd(labelWidth)}${line.slice(labelWidth)}` : line,
  );
}

/** How a table is set. */
export interface TableOptions {
  /** Columns set right. */
  readonly right: ReadonlySet<number>;
  /** Columns that are left out where the table is wider than `width`, first to last. */
  readonly spare: readonly number[];
  readonly width: number;
}

/** Rows of cells as lines, with the columns that there is room for. */
export function fitTable(
  rows: readonly (readonly string[])[],
  { right, spare, width }: TableOptions,
): string[] {
  const all = rows[0]?.map((_, at) => at) ?? [];
  for (let spared = 0; ; spared++) {
    const left = spare.slice(0, spared);
    const shown = all.filter((at) => !left.includes(at));
    const lines = alignColumns(
      rows.map((row) => shown.map((at) => row[at]!)),
      new Set(shown.flatMap((at, place) => (right.has(at) ? [place] : []))),
    );
    const widest = Math.max(0, ...lines.map(({ length }) => length));
    if (widest <= width || spared >= spare.length) return lines;
  }
}

/**
 * Text as lines of at most `width` characters, the first behind `indent` blanks and the others
 * behind `hanging`; a longer word is a line of its own.
 */
export function wrapText(
  text: string,
  width: number,
  indent: number,
  hanging: number = indent,
): string[] {
  const lines: string[] = [];
  let blanks = ' '.repeat(indent);
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line !== '' && blanks.length + line.length + 1 + word.length > width) {
      lines.push(blanks + line);
      blanks = ' '.repeat(hanging);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return line === '' ? lines : [...lines, blanks + line];
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
