import { gauge } from '../text.ts';
import type { Row } from './figures.ts';

/** How wide the bars of the table are. */
const barWidths = { queue: 6, state: 8 } as const;

/** A column of the table of components. */
export interface Column {
  readonly title: string;
  /** So that columns do not move with every figure. */
  readonly width: number;
  readonly isRight: boolean;
  readonly cell: (row: Row) => string;
  /** By what it is sorted: texts upwards, figures downwards. */
  readonly value: (row: Row) => string | number;
}

/** The columns of the table of components; of a run that is over they have totals in place of rates. */
export function columnsOf(isOver: boolean): readonly Column[] {
  return [
    {
      title: 'component',
      width: 9,
      isRight: false,
      cell: ({ report }) => report.id,
      value: ({ report }) => report.id,
    },
    {
      title: 'kind',
      width: 6,
      isRight: false,
      cell: ({ report }) => (report.kind === 'dead-letters' ? 'dead' : report.kind),
      value: ({ report }) => report.kind,
    },
    isOver
      ? figure('in', 6, ({ report }) => report.in, shortCount)
      : figure('in/s', 6, ({ inPerSecond }) => inPerSecond, shortCount),
    isOver
      ? figure('out', 6, ({ report }) => report.out, shortCount)
      : figure('out/s', 6, ({ outPerSecond }) => outPerSecond, shortCount),
    figure('p95 ms', 6, ({ p95Ms }) => p95Ms ?? -1, shortMs),
    figure('errors', 6, ({ errors }) => errors, shortCount),
    {
      title: 'queue',
      width: barWidths.queue,
      isRight: false,
      cell: ({ queueFill }) => (queueFill === null ? '' : gauge(queueFill, barWidths.queue)),
      value: ({ queueFill }) => queueFill ?? -1,
    },
    {
      title: 'state',
      width: barWidths.state,
      isRight: false,
      cell: (row) => stateBar(row, barWidths.state),
      value: ({ busy }) => busy,
    },
  ];
}

/** How many there are, of whatever run. */
export const columnCount: number = columnsOf(false).length;

/** Columns that are left out where there is no room: kind, state, p95, in, queue, errors. */
export const spareColumns: readonly number[] = [1, 7, 4, 2, 6, 5];

function figure(
  title: string,
  width: number,
  value: (row: Row) => number,
  text: (value: number) => string,
): Column {
  return { title, width, isRight: true, cell: (row) => text(value(row)), value };
}

/** `9,999`, `41.2k`, `1.23M`: at most six characters. */
export function shortCount(count: number): string {
  if (count < 9999.5) return Math.round(count).toLocaleString('en-US');
  const units = ['k', 'M', 'G', 'T', 'P'];
  let value = count / 1000;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${value.toPrecision(3)}${units[unit]}`;
}

/** Milliseconds as `0.12`, `12.3`, `1,234`; a dash where nothing was measured. */
function shortMs(ms: number): string {
  if (ms < 0) return '–';
  return ms < 99.95 ? ms.toFixed(ms < 9.995 ? 2 : 1) : shortCount(ms);
}

/** Busy `█`, waiting for the outside `▓`, blocked `▒`, idle `·`. */
export function stateBar({ busy, waiting, blocked }: Row, width: number): string {
  const [toBusy, toWaiting, toBlocked] = [busy, busy + waiting, busy + waiting + blocked].map(
    (share) => Math.min(width, Math.round(share * width)),
  ) as [number, number, number];
  const [waits, blocks] = ['▓'.repeat(toWaiting - toBusy), '▒'.repeat(toBlocked - toWaiting)];
  return '█'.repeat(toBusy) + waits + blocks + '·'.repeat(width - toBlocked);
}
