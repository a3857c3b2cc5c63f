import { useSignal } from '@preact/signals';
import { type ComponentChildren, Fragment } from 'preact';

import type { LogEntry } from '../../../src/server/api-types.ts';
import { count, field, timeOf } from '../format.ts';
import { snapshot } from '../live.ts';
import { own } from '../own.ts';
import { addressOf } from '../route.ts';
import type { FoldedLine } from './folded.ts';
import { Scroll } from './scroll.tsx';

const moods: Readonly<Record<string, string>> = {
  WARNING: 'warn',
  ERROR: 'bad',
  CRITICAL: 'bad',
};

/** Lines of a log, each with all that it says; one that stands for others opens. */
export function LogLines({
  lines,
  label,
}: {
  readonly lines: readonly FoldedLine[];
  readonly label: string;
}): preact.JSX.Element {
  const opened = useSignal<ReadonlySet<number>>(new Set());
  if (lines.length === 0) return <p class="quiet">No lines.</p>;
  return (
    <Scroll label={label}>
      <table class="log">
        <tbody>
          {lines.map(({ line, others }) => {
            // Its newest changes while it is open.
            const key = keyOf(others.at(-1) ?? line);
            const isOpen = opened.value.has(key);
            const open = (): void => {
              opened.value = opened.value.symmetricDifference(new Set([key]));
            };
            return (
              <Fragment key={key}>
                <Line line={line}>
                  {others.length > 0 && <More others={others} isOpen={isOpen} open={open} />}
                </Line>
                {isOpen && others.map((one) => <Line key={keyOf(one)} line={one} isInner />)}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

function Line({
  line,
  isInner = false,
  children,
}: {
  readonly line: LogEntry;
  readonly isInner?: boolean;
  readonly children?: ComponentChildren;
}): preact.JSX.Element {
  const { timestamp, level, component, event, ...fields } = line;
  return (
    <tr class={isInner ? 'inner' : undefined}>
      <td class="mono">
        <time dateTime={timestamp}>{timeOf(Date.parse(timestamp))}</time>
      </td>
      <td>
        <span class={`tag ${moods[level] ?? 'quiet'}`}>{level}</span>
      </td>
      <td>
        {isOfRun(component) ? <a href={addressOf('stage', component)}>{component}</a> : component}
      </td>
      <td class="mono">
        <b>{event}</b>{' '}
        {Object.entries(fields)
          .filter(([name, value]) => !isSaid(line, name, value))
          .map(textOf)
          .join(' ')}
        {children}
      </td>
    </tr>
  );
}

/** How many more there are of a line, and since when. */
function More({
  others,
  isOpen,
  open,
}: {
  readonly others: readonly LogEntry[];
  readonly isOpen: boolean;
  readonly open: () => void;
}): preact.JSX.Element {
  const since = timeOf(Date.parse(others.at(-1)!.timestamp));
  return (
    <>
      {' '}
      <button type="button" class="more" aria-expanded={isOpen} onClick={open}>
        and {count(others.length)} more of it since {since}
      </button>
    </>
  );
}

/** Whether a field only says again what the line says anyway, or the page. */
function isSaid(line: LogEntry, name: string, value: unknown): boolean {
  const { component } = line;
  const said = {
    pipeline: snapshot.value?.pipeline,
    stageId: component,
    id: component,
    components: component,
    ids: line['breaker'],
  };
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.length === 1 && typeof values[0] === 'string' && values[0] === own(said, name);
}

/** Whether there is a page of it: the run itself has none, nor has the server. */
function isOfRun(component: string): boolean {
  return snapshot.value?.components.some(({ id }) => id === component) ?? false;
}

function textOf([name, value]: [string, unknown]): string {
  return `${name}=${field(name, value)}`;
}

const keys = new WeakMap<LogEntry, number>();
let nextKey = 0;

/** No field of a line is its own. */
function keyOf(line: LogEntry): number {
  let key = keys.get(line);
  if (key === undefined) keys.set(line, (key = nextKey++));
  return key;
}
