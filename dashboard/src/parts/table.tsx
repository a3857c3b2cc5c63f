import type { ComponentChildren } from 'preact';

/** What it is known by among the others, and what stands in it. */
export type Row = readonly [key: string, ...cells: ComponentChildren[]];

/**
 * A table that scrolls by itself where it is wider than the screen, also by the keyboard. A head that
 * begins with `#` is that of numbers; without texts there is no head.
 */
export function Table({
  label,
  heads,
  rows,
}: {
  readonly label: string;
  readonly heads: readonly string[];
  readonly rows: readonly Row[];
}): preact.JSX.Element {
  const classOf = (at: number): string | undefined =>
    heads[at]?.startsWith('#') ? 'number' : undefined;
  return (
    <div class="scroll" role="group" aria-label={label} tabIndex={0}>
      <table>
        {heads.some((head) => head.length > 1) && (
          <thead>
            <tr>
              {heads.map((head, at) =>
                head === '' ? (
                  <td key={at} />
                ) : (
                  <th key={at} class={classOf(at)}>
                    {head.replace('#', '')}
                  </th>
                ),
              )}
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map(([key, ...cells]) => (
            <tr key={key}>
              {cells.map((cell, at) => (
                <td key={at} class={classOf(at)}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
