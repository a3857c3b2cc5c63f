// C0 and C1 controls, DEL and the two line separators: none may reach a terminal or split a line.
// oxlint-disable-next-line no-control-regex -- control characters are what it is for
const controlPattern = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Text with control characters written as `\u001b`; JSON text stays what it is. */
export function escapeControls(text: string): string {
  return text.replace(
    controlPattern,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Plain data with each text in it, and each name, as `change` makes it. */
export function mapTexts<T>(data: T, change: (text: string) => string): T {
  if (typeof data === 'string') return change(data) as T;
  if (typeof data !== 'object' || data === null) return data;
  if (Array.isArray(data)) return data.map((item: unknown) => mapTexts(item, change)) as T;
  const entries = Object.entries(data).map(([name, item]) => [
    change(name),
    mapTexts(item, change),
  ]);
  return Object.fromEntries(entries) as T;
}

/** Rows of cells as lines, each column as wide as its widest cell. `right`: columns set right. */
export function alignColumns(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, at) => (right.has(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd(),
  );
}
