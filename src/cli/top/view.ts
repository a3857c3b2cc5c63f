import { hasEnded } from '../../observe/snapshot.ts';
import type { Style } from '../terminal.ts';
import { clipLine, joinParts, wrapText } from '../text.ts';
import { columnCount, columnsOf } from './columns.ts';
import { componentLines } from './component-page.ts';
import type { Seen } from './feed.ts';
import type { Row } from './figures.ts';
import { headLines } from './head.ts';
import type { Key } from './keys.ts';
import { runFailureLines, noteLines } from './notes.ts';
import { bodyLines, type Sort, sorted, tableLines, troubledIn } from './overview.ts';

/** What a picture is to fit. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What a key asks of the program; the rest the view sees to. */
export type Asked = 'quit' | 'suspend' | undefined;

type Page = 'overview' | 'component' | 'help';

const keyLine = 'q quit · ? help · Enter open · ↑↓ choose · ←→ sort · r reverse · p pause';
const pageKeyLine = 'q quit · Esc back · ↑↓ scroll · ←→ other component · p pause';
const helpLines = [
  'Keys',
  '  ↑ ↓ PgUp PgDn Home End   choose a component (also j, k)',
  '  Enter                    open it; Esc goes back',
  '  ← → or < >               sort by another column; 0 to 8 for one of them,',
  '                           0 is the order of the flow',
  '  r                        the other way round',
  '  p or blank               pause the view; the run goes on',
  '  q or Ctrl-C              quit; the run goes on',
  '',
  'Figures are of the last 10 s, p95 of the last second, errors of the whole run;',
  'those of a run that has ended are all of the whole run.',
  '  ◆ ! ✗  what holds up the rest; what an alert or the health is about; what the',
  '         run failed in',
  '  queue  ███░░░ how full the queue before it is',
  '  state  █ at work, ▓ waiting for the outside, ▒ blocked by what comes after it,',
  '         · waiting for input',
  'Red is a component with errors in the last 10 s.',
];

function helpIn(line: string, columns: number): string[] {
  if (line.length <= columns) return [line];
  const indent = line.length - line.trimStart().length;
  return wrapText(line, columns, indent, indent + 2);
}

/** The picture of a run, and what keys have made of it. */
export class TopView {
  readonly #style: Style;
  #sort: Sort = { column: null, isReversed: false };
  /** The component that is chosen; the worst where none is, or that is gone. */
  #chosen: string | undefined;
  #page: Page = 'overview';
  #scroll = 0;
  /** What is shown while the view is paused. */
  #held: Seen | undefined;
  #seen: Seen | undefined;
  #rowsShown = 10;

  constructor(style: Style) {
    this.#style = style;
  }

  /** The whole of it at once, with nothing that only keys can do; what is wrong is not cut. */
  all(seen: Seen, columns: number): string[] {
    const style = this.#style;
    const notes = [...runFailureLines(seen, columns, style), ...noteLines(seen, Infinity, style)];
    const table = tableLines(
      {
        rows: seen.rows,
        shown: columnsOf(hasEnded(seen.stats.status)),
        sort: this.#sort,
        troubled: troubledIn(seen),
        chosen: undefined,
        columns,
        room: Infinity,
      },
      style,
    );
    const between = notes.length === 0 ? [] : [''];
    return [...headLines(seen, false, columns, style), ...between, ...notes, '', ...table];
  }

  /** What a window shows now. */
  lines(latest: Seen, { columns, rows }: Size): string[] {
    // How old they are goes on, and whether there is a server.
    const { ageMs, away } = latest;
    this.#seen = this.#held === undefined ? latest : { ...this.#held, ageMs, away };
    const head = headLines(this.#seen, this.#held !== undefined, columns, this.#style);
    const headMax = Math.max(1, Math.floor(rows > 11 ? rows / 3 : rows / 4));
    const keys = joinParts(this.#footText().split(' · '), columns)[0]!;
    const foot = rows > 5 ? [this.#style('dim', keys)] : [];
    const above = rows > 11 ? [...head.slice(0, headMax), ''] : head.slice(0, headMax);
    const room = Math.max(0, rows - above.length - foot.length);
    const body = this.#bodyLines(this.#seen, { columns, rows: room }).slice(0, room);
    const gap = Array.from({ length: foot.length === 0 ? 0 : room - body.length }, () => '');
    return [...above, ...body, ...gap, ...foot]
      .slice(0, Math.max(1, rows))
      .map((line) => clipLine(line, columns));
  }

  press(key: Key): Asked {
    if (key === 'q' || key === 'interrupt') return 'quit';
    if (key === 'suspend') return 'suspend';
    if (key === 'p' || key === ' ') {
      this.#held = this.#held === undefined ? this.#seen : undefined;
    } else if (key === '?' || key === 'h') {
      this.#open(this.#page === 'help' ? 'overview' : 'help');
    } else if (key === 'escape' || key === 'backspace') this.#open('overview');
    else if (this.#page === 'overview') this.#pressOverview(key);
    else this.#pressPage(key);
    return undefined;
  }

  #open(page: Page): void {
    this.#page = page;
    this.#scroll = 0;
  }

  #footText(): string {
    if (this.#page === 'component') return pageKeyLine;
    return this.#page === 'help' ? 'q quit · Esc back' : keyLine;
  }

  #bodyLines(seen: Seen, { columns, rows }: Size): string[] {
    if (this.#page === 'overview') return this.#overviewLines(seen, { columns, rows });
    const chosen = this.#chosenIn(seen, seen.rows);
    const row = seen.rows.find(({ report }) => report.id === chosen);
    const lines =
      this.#page === 'help' || row === undefined
        ? helpLines.flatMap((line) => helpIn(line, columns))
        : componentLines(row, seen, columns, this.#style);
    this.#scroll = Math.max(0, Math.min(this.#scroll, lines.length - rows));
    this.#rowsShown = rows;
    return lines.slice(this.#scroll, this.#scroll + rows);
  }

  #overviewLines(seen: Seen, { columns, rows: room }: Size): string[] {
    const style = this.#style;
    const sort = this.#sort;
    const rows = sorted(seen, sort);
    const shown = columnsOf(hasEnded(seen.stats.status));
    const troubled = troubledIn(seen);
    const table = (tableRoom: number): string[] => {
      this.#rowsShown = Math.max(1, tableRoom - 2);
      const chosen = this.#chosenIn(seen, rows);
      return tableLines({ rows, shown, sort, troubled, chosen, columns, room: tableRoom }, style);
    };
    const notes = [...runFailureLines(seen, columns, style), ...noteLines(seen, columns, style)];
    return bodyLines(notes, table, rows.length + 1, room);
  }

  #pressOverview(key: Key): void {
    if (key === 'enter') {
      // It stays, whatever is the worst meanwhile.
      this.#choose(0);
      this.#open('component');
    } else if (key === 'r') this.#sort = { ...this.#sort, isReversed: !this.#sort.isReversed };
    else if (key === 'right' || key === '>') this.#sortNext(1);
    else if (key === 'left' || key === '<') this.#sortNext(-1);
    else if (/^\d$/.test(key) && Number(key) <= columnCount) {
      this.#sort = { column: key === '0' ? null : Number(key) - 1, isReversed: false };
    } else this.#choose(this.#stepOf(key));
  }

  #pressPage(key: Key): void {
    if (key === 'right') this.#choose(1);
    else if (key === 'left') this.#choose(-1);
    else this.#scroll += this.#stepOf(key);
  }

  /** How far a key goes; more than there is, to an end. */
  #stepOf(key: Key): number {
    const steps: Readonly<Record<Key, number>> = {
      up: -1,
      k: -1,
      down: 1,
      j: 1,
      'page-up': -this.#rowsShown,
      'page-down': this.#rowsShown,
      home: -1e9,
      end: 1e9,
    };
    return steps[key] ?? 0;
  }

  #chosenIn(seen: Seen, rows: readonly Row[]): string | undefined {
    const isThere = (id: string | undefined): boolean =>
      rows.some(({ report }) => report.id === id);
    if (isThere(this.#chosen)) return this.#chosen;
    return [...troubledIn(seen)].find(isThere) ?? rows[0]?.report.id;
  }

  #choose(step: number): void {
    if (this.#seen === undefined) return;
    const rows = sorted(this.#seen, this.#sort);
    const chosen = this.#chosenIn(this.#seen, rows);
    const at = rows.findIndex(({ report }) => report.id === chosen);
    const next = Math.max(0, Math.min(rows.length - 1, at + step));
    this.#chosen = rows[next]?.report.id;
  }

  /** To the next column, or behind the last of them to the order of the flow. */
  #sortNext(step: number): void {
    const count = columnCount + 1;
    const at = this.#sort.column === null ? 0 : this.#sort.column + 1;
    const next = (at + step + count) % count;
    this.#sort = { column: next === 0 ? null : next - 1, isReversed: false };
  }
}
