import { useSignal } from '@preact/signals';

import type { LogEntry, LogLevel } from '../../../src/server/api-types.ts';
import { count, timeOf } from '../format.ts';
import { useLines } from '../lines.ts';
import { folded, newestOfEach, unfolded } from '../parts/folded.ts';
import { LogLines } from '../parts/log-lines.tsx';
import { route, show } from '../route.ts';

const shownMax = 400;
const levels: readonly LogLevel[] = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];

/** The log as it is written; paused, it keeps its place, and counts what has come since. */
export function LogsPage(): preact.JSX.Element {
  const { list, dropped, leftOut } = useLines();
  const { query } = route.value;
  const [level, component, text] = ['level', 'component', 'find'].map((name) => query.get(name));
  const from = levels.indexOf((level ?? 'DEBUG') as LogLevel);
  const held = useSignal<readonly LogEntry[] | undefined>(undefined);
  const set = (name: string, value: string): void => {
    const { [name]: _, ...others } = Object.fromEntries(query);
    show(value === '' ? others : { ...others, [name]: value });
  };
  const isShown = (line: LogEntry): boolean =>
    levels.indexOf(line.level) >= from &&
    (component == null || line.component === component) &&
    (text == null || JSON.stringify(line).toLowerCase().includes(text.toLowerCase()));
  const all = held.value ?? list;
  const shown = all.filter(isShown);
  // Who looks for something is shown all of it.
  const rows = (text == null ? folded : unfolded)(shown.toReversed());
  const room = new Set(newestOfEach(rows.map(({ line }) => line).toReversed(), shownMax));
  const last = held.value?.at(-1);
  const known = new Set(held.value);
  const missed =
    held.value === undefined ? 0 : list.filter((line) => !known.has(line) && isShown(line)).length;
  const components = [...new Set(all.map(({ component: of }) => of))].toSorted();
  return (
    <>
      <h1>Logs</h1>
      <div class="row card stays">
        <label class="row">
          From level
          <select
            value={level ?? 'DEBUG'}
            onChange={({ currentTarget: { value } }) => set('level', value)}
          >
            {levels.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label class="row">
          Component
          <select
            value={component ?? ''}
            onChange={({ currentTarget: { value } }) => set('component', value)}
          >
            <option value="">all</option>
            {components.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label class="row">
          Text
          <input
            type="search"
            value={text ?? ''}
            onInput={({ currentTarget: { value } }) => set('find', value)}
          />
        </label>
        <button
          type="button"
          aria-pressed={held.value !== undefined}
          onClick={() => (held.value = held.value === undefined ? list : undefined)}
        >
          {held.value === undefined ? 'Pause' : `Go on (${count(missed)} new)`}
        </button>
        <span class="quiet" role="status">
          {count(shown.length)} of {count(all.length)} lines
          {last !== undefined && `, paused at ${timeOf(Date.parse(last.timestamp))}`}
          {dropped > 0 && `; ${count(dropped)} found no room`}
          {leftOut > 0 && `; ${count(leftOut)} older ones of events that come often left out`}
        </span>
      </div>
      <LogLines lines={rows.filter(({ line }) => room.has(line))} label="Log lines, newest first" />
    </>
  );
}
