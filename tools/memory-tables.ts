/** The measured tables of docs/records-in-memory.md, written anew where what they say has moved. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { measureModule, memoryTable } from '../src/memory/index.ts';
import { layouts } from '../src/memory/layouts.ts';
import { type Cells, retainedCells, sizeCells } from '../src/memory/table-text.ts';
import { root } from './run-command.ts';

export const memoryPage = 'docs/records-in-memory.md';

const region =
  /(<!-- Measured by `npm run docs`[^\n]*-->\n)([^]*?)(<!-- End of what is measured\. -->)/;
/** What the example says of an attribute that has changed, as the page tells it. */
const attributeBytes = /(?<=about )\d+(?= bytes for each attribute that has changed)/;
/** Sizes are repeatable to this. */
const toleratedShare = 0.05;

/** The page with tables of a new run; as it is where no figure has moved by more than 5 %. */
export async function measuredPage(
  format: (text: string) => Promise<string>,
): Promise<string | undefined> {
  const path = join(root, memoryPage);
  // A copy of the sources has no page to put the tables into.
  if (!existsSync(path)) return undefined;
  const page = readFileSync(path, 'utf8');
  const { rows } = await memoryTable();
  const legend = layouts.map(({ name, summary }) => `- **${name}**: ${summary}.`).join('\n');
  const tables = [sizeCells(rows), retainedCells(rows)!].map(markdownTable);
  const text = [tables[0], legend, tables[1]].join('\n\n');
  const measured = await format(page.replace(region, `$1\n${text}\n\n$3`));
  return withAuditCost(saysTheSame(page, measured) ? page : measured);
}

async function withAuditCost(page: string): Promise<string> {
  const records = join(root, 'examples/29-memory-table/records.ts');
  const plain = await measureModule(records, 'PlainRecord');
  const changed = await measureModule(records, 'createChanged');
  const bytes = (changed.retainedBytes - plain.retainedBytes) / 3;
  return page.replace(attributeBytes, (shown) =>
    Math.abs(bytes / Number(shown) - 1) <= toleratedShare
      ? shown
      : String(Math.round(bytes / 10) * 10),
  );
}

function markdownTable({ title, cells }: Cells): string {
  const [heads, ...rows] = cells as [readonly string[], ...(readonly string[])[]];
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  const isFigure = (column: number): boolean => rows.some((row) => /^\d/.test(row[column]!));
  const rules = heads.map((_, column) => (isFigure(column) ? '--:' : '---'));
  return [`${title}:`, '', line(heads), line(rules), ...rows.map(line)].join('\n');
}

const figure = /(?<=\| +)\d[\d,.]*(?= +\|)/g;

/** Whether two pages differ in nothing but figures of tables, and in these by little. */
function saysTheSame(one: string, other: string): boolean {
  const text = (page: string): string => page.replace(figure, '0').replace(/ +|-+/g, ' ');
  const figures = (page: string): number[] =>
    (page.match(figure) ?? []).map((shown) => Number(shown.replaceAll(',', '')));
  const others = figures(other);
  return (
    text(one) === text(other) &&
    figures(one).every((value, at) => Math.abs(others[at]! / value - 1) <= toleratedShare)
  );
}
