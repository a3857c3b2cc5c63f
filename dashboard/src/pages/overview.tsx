import './overview.css';

import type { ComponentReport, LaneStats, RunHistory } from '../../../src/server/api-types.ts';
import { ago, bytes, none, rate, share, span, withUnit } from '../format.ts';
import { slots, useComponentHistory, useRunHistory } from '../history.ts';
import { laneTrend } from '../lanes.ts';
import { isStill, now, point, snapshot } from '../live.ts';
import { own } from '../own.ts';
import { Bar } from '../parts/bar.tsx';
import { Card } from '../parts/card.tsx';
import { Chart, type ChartProps } from '../parts/chart.tsx';
import { Empty } from '../parts/empty.tsx';
import { PipelineGraph } from '../parts/graph.tsx';
import { Ledger } from '../parts/ledger.tsx';
import { Ribbon } from '../parts/ribbon.tsx';
import { spanOf } from '../parts/span-picker.tsx';
import { Spark } from '../parts/spark.tsx';
import { Table } from '../parts/table.tsx';
import { Verdict } from '../parts/verdict.tsx';
import { addressOf } from '../route.ts';
import { useTroubles } from '../troubles.ts';

/** How the pipeline is: in one word, as a picture, over time, and in sums. */
export function OverviewPage(): preact.JSX.Element {
  const wrong = useTroubles();
  const back = spanOf();
  const history = useRunHistory(back);
  const stats = snapshot.value;
  if (stats === undefined) return <Empty refused={undefined} what="figures" />;
  return (
    <>
      <Verdict stats={stats} {...wrong} />
      <PipelineGraph troubles={wrong.troubles} />
      <Ribbon history={history} span={back} />
      <div class="sums">
        <Sources components={stats.components} />
        <Ledger components={stats.components} />
        <Lanes lanes={stats.lanes} />
      </div>
      {history !== undefined && <Trends history={history} />}
    </>
  );
}

/** Whether the sources keep up. */
function Sources({
  components,
}: {
  readonly components: readonly ComponentReport[];
}): preact.JSX.Element {
  const sources = components.filter(({ kind }) => kind === 'source');
  return (
    <Card title="Sources">
      <Table
        label="Whether sources keep up"
        heads={['Source', '#Reads', '#Behind', '', '#Read last']}
        rows={sources
          .slice(0, rowsMax)
          .map(({ id, source, sinceProgressMs }) => [
            id,
            <a href={addressOf('stage', id)}>{id}</a>,
            isStill.value ? none : rate(own(point.value?.components, id)?.outPerSecond),
            source?.lag === undefined ? none : withUnit(source.lag.value, source.lag.unit),
            source?.lag === undefined ? '' : <LagTrend of={id} />,
            source?.hasEnded
              ? 'ended'
              : sinceProgressMs === null
                ? 'never'
                : ago(now.value - sinceProgressMs, now.value),
          ])}
      />
      {sources.length > rowsMax && <p class="quiet">and {sources.length - rowsMax} more</p>}
    </Card>
  );
}

function LagTrend({ of }: { readonly of: string }): preact.JSX.Element {
  const lag = useComponentHistory(spanOf(), of)?.series.lag ?? [];
  return <Spark values={lag} room={slots[spanOf()]} label={`How far ${of} was behind`} />;
}

const rowsMax = 20;

function Trends({
  history: { at, series, lanes },
}: {
  readonly history: RunHistory;
}): preact.JSX.Element {
  const trends: readonly Omit<ChartProps, 'at'>[] = [
    {
      title: 'Records',
      format: rate,
      lines: [
        { label: 'in', values: series.recordsInPerSecond, colour: 'flow-2' },
        { label: 'out', values: series.recordsOutPerSecond, colour: 'flow' },
        { label: 'dead', values: series.deadPerSecond, colour: 'bad' },
      ],
    },
    {
      title: 'In each second',
      format: share,
      lines: [
        { label: 'retries, of attempts', values: series.retryRate, colour: 'warn' },
        { label: 'failed, of records', values: series.errorRate, colour: 'bad' },
      ],
    },
    { ...laneTrend(lanes), format: share, max: 1 },
    {
      title: 'Event loop late by',
      format: span,
      lines: [{ label: 'at most', values: series.loopDelayMs, colour: 'flow' }],
    },
    {
      title: 'Memory',
      format: bytes,
      ticks: 'bytes',
      lines: [
        { label: 'process', values: series.rssBytes, colour: 'flow' },
        { label: 'heap', values: series.heapUsedBytes, colour: 'flow-2' },
      ],
    },
  ];
  return (
    <div class="grid wide">
      {trends.map((trend) => (
        <div key={trend.title} class="card">
          <Chart {...trend} at={at} height={100} />
        </div>
      ))}
    </div>
  );
}

/** What each copy of the chain has to do; one line as long as they are few. */
function Lanes({ lanes }: { readonly lanes: readonly LaneStats[] }): preact.JSX.Element {
  return (
    <Card title="Lanes">
      <details open={lanes.length <= lanesShownMax}>
        <summary>
          {lanes.length === 1 ? 'One lane' : `${lanes.length} lanes`}, the busiest at{' '}
          {share(Math.max(...lanes.map(({ busyShare }) => busyShare ?? 0)))}
        </summary>
        {lanes.map(({ id, busyShare, queueFill, bottleneck }) => (
          <p key={id} class="lane">
            <span>{id}</span>
            <Bar share={busyShare ?? 0} label={`Load of lane ${id}`} />
            <span class="quiet">
              busy {share(busyShare)}, fullest queue {share(queueFill)},{' '}
              {bottleneck === null ? (
                'no bottleneck'
              ) : (
                <>
                  held up by <a href={addressOf('stage', bottleneck)}>{bottleneck}</a>
                </>
              )}
            </span>
          </p>
        ))}
      </details>
    </Card>
  );
}

const lanesShownMax = 4;
