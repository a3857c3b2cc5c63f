import type { ComponentReport, RunStats } from '../../../src/server/api-types.ts';
import { count } from '../format.ts';

const shownMax = 6;

/** What had not got through when the run ended, in the words of its report. */
export function Left({
  stats: { components, status },
}: {
  readonly stats: RunStats;
}): preact.JSX.Element | null {
  const isCutShort = status !== 'done' && status !== 'stopped';
  const left = components.flatMap((report) => leftIn(report, isCutShort));
  if (left.length === 0) return null;
  return (
    <ul>
      {left.slice(0, shownMax).map((text) => (
        <li key={text}>
          <b>{text}</b>
        </li>
      ))}
      {left.length > shownMax && <li>and {count(left.length - shownMax)} more like it</li>}
    </ul>
  );
}

function leftIn(
  { id, kind, undelivered, held }: ComponentReport,
  isCutShort: boolean,
): readonly string[] {
  const rows = (of: number): string => `${count(of)} ${of === 1 ? 'row' : 'rows'}`;
  const isEnd = kind === 'sink' || kind === 'dead-letters';
  const texts = undelivered > 0 ? [`not delivered to ${id}: ${rows(undelivered)}`] : [];
  // What a stop leaves in stages is in the snapshot.
  if (held === null || held === 0 || !(isEnd || isCutShort)) return texts;
  const text = isEnd
    ? `not committed by ${id}: ${rows(held)}, stored or not`
    : `not finished by ${id}: ${rows(held)}`;
  return [...texts, text];
}
