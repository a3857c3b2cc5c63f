import { useState } from 'preact/hooks';

import type { HistorySpan, RunHistory, RunStats } from '../../../src/server/api-types.ts';
import { timeOf } from '../format.ts';
import { slots } from '../history.ts';
import { now, snapshot, stillAt } from '../live.ts';
import { type Cell, type Cells, paused, slotText, summaryOf, words } from '../ribbon-text.ts';
import { SpanPicker } from './span-picker.tsx';

const tall = 32;

/** How the run was over a span of time: one cell for each slot, higher the worse it was. */
export function Ribbon({
  history: judged,
  span,
}: {
  readonly history: RunHistory | undefined;
  readonly span: HistorySpan;
}): preact.JSX.Element {
  // Counted from the newest, so that it stays where the reader points while time goes on.
  const [back, point] = useState<number>();
  const room = slots[span];
  const history = judged && cellsOf(judged, snapshot.value);
  const until = stillAt.value ?? now.value;
  const at = history?.at ?? [];
  const last = at.length - 1;
  const pointed = back === undefined ? undefined : Math.max(0, last - back);
  const move = (to: number): void => point(Math.min(last, Math.max(0, to)));
  const text = history === undefined ? '' : summaryOf(history);
  const told = history !== undefined && pointed !== undefined ? slotText(history, pointed) : text;
  return (
    <section class="card" aria-label="Health over time">
      <div class="row">
        <h2>Health over time</h2>
        <SpanPicker />
      </div>
      <svg
        class="ribbon"
        viewBox={`0 0 ${room} ${tall}`}
        preserveAspectRatio="none"
        role="slider"
        tabIndex={0}
        aria-label="Health over time, slot by slot"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, last)}
        aria-valuenow={pointed ?? Math.max(0, last)}
        aria-valuetext={told}
        onPointerMove={({ currentTarget, clientX }) => {
          const { left, width } = currentTarget.getBoundingClientRect();
          move(room - 1 - Math.floor(((clientX - left) / width) * room));
        }}
        onPointerLeave={() => point(undefined)}
        onBlur={() => point(undefined)}
        onKeyDown={(event) => {
          const by = steps[event.key];
          if (by === undefined) return;
          event.preventDefault();
          move((back ?? 0) - by);
        }}
      >
        {history !== undefined &&
          stretchesOf(history.state).map(({ from, to, state }) => (
            <rect
              key={from}
              class={words[state]!.mood}
              x={room - 1 - last + from}
              y={tall - heightOf(state)}
              width={to - from}
              height={heightOf(state)}
            />
          ))}
        {pointed !== undefined && (
          <rect class="pointed" x={room - 1 - last + pointed} y={0} width={1} height={tall} />
        )}
      </svg>
      <p class="row quiet ends">
        <span>{history === undefined ? '' : timeOf(until - room * history.everyMs)}</span>
        <span>{stillAt.value === undefined ? 'now' : timeOf(until)}</span>
      </p>
      <p class="told">{told}</p>
    </section>
  );
}

/** How far each key goes; toward the present is more. */
const steps: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowDown: -1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: -Infinity,
  End: Infinity,
};

function heightOf(state: Cell): number {
  return [8, 18, 26, tall, 8][state]!;
}

function cellsOf(history: RunHistory, stats: RunStats | undefined): Cells {
  const { at, state, everyMs } = history;
  const changes = stats?.changes['status']?.entries ?? [];
  // Of a slot its middle counts.
  const isPaused = (slot: number): boolean =>
    changes.findLast((change) => change.at <= at[slot]! - everyMs / 2)?.to === 'paused';
  return {
    ...history,
    state: state.map((one, slot) => (one === 0 && isPaused(slot) ? paused : one)),
  };
}

/** Slots in a row that were the same, and nothing where nobody could tell. */
function stretchesOf(states: Cells['state']): { from: number; to: number; readonly state: Cell }[] {
  const stretches: { from: number; to: number; readonly state: Cell }[] = [];
  states.forEach((state, at) => {
    const before = stretches.at(-1);
    if (state === null) return;
    if (before?.state === state && before.to === at) before.to = at + 1;
    else stretches.push({ from: at, to: at + 1, state });
  });
  return stretches;
}
