import type { ComponentChildren } from 'preact';

import type {
  ComponentReport,
  RunStats,
  Topology,
  TopologyNode,
} from '../../../src/server/api-types.ts';
import { useDocument } from '../documents.ts';
import * as format from '../format.ts';
import { useComponentHistory } from '../history.ts';
import { hopOf } from '../hop.ts';
import { useLines } from '../lines.ts';
import { alerts, now, snapshot } from '../live.ts';
import { own } from '../own.ts';
import { failedCallsOf } from '../recent.ts';
import { Card } from '../parts/card.tsx';
import { Changes } from '../parts/changes.tsx';
import { Empty } from '../parts/empty.tsx';
import { folded } from '../parts/folded.ts';
import { LogLines } from '../parts/log-lines.tsx';
import { SpanPicker, spanOf } from '../parts/span-picker.tsx';
import { StageCharts } from '../parts/stage-charts.tsx';
import { Table } from '../parts/table.tsx';
import { Firing, Wrong } from '../parts/verdict.tsx';
import { addressOf, route } from '../route.ts';
import { useTroubles } from '../troubles.ts';

/** All that is known of one component. */
export function StagePage(): preact.JSX.Element {
  const { of: id } = route.value;
  const stats = snapshot.value;
  const report = stats?.components.find((one) => one.id === id);
  const { value: topology } = useDocument<Topology>('topology').value;
  const node = topology?.nodes.find((one) => one.id === id);
  const history = useComponentHistory(spanOf(), report?.id);
  if (stats === undefined) return <Empty refused={undefined} what="figures" />;
  if (report === undefined) {
    return (
      <>
        <h1>{id}</h1>
        <p>This run has no component of that name.</p>
      </>
    );
  }
  const others = [
    { title: 'Dropped, by reason', counts: report.droppedBy },
    { title: 'Substituted, by strategy', counts: report.policy?.substitutedBy ?? {} },
    { title: 'Counts', counts: report.counts },
  ];
  const hop = topology === undefined ? [] : hopOf(id, topology.nodes, stats.queues);
  return (
    <>
      <div class="row">
        <h1>
          {id} <span class="tag quiet">{report.kind}</span>{' '}
          {report.name !== id && <span class="tag quiet">{report.name}</span>}
        </h1>
        <SpanPicker />
      </div>
      {node?.summary != null && <p class="quiet">{node.summary}</p>}
      <Ills id={id} report={report} stats={stats} />
      <Totals report={report} />
      {hop.length > 1 && <Hop of={hop} />}
      {history !== undefined && <StageCharts history={history} report={report} hop={hop} />}
      <div class="grid">
        <Reasons title="Errors by kind" counts={report.errors} samples={report.callErrors}>
          {stats.failure?.component === id && <p>The run failed in it: {stats.failure.text}</p>}
        </Reasons>
        {others
          .filter(({ counts }) => Object.keys(counts).length > 0)
          .map((one) => (
            <Reasons key={one.title} {...one} />
          ))}
      </div>
      <Failures id={id} stats={stats} />
      <Slowest id={id} stats={stats} />
      {node !== undefined && <Description node={node} />}
      <Changes changes={changesOf(id, stats)} />
      <Lines id={id} />
    </>
  );
}

interface OfStage {
  readonly id: string;
  readonly stats: RunStats;
}

/** What is wrong with it, as the overview says it, before anything else. */
function Ills({
  id,
  report,
  stats,
}: OfStage & { readonly report: ComponentReport }): preact.JSX.Element | null {
  const trouble = useTroubles().troubles.find(({ component }) => component === id);
  const own = (alerts.value?.active ?? []).filter(({ component }) => component === id);
  const holdsUp = stats.lanes.some(({ bottleneck }) => bottleneck === id);
  if (trouble === undefined && own.length === 0 && !holdsUp) return null;
  const isCritical = own.some((one) => one.state === 'firing' && one.severity === 'CRITICAL');
  const mood = isCritical || trouble?.mood === 'bad' ? 'bad' : 'warn';
  return (
    <section class={`card verdict ${mood}`} aria-label="What is wrong">
      {trouble !== undefined && <Wrong trouble={trouble} />}
      {own.map((alert) => (
        <Firing key={alert.rule} alert={alert} />
      ))}
      {holdsUp && <p>It holds up the rest.</p>}
      {(report.policy ?? report.sensors) !== undefined && (
        <p>
          <a href={addressOf('resilience')}>Its breakers, retries and sensors</a>
        </p>
      )}
    </section>
  );
}

function Totals({ report }: { readonly report: ComponentReport }): preact.JSX.Element {
  const { count, rate, span } = format;
  const since = report.sinceProgressMs;
  const figures: readonly (readonly [string, string])[] = [
    ['In', count(report.in)],
    ['Out', count(report.out)],
    ['Out, now', rate(report.perSecond)],
    ['Dropped', count(report.dropped)],
    ['Dead letters', count(report.dead)],
    ['Records failed', `${count(report.failed)} (${format.share(report.errorRate)})`],
    ['Calls failed', count(failedCallsOf(report))],
    ['Held', count(report.held)],
    ['On the way', count(report.undelivered)],
    ['Last did anything', since === null ? 'never' : since < 1000 ? 'now' : `${span(since)} ago`],
    ...(report.source?.lag === undefined
      ? []
      : [['Lag', format.withUnit(report.source.lag.value, report.source.lag.unit)] as const]),
  ];
  return (
    <dl class="figures card">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Why it has no waits of its own. */
function Hop({ of }: { readonly of: readonly string[] }): preact.JSX.Element {
  const all =
    of.length <= hopNamedMax ? of.join(', ') : `${of.length} stages, ${of[0]} to ${of.at(-1)},`;
  return (
    <p class="quiet">
      A batch goes through {all} without a queue between: the wait for input is that of {of[0]}, the
      wait for room that of {of.at(-1)}.
    </p>
  );
}

const hopNamedMax = 5;

function Reasons({
  title,
  counts,
  samples,
  children,
}: {
  readonly title: string;
  readonly counts: Readonly<Record<string, number>>;
  /** The last of each, where that says more. */
  readonly samples?: Readonly<Record<string, string>> | undefined;
  /** What is to be said before. */
  readonly children?: ComponentChildren;
}): preact.JSX.Element {
  const most = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  return (
    <Card title={title}>
      {children}
      {most.length === 0 ? (
        !children && <p class="quiet">None.</p>
      ) : (
        <Table
          label={title}
          heads={['', '#']}
          rows={most
            .slice(0, reasonsMax)
            .map(([reason, count]) => [
              reason,
              <Reason reason={reason} sample={own(samples, reason)} />,
              format.count(count),
            ])}
        />
      )}
      {most.length > reasonsMax && <p class="quiet">and {most.length - reasonsMax} more</p>}
    </Card>
  );
}

const reasonsMax = 12;

function Reason({
  reason,
  sample = reason,
}: {
  readonly reason: string;
  readonly sample: string | undefined;
}): preact.JSX.Element {
  return (
    <>
      {reason}
      {sample !== reason && <div class="quiet">the last: {sample}</div>}
    </>
  );
}

function Failures({ id, stats }: OfStage): preact.JSX.Element | null {
  const failures = stats.lastFailures.filter(({ stage }) => stage === id).toReversed();
  if (failures.length === 0) return null;
  return (
    <Card title="Records that failed last">
      <Table
        label="Records that failed last"
        heads={['When', 'Reason', 'What is wrong', 'Id']}
        rows={failures.map(({ eventId, reason, message, at }) => [
          eventId,
          format.ago(at, now.value),
          reason,
          message,
          <code>{eventId}</code>,
        ])}
      />
    </Card>
  );
}

function Slowest({ id, stats }: OfStage): preact.JSX.Element | null {
  const slowest = stats.slowestBatches.filter(({ component }) => component === id);
  if (slowest.length === 0) return null;
  return (
    <Card title="Slowest batches of the last minutes">
      <Table
        label="Slowest batches"
        heads={['When', '#Work', '#Rows']}
        rows={slowest.map(({ ms, rows, at }, index) => [
          `${index}`,
          format.timeOf(at),
          format.span(ms),
          format.count(rows),
        ])}
      />
    </Card>
  );
}

function Description({ node }: { readonly node: TopologyNode }): preact.JSX.Element {
  return (
    <div class="grid wide">
      <Card title="Options">
        <Json of={node.options} />
        {node.policy !== null && (
          <>
            <h2>Policy</h2>
            <Json of={node.policy.parts} />
          </>
        )}
      </Card>
      <Fields title="Fields in" fields={node.input} />
      <Fields title="Fields out" fields={node.output} />
    </div>
  );
}

function Json({ of }: { readonly of: unknown }): preact.JSX.Element {
  return (
    <pre class="mono scroll" tabIndex={0}>
      {JSON.stringify(of, null, 2) ?? 'none'}
    </pre>
  );
}

function Fields({
  title,
  fields,
}: {
  readonly title: string;
  readonly fields: TopologyNode['input'];
}): preact.JSX.Element | null {
  if (fields === null) return null;
  return (
    <Card title={title}>
      <Table
        label={title}
        heads={['', '']}
        rows={fields.map(({ name, kind, nullable, sensitive }) => [
          name,
          <code>{name}</code>,
          `${kind}${nullable ? ', may be null' : ''}${sensitive ? ', sensitive' : ''}`,
        ])}
      />
    </Card>
  );
}

function changesOf(id: string, { changes }: RunStats): RunStats['changes'] {
  const isOfIt = (what: string): boolean => what === id || what.split('.').includes(id);
  return Object.fromEntries(Object.entries(changes).filter(([what]) => isOfIt(what)));
}

const linesMax = 50;

/** Its newest lines. */
function Lines({ id }: { readonly id: string }): preact.JSX.Element {
  const lines = useLines().list.filter(({ component }) => component === id);
  return (
    <Card title="Log lines">
      <LogLines
        lines={folded(lines.toReversed()).slice(0, linesMax)}
        label={`Log lines of ${id}`}
      />
    </Card>
  );
}
