import { hasEnded } from '../../observe/snapshot.ts';
import { colouredGauge, type Style } from '../terminal.ts';
import { atMost, fitTable, shortened } from '../text.ts';
import { type Column, columnsOf, spareColumns } from './columns.ts';
import type { Seen } from './feed.ts';
import type { Row } from './figures.ts';

/** By what the table is sorted: the index of a column, or the order of the flow. */
export interface Sort {
  readonly column: number | null;
  readonly isReversed: boolean;
}

/** The rows in the order in which they are shown. */
export function sorted(
  { rows, stats }: Pick<Seen, 'rows' | 'stats'>,
  { column, isReversed }: Sort,
): readonly Row[] {
  if (column === null) return isReversed ? rows.toReversed() : rows;
  const { value } = columnsOf(hasEnded(stats.status))[column]!;
  const ordered = rows.toSorted((a, b) => {
    const [one, other] = [value(a), value(b)];
    if (typeof one === 'number' && typeof other === 'number') return other - one;
    return one < other ? -1 : one > other ? 1 : 0;
  });
  return isReversed ? ordered.reverse() : ordered;
}

/** Ids of the components that something is wrong with, or soon will be, the worst first. */
export function troubledIn({ stats, health }: Seen): ReadonlySet<string> {
  const firing = stats.alerts.filter(({ state }) => state === 'firing');
  const failed = stats.failure?.component;
  return new Set([
    ...(failed == null ? [] : [failed]),
    ...firing.map(({ component }) => component),
    ...(health?.reasons ?? []).map(({ component = '' }) => component),
  ]);
}

/** What the table of components is to show. */
export interface TableView {
  readonly rows: readonly Row[];
  readonly shown: readonly Column[];
  readonly sort: Sort;
  readonly troubled: ReadonlySet<string>;
  /** The id of the row that is chosen; undefined where none can be. */
  readonly chosen: string | undefined;
  readonly columns: number;
  /** Lines, with that of the titles. */
  readonly room: number;
}

/** The table of components, the chosen one always among those shown. */
export function tableLines(view: TableView, style: Style): string[] {
  const { rows, sort, chosen, room, troubled } = view;
  const [titles = '', ...lines] = textLines(view);
  const shownMax = Math.max(1, room - 1);
  const isCounted = lines.length > shownMax && shownMax > 3;
  // Below those that are shown a line says how many are not.
  const shown = shownRows(view, isCounted ? shownMax - 1 : shownMax).map((at) => {
    const row = rows[at]!;
    const line = lines[at]!;
    return row.report.id === chosen
      ? style('inverse', line)
      : colouredLine(line, row, troubled, style);
  });
  const others = lines.length - shown.length;
  const isSorted = sort.column !== null || sort.isReversed;
  const below = isCounted ? [style('dim', `  and ${others} more components`)] : [];
  return [style(isSorted ? 'bold' : 'dim', titles), ...shown, ...below];
}

/** So many rows about the chosen one; in the order of the flow, half of them may be the worst. */
function shownRows({ rows, sort, troubled, chosen }: TableView, places: number): number[] {
  const indexes = rows.map((_, at) => at);
  const indexOf = (id: string): number => rows.findIndex(({ report }) => report.id === id);
  const at = chosen === undefined ? 0 : Math.max(0, indexOf(chosen));
  const worst = sort.column === null ? [...troubled].map(indexOf).filter((one) => one >= 0) : [];
  const near = indexes.toSorted((one, other) => Math.abs(one - at) - Math.abs(other - at));
  const picked = new Set([...near.slice(0, 1), ...worst.slice(0, Math.ceil(places / 2)), ...near]);
  return [...picked].slice(0, places).sort((one, other) => one - other);
}

function textLines(view: TableView): string[] {
  const { rows, shown: columns, sort, chosen, troubled, columns: width } = view;
  const widthOf = (index: number): number => widthIn(columns[index]!);
  const titles = columns.map(({ title, isRight }, index) => {
    const marked = title + (index !== sort.column ? '' : sort.isReversed ? '▲' : '▼');
    return isRight ? marked.padStart(widthOf(index)) : marked.padEnd(widthOf(index));
  });
  const others = columns.slice(1).reduce((sum, _, index) => sum + 2 + widthOf(index + 1), 0);
  const nameMax = Math.max(16, width - 2 - others);
  const cells = rows.map((row) =>
    columns.map(({ cell }, index) => (index === 0 ? shortened(cell(row), nameMax) : cell(row))),
  );
  const right = new Set(columns.flatMap(({ isRight }, index) => (isRight ? [index] : [])));
  const table = fitTable([titles, ...cells], { right, spare: spareColumns, width: width - 2 });
  return table.map((line, index) => {
    const row = rows[index - 1];
    if (row === undefined) return `  ${line}`;
    const cursor = row.report.id === chosen ? '>' : ' ';
    return `${cursor}${markOf(row, troubled)}${line}`;
  });
}

function markOf({ report, hasFailed, isBottleneck }: Row, troubled: ReadonlySet<string>): string {
  if (hasFailed) return '✗';
  return isBottleneck ? '◆' : troubled.has(report.id) ? '!' : ' ';
}

/** With room for the mark of what is sorted by. */
function widthIn({ title, width }: Column): number {
  return Math.max(width, title.length + 1);
}

function colouredLine(
  line: string,
  { report, isBottleneck, isFailing, hasFailed }: Row,
  troubled: ReadonlySet<string>,
  style: Style,
): string {
  const [, text = '', queue = '', gap = '', state = ''] =
    /^(.*?)([█░]*)(\s*)([█▓▒·]*)$/u.exec(line) ?? [];
  const bars =
    (queue === '' ? '' : colouredGauge(queue, style)) + gap + colouredState(state, style);
  if (isFailing || hasFailed) return style('red', text) + bars;
  return (isBottleneck || troubled.has(report.id) ? style('yellow', text) : text) + bars;
}

/** Busy, waiting, blocked and idle, each in its colour. */
export function colouredState(bar: string, style: Style): string {
  return bar
    .replace(/█+/, (busy) => style('cyan', busy))
    .replace(/▓+/, (part) => style('yellow', part))
    .replace(/▒+/, (part) => style('red', part));
}

/** The notes and the table in so many lines; the table has at least half of them. */
export function bodyLines(
  notes: readonly string[],
  table: (room: number) => readonly string[],
  tableMax: number,
  room: number,
): string[] {
  const notesMax = Math.max(Math.floor(room / 2), room - tableMax);
  const isLoose = room > 8;
  const shown = atMost(notes, isLoose ? notesMax - 1 : notesMax, (count) => `  and ${count} more`);
  const above = shown.length > 0 && isLoose ? [...shown, ''] : shown;
  return [...above, ...table(room - above.length)];
}
