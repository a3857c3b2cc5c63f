import type { Measure, Result } from './measure.ts';

const headings = ['id', 'ours', 'peer', 'ratio', 'target', 'holds'] as const;

/** Results as a table, with what each of them compares below it. */
export function tableOf(results: readonly Result[], measures: readonly Measure[]): string {
  const rows = results.map((result) =>
    rowOf(
      result,
      measures.find(({ id }) => id === result.id)!,
    ),
  );
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ');
  const notes = measures
    .filter(({ id }) => results.some((result) => result.id === id))
    .map(({ id, title, peer }) => `${id}: ${title}; peer: ${peer}`);
  return [line(headings), ...rows.map(line), '', ...notes, ''].join('\n');
}

function rowOf({ id, ours, peer, ratio, target, holds }: Result, measure: Measure): string[] {
  const sign = 'faster' in measure.target ? '≥' : '≤';
  const cost = (value: number): string => `${value} ${measure.unit}`;
  return [id, cost(ours), cost(peer), String(ratio), `${sign} ${target}`, holds ? 'yes' : 'NO'];
}
