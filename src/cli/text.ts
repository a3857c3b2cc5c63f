import { alignColumns } from '../core/plain-text.ts';

/** `1,234,567` */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
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
