import { alignColumns } from '../core/plain-text.ts';
import type { MemoryRow, MemoryTable } from './table.ts';

/** The number of records at which everything is shown, where it was measured. */
const instancesShown = 100_000;

/** The table as text: every size at 100,000 records (or at the most), and what one retains by number. */
export function memoryTableText({ rows, missing }: MemoryTable): string {
  const { title, cells } = sizeCells(rows);
  const sections = [[title, ...alignColumns(cells, rightFrom(2, cells))]];
  const retained = retainedCells(rows);
  if (retained !== undefined) {
    sections.push([retained.title, ...alignColumns(retained.cells, rightFrom(1, retained.cells))]);
  }
  if (missing.length > 0) sections.push(missing.map(({ reason }) => `not measured: ${reason}`));
  return sections.map((lines) => lines.join('\n')).join('\n\n');
}

/** Rows of cells, the first its heads. */
export interface Cells {
  readonly title: string;
  readonly cells: readonly (readonly string[])[];
}

/** Each kind of record with all its sizes at one number of records. */
export function sizeCells(rows: readonly MemoryRow[]): Cells {
  const counts = countsOf(rows);
  const count = counts.includes(instancesShown) ? instancesShown : Math.max(...counts);
  return {
    title: `Bytes of one record, ${count.toLocaleString('en-US')} held`,
    cells: [
      ['record', 'fast shape', 'shell', 'values', 'deep', 'retained', 'peak MB'],
      ...rows.filter(({ instances }) => instances === count).map(sizeRow),
    ],
  };
}

/** What one record retains, by how many are held; nothing where that is one number. */
export function retainedCells(rows: readonly MemoryRow[]): Cells | undefined {
  const counts = countsOf(rows);
  if (counts.length < 2) return undefined;
  const records = [...new Set(rows.map(({ record }) => record))];
  const retained = (record: string, count: number): number | null =>
    rows.find((row) => row.record === record && row.instances === count)?.retainedBytes ?? null;
  return {
    title: 'Bytes retained by one record, by how many are held',
    cells: [
      ['record', ...counts.map((count) => count.toLocaleString('en-US'))],
      ...records.map((record) => [
        record,
        ...counts.map((count) => figure(retained(record, count))),
      ]),
    ],
  };
}

function sizeRow(row: MemoryRow): string[] {
  const { shellBytes, directBytes, deepBytes, retainedBytes, peakMb } = row;
  const fast = row.hasFastShape === null ? '-' : row.hasFastShape ? 'yes' : 'no';
  const figures = [shellBytes, directBytes, deepBytes, retainedBytes, peakMb];
  return [row.record, fast, ...figures.map(figure)];
}

function countsOf(rows: readonly MemoryRow[]): number[] {
  return [...new Set(rows.map(({ instances }) => instances))];
}

/** Three digits say all that is repeatable. */
function figure(value: number | null): string {
  if (value === null) return '-';
  return (value < 100 ? Number(value.toPrecision(3)) : Math.round(value)).toLocaleString('en-US');
}

function rightFrom(first: number, [heads]: Cells['cells']): ReadonlySet<number> {
  return new Set([...heads!.keys()].slice(first));
}
