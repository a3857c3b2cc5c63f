import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

import { timeOf } from '../format.ts';
import { colourOf, em, theme } from '../theme.ts';
import { lastOf, type Line, loneOf, shownColour, type Values } from './chart-values.ts';

export interface ChartProps {
  /** What it shows, for those who do not see it. */
  readonly title: string;
  /** Wall times in milliseconds, ascending. */
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** In pixels, where text is small. */
  readonly height?: number;
  /** The greatest value of the scale, where that is known: 1 for shares. */
  readonly max?: number;
  /** What ticks are: whole numbers, or round numbers of bytes. */
  readonly ticks?: keyof typeof increments;
  /** Whether the scale goes from the least to the greatest value, and not from 0. */
  readonly isFree?: boolean;
  /** Drawn across, as a limit. */
  readonly limit?: number | undefined;
}

/** Lines over time. Charts on one page share their cursor. */
export function Chart(props: ChartProps): preact.JSX.Element {
  const { title, lines, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const emNow = em.value;
  const height = heightOf(props, emNow);
  const shape = JSON.stringify([lines.map(({ label, colour }) => [label, colour]), height]);
  const themeNow = theme.value;
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const parent = place.current!;
    const made = new uPlot(optionsOf(parent, latest, emNow), dataOf(latest.current), parent);
    plot.current = made;
    const resized = new ResizeObserver(() =>
      made.setSize({ width: widthOf(parent), height: heightOf(latest.current, emNow) }),
    );
    resized.observe(parent);
    return () => {
      resized.disconnect();
      made.destroy();
    };
  }, [shape, themeNow, emNow]);

  useEffect(() => plot.current?.setData(dataOf(props)));

  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <span class="legend">
          {lines.map(({ label, values, colour }) => (
            <span key={label} class="legend-item">
              <span class={`swatch ${shownColour(colour, values)}`} aria-hidden="true" />
              {label} <b>{lastOf(values, format)}</b>
            </span>
          ))}
        </span>
      </figcaption>
      <div
        ref={place}
        class="plot"
        role="img"
        aria-label={`${title}: ${lines.map(({ label, values }) => `${label} ${lastOf(values, format)}`).join(', ')}`}
        style={{ height: `${height}px` }}
      />
    </figure>
  );
}

function dataOf({ at, lines }: ChartProps): uPlot.AlignedData {
  return [at.map((ms) => ms / 1000), ...lines.map(({ values }) => values)] as uPlot.AlignedData;
}

/** It grows with the text of its axes. */
function heightOf({ height = 140 }: ChartProps, emNow: number): number {
  return Math.round(height * emNow);
}

function widthOf(parent: HTMLElement): number {
  return Math.max(60, parent.clientWidth);
}

function optionsOf(
  parent: HTMLElement,
  latest: { readonly current: ChartProps },
  emNow: number,
): uPlot.Options {
  const { lines, ticks } = latest.current;
  const valuesOf = (at: number): Values => latest.current.lines[at]?.values ?? [];
  const quiet = {
    stroke: colourOf('faint-text'),
    grid: { stroke: colourOf('line'), width: 1 },
    font: `${11 * emNow}px system-ui, sans-serif`,
  };
  return {
    width: widthOf(parent),
    height: heightOf(latest.current, emNow),
    legend: { show: false },
    cursor: { sync: { key: 'page' }, y: false, points: { size: 5 } },
    // To the right, half of the last time.
    padding: [8, 26 * emNow, 0, 0],
    scales: { x: { time: true }, y: { range: (_, min, max) => rangeOf(latest.current, min, max) } },
    axes: [
      {
        ...quiet,
        size: 30 * emNow,
        values: (_, ticks) => ticks.map((seconds) => timeOf(seconds * 1000)),
        space: 68 * emNow,
      },
      {
        ...quiet,
        size: 64 * emNow,
        ...(ticks && { incrs: increments[ticks] }),
        values: (_, values) => values.map((value) => latest.current.format(value)),
        // Less than half of the lowest chart, or some have no tick but that of 0.
        space: 30 * emNow,
      },
    ],
    series: [
      {},
      ...lines.map(({ label, colour, isFilled, isPoints }, at): uPlot.Series => {
        const stroke = colourOf(colour);
        const strokeNow = (): string => colourOf(shownColour(colour, valuesOf(at)));
        return {
          label,
          stroke: strokeNow,
          width: isPoints ? 0 : 1.5,
          spanGaps: false,
          points: isPoints
            ? { show: true, size: 7, fill: stroke, stroke }
            : { size: 4, fill: stroke, stroke, show: true, filter: () => loneOf(valuesOf(at)) },
          ...(isFilled && { fill: `${stroke}22` }),
        };
      }),
    ],
    hooks: { draw: [(drawn) => drawLimit(drawn, latest.current.limit)] },
  };
}

/** What ticks may be apart. */
const increments = {
  /** 1, 2, 5, 10 … */
  whole: Array.from({ length: 36 }, (_, at) => [1, 2, 5][at % 3]! * 10 ** Math.floor(at / 3)),
  bytes: Array.from({ length: 48 }, (_, power) => 2 ** power),
};

function rangeOf(
  { max: known, limit, isFree }: ChartProps,
  min: number | null,
  max: number | null,
): [number, number] {
  if (known !== undefined) return [0, known];
  if (isFree && min !== null && max !== null) {
    // No less than what figures show: ticks that read alike say nothing.
    const room = Math.max((max - min) * 0.1, Math.abs(max) / 1000) || 1;
    return [min - room, max + room];
  }
  const top = Math.max(max ?? 0, limit ?? -Infinity);
  const bottom = Math.min(0, min ?? 0);
  return top > bottom ? [bottom, top + (top - bottom) * 0.1] : [bottom, bottom + 1];
}

function drawLimit({ ctx, bbox, valToPos }: uPlot, limit: number | undefined): void {
  if (limit === undefined) return;
  const y = valToPos(limit, 'y', true);
  ctx.save();
  ctx.strokeStyle = colourOf('bad');
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
