import type { ComponentHistory, ComponentReport } from '../../../src/server/api-types.ts';
import * as format from '../format.ts';
import { Chart, type ChartProps } from './chart.tsx';
import type { Line } from './chart-values.ts';

/** The figures of a component over time; `hop`: those that it shares a hop with, in order. */
export function StageCharts({
  history,
  report,
  hop,
}: {
  readonly history: ComponentHistory;
  readonly report: ComponentReport;
  readonly hop: readonly string[];
}): preact.JSX.Element {
  const { at, series } = history;
  const bands = (name: 'work' | 'wait' | 'endToEnd'): readonly Line[] => [
    { label: 'p99', values: series[`${name}P99Ms`], colour: 'flow-3', isFilled: true },
    { label: 'p95', values: series[`${name}P95Ms`], colour: 'flow-2', isFilled: true },
    { label: 'p50', values: series[`${name}P50Ms`], colour: 'flow', isFilled: true },
  ];
  const charts: readonly Omit<ChartProps, 'at'>[] = [
    {
      title: report.kind === 'sink' ? 'Throughput, as committed' : 'Throughput',
      format: format.rate,
      lines: [
        { label: 'in', values: series.inPerSecond, colour: 'flow-2' },
        { label: 'out', values: series.outPerSecond, colour: 'flow' },
        { label: 'failed', values: series.failedPerSecond, colour: 'bad' },
        { label: 'dropped', values: series.droppedPerSecond, colour: 'warn' },
      ],
    },
    { title: 'Work per batch', format: format.span, lines: bands('work') },
    { title: 'Wait in the queue', format: format.span, lines: bands('wait') },
    { title: 'From source to here', format: format.span, lines: bands('endToEnd') },
    {
      title: 'Where its time goes',
      format: format.share,
      max: 1,
      lines: [
        { label: 'busy', values: series.busyShare, colour: 'busy' },
        { label: 'blocked', values: series.blockedShare, colour: 'blocked' },
        { label: 'waiting', values: series.waitingShare, colour: 'flow-3' },
        { label: 'idle', values: series.idleShare, colour: 'faint-text' },
      ].filter(
        // Of a hop the first waits for input, and the last for room.
        ({ label }) =>
          (label !== 'idle' || hop.length < 2 || report.id === hop[0]) &&
          (label !== 'blocked' || hop.length < 2 || report.id === hop.at(-1)),
      ),
    },
    {
      title: 'Queue before it',
      format: format.count,
      ticks: 'whole',
      lines: [{ label: 'rows', values: series.queueRows, colour: 'flow', isFilled: true }],
    },
    {
      title: 'Retries',
      format: format.rate,
      lines: [{ label: 'retries', values: series.retriesPerSecond, colour: 'warn' }],
    },
    {
      title: 'Lag',
      format: (lag) => format.withUnit(lag, report.source?.lag?.unit ?? ''),
      lines: [{ label: 'behind', values: series.lag, colour: 'warn', isFilled: true }],
    },
  ];
  return (
    <div class="grid wide">
      {charts.filter(hasFigures).map((chart) => (
        <div key={chart.title} class="card">
          <Chart {...chart} at={at} />
        </div>
      ))}
    </div>
  );
}

/** Not every component has a queue, or a lag. */
function hasFigures({ lines }: Omit<ChartProps, 'at'>): boolean {
  return lines.some(({ values }) => values.some((value) => value !== null));
}
