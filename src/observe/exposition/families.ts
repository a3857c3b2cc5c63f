import { eventCatalogue } from '../catalogue.ts';
import type { EventDefinition, Lag } from '../../core/index.ts';
import { harnessEvents } from '../health-events.ts';
import type { MetricsReport } from '../metrics-registry.ts';
import type { ComponentReport, Latency, RunStats } from '../snapshot.ts';
import { type Labels, labelsOf } from './labels.ts';

/** What a histogram has to show of a latency. */
export type HistogramValue = Pick<Latency, 'count' | 'sumMs' | 'maxMs' | 'buckets' | 'exponential'>;

/** Notes a value for a set of labels. */
export type Add = (labels: Labels, value: number | HistogramValue) => void;

/** Metrics of one name. A family of counters has its name without `_total`. */
export interface Family {
  /** Without the prefix. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly unit?: 'seconds' | 'bytes' | 'ratio';
  /** What is counted, where it has no other unit. */
  readonly counts?: 'record' | 'batch' | 'call' | 'event';
  readonly help: string;
  /** The names of its labels, a closed set. */
  readonly labels: readonly string[];
  readonly ofRun?: (run: RunSource, add: Add) => void;
  readonly ofStages?: (report: MetricsReport, add: Add) => void;
}

/** A run with the labels that its families share. */
export interface RunSource {
  readonly stats: RunStats;
  readonly labels: Labels;
  readonly components: readonly { readonly report: ComponentReport; readonly labels: Labels }[];
}

/** What a run is shown as. */
export function runSource(stats: RunStats): RunSource {
  const labels = labelsOf({ pipeline: stats.pipeline });
  const components = stats.components.map((report) => ({
    report,
    labels: labelsOf({ stage: report.id, kind: report.kind }, labels),
  }));
  return { stats, labels, components };
}

const componentLabels = ['pipeline', 'stage', 'kind'];

type OfComponent = (report: ComponentReport, labels: Labels, add: Add) => void;

function ofComponents(each: OfComponent): Pick<Family, 'ofRun'> {
  return {
    ofRun: ({ components }, add) => {
      for (const { report, labels } of components) each(report, labels, add);
    },
  };
}

function rows(
  name: string,
  help: string,
  of: (report: ComponentReport) => number | null,
  type: 'counter' | 'gauge' = 'counter',
): Family {
  const each: OfComponent = (report, labels, add) => {
    const value = of(report);
    if (value !== null) add(labels, value);
  };
  const family = { name: `rows_${name}`, type, counts: 'record', help } as const;
  return { ...family, labels: componentLabels, ...ofComponents(each) };
}

function latency(name: string, help: string, of: (report: ComponentReport) => Latency): Family {
  const each: OfComponent = (report, labels, add) => {
    if (of(report).count > 0) add(labels, of(report));
  };
  const family = { name: `${name}_seconds`, type: 'histogram', unit: 'seconds', help } as const;
  return { ...family, labels: componentLabels, ...ofComponents(each) };
}

type CountsOf = (report: ComponentReport) => Readonly<Record<string, number>>;

/** Counts by what a label says, of a closed set. */
function counter(
  { label, ...family }: Pick<Family, 'name' | 'help' | 'counts'> & { readonly label: string },
  of: CountsOf,
): Family {
  const each: OfComponent = (report, labels, add) => {
    for (const [value, count] of Object.entries(of(report))) {
      add(labelsOf({ [label]: value }, labels), count);
    }
  };
  const labels = [...componentLabels, label];
  return { ...family, type: 'counter', labels, ...ofComponents(each) };
}

/** By a reason of a closed set, which components declare. */
function byReason(
  name: string,
  help: string,
  of: CountsOf,
  counts: 'record' | 'event' = 'event',
): Family {
  return counter({ name, help, counts, label: 'reason' }, of);
}

const components: readonly Family[] = [
  rows('in', 'Rows that came in; for a source, records read.', (report) => report.in),
  rows('out', 'Rows that went out; for a sink, rows committed.', (report) => report.out),
  byReason('rows_dropped', 'Rows dropped by a rule.', (report) => report.droppedBy, 'record'),
  rows('dead', 'Rows that became dead letters.', (report) => report.dead),
  rows('absorbed', 'Rows that went into others.', (report) => report.absorbed),
  rows('created', 'Rows made of others.', (report) => report.created),
  rows('held', 'Rows held now.', (report) => report.held, 'gauge'),
  rows('unaccounted', 'Rows that nothing accounts for.', (report) => report.unaccounted, 'gauge'),
  byReason('errors', 'Failed records and calls.', (report) => report.errors),
  byReason('counts', 'Things that a component counts beside rows.', (report) => report.counts),
  latency('work', 'Time at work per batch.', (report) => report.work),
  latency('wait', 'Time of a batch in the queue before.', (report) => report.wait),
  latency('end_to_end', 'Time of a batch from its source.', (report) => report.endToEnd),
  {
    name: 'time_seconds',
    type: 'counter',
    unit: 'seconds',
    help: 'Time at work (busy), waiting for room downstream (blocked), for the outside (waiting), and for input (idle).',
    labels: [...componentLabels, 'state'],
    ...ofComponents(({ busyMs, blockedMs, waitingMs, idleMs }, labels, add) => {
      add(labelsOf({ state: 'busy' }, labels), busyMs / 1000);
      add(labelsOf({ state: 'blocked' }, labels), blockedMs / 1000);
      add(labelsOf({ state: 'waiting' }, labels), waitingMs / 1000);
      add(labelsOf({ state: 'idle' }, labels), idleMs / 1000);
    }),
  },
  {
    name: 'progress_age_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'Time since it last did anything.',
    labels: componentLabels,
    ...ofComponents(({ sinceProgressMs }, labels, add) => {
      if (sinceProgressMs !== null) add(labels, sinceProgressMs / 1000);
    }),
  },
  {
    name: 'read_bytes',
    type: 'counter',
    unit: 'bytes',
    help: 'Bytes taken in by a source.',
    labels: componentLabels,
    ...ofComponents(({ kind, bytes }, labels, add) => {
      if (kind === 'source') add(labels, bytes);
    }),
  },
];

type PolicyFigure = 'calls' | 'attempts' | 'retries' | 'suppressed';

function policy(figure: PolicyFigure, help: string): Family {
  const each: OfComponent = (report, labels, add) => {
    if (report.policy !== undefined) add(labels, report.policy[figure]);
  };
  const family = { name: `policy_${figure}`, type: 'counter', counts: 'call', help } as const;
  return { ...family, labels: componentLabels, ...ofComponents(each) };
}

type Breaker = NonNullable<ComponentReport['policy']>['breakers']['worst'][number];

function breaker(
  family: Pick<Family, 'name' | 'type' | 'unit' | 'counts' | 'help'>,
  each: (breaker: Breaker, labels: Labels, add: Add) => void,
  ...more: string[]
): Family {
  const ofComponent: OfComponent = (report, labels, add) => {
    for (const one of report.policy?.breakers.worst ?? []) {
      each(one, labelsOf({ policy: one.id }, labels), add);
    }
  };
  const labels = [...componentLabels, 'policy', ...more];
  return { ...family, labels, ...ofComponents(ofComponent) };
}

function byState(
  name: string,
  help: string,
  of: (report: ComponentReport) => Readonly<Record<string, number>> | undefined,
): Family {
  const each: OfComponent = (report, labels, add) => {
    for (const [state, count] of Object.entries(of(report) ?? {})) {
      add(labelsOf({ state }, labels), count);
    }
  };
  return {
    name,
    type: 'gauge',
    help,
    labels: [...componentLabels, 'state'],
    ...ofComponents(each),
  };
}

const policies: readonly Family[] = [
  byState('breakers', 'Breakers in each state.', ({ policy }) => policy?.breakers.byState),
  byState('sensors', 'Sensors in each state.', ({ sensors }) => sensors?.byState),
  policy('calls', 'Calls made under a policy.'),
  policy('attempts', 'Attempts of calls.'),
  policy('retries', 'Attempts but the first of each call.'),
  policy('suppressed', 'Retries that a budget did not allow.'),
  counter(
    {
      name: 'policy_substituted',
      counts: 'call',
      help: 'Results and readings that a fallback gave.',
      label: 'strategy',
    },
    (report) => report.policy?.substitutedBy ?? {},
  ),
  breaker(
    { name: 'breaker_state', type: 'gauge', help: 'The state a breaker is in has 1.' },
    ({ state }, labels, add) => {
      for (const one of ['closed', 'open', 'half-open']) {
        add(labelsOf({ state: one }, labels), one === state ? 1 : 0);
      }
    },
    'state',
  ),
  breaker(
    {
      name: 'breaker_opens',
      type: 'counter',
      counts: 'event',
      help: 'How often a breaker opened.',
    },
    ({ opens }, labels, add) => add(labels, opens),
  ),
  breaker(
    {
      name: 'breaker_open_seconds',
      type: 'counter',
      unit: 'seconds',
      help: 'How long a breaker has been open in all.',
    },
    ({ openMs }, labels, add) => add(labels, openMs / 1000),
  ),
  breaker(
    {
      name: 'breaker_refused',
      type: 'counter',
      counts: 'call',
      help: 'Calls that a breaker let not through.',
    },
    ({ refused }, labels, add) => add(labels, refused),
  ),
];

type Queue = RunStats['queues'][string];

function queue(
  name: string,
  help: string,
  of: (queue: Queue) => number,
  measured: Pick<Family, 'unit' | 'counts'>,
): Family {
  return {
    name: `queue_${name}`,
    type: 'gauge',
    ...measured,
    help,
    labels: ['pipeline', 'queue'],
    ofRun: ({ stats, labels }, add) => {
      for (const [id, one] of Object.entries(stats.queues)) {
        add(labelsOf({ queue: id }, labels), of(one));
      }
    },
  };
}

function ofRun(
  family: Pick<Family, 'name' | 'type' | 'unit' | 'counts' | 'help'>,
  of: (stats: RunStats) => number,
): Family {
  const add: Family['ofRun'] = ({ stats, labels }, note) => note(labels, of(stats));
  return { ...family, labels: ['pipeline'], ofRun: add };
}

function sourceLag(unit: Lag['unit'], counted: Pick<Family, 'unit' | 'counts'>): Family {
  return {
    name: `source_lag_${unit}`,
    type: 'gauge',
    ...counted,
    help: `How many ${unit} a source is behind its input, where it knows.`,
    labels: ['pipeline', 'stage'],
    ofRun: ({ stats, labels }, add) => {
      for (const { id: stage, source } of stats.components) {
        if (source?.lag?.unit === unit) add(labelsOf({ stage }, labels), source.lag.value);
      }
    },
  };
}

const runs: readonly Family[] = [
  queue('batches', 'Batches that wait before a component.', ({ depth }) => depth, {
    counts: 'batch',
  }),
  queue('rows', 'Rows that wait before a component.', (one) => one.rows, { counts: 'record' }),
  queue('bytes', 'Bytes that wait before a component.', ({ bytes }) => bytes, { unit: 'bytes' }),
  queue('fill_ratio', 'How full the fullest queue before it is.', ({ fill }) => fill, {
    unit: 'ratio',
  }),
  sourceLag('records', { counts: 'record' }),
  sourceLag('bytes', { unit: 'bytes' }),
  {
    name: 'degraded',
    type: 'gauge',
    help: 'What the run goes on without has 1.',
    labels: ['pipeline', 'stage'],
    ofRun: ({ stats, labels }, add) => {
      for (const stage of Object.keys(stats.degraded)) {
        add(labelsOf({ stage }, labels), 1);
      }
    },
  },
  {
    name: 'alerts',
    type: 'gauge',
    help: 'An alert that is pending or fires has 1; its reason is its rule.',
    labels: ['pipeline', 'stage', 'reason', 'state'],
    ofRun: ({ stats, labels }, add) => {
      for (const { component: stage, rule: reason, state } of stats.alerts) {
        add(labelsOf({ stage, reason, state }, labels), 1);
      }
    },
  },
  {
    name: 'run_state',
    type: 'gauge',
    help: 'The state that the run is in has 1.',
    labels: ['pipeline', 'state'],
    ofRun: ({ stats, labels }, add) => add(labelsOf({ state: stats.status }, labels), 1),
  },
  ofRun(
    { name: 'run_seconds', type: 'gauge', unit: 'seconds', help: 'How long the run has lasted.' },
    ({ durationMs }) => durationMs / 1000,
  ),
  ofRun(
    { name: 'dead_letters', type: 'counter', counts: 'record', help: 'Dead letters committed.' },
    ({ deadLetters }) => deadLetters,
  ),
  ofRun(
    {
      name: 'resident_memory_bytes',
      type: 'gauge',
      unit: 'bytes',
      help: 'Memory of the process that is resident.',
    },
    ({ process }) => process.rssBytes,
  ),
  ofRun(
    { name: 'heap_used_bytes', type: 'gauge', unit: 'bytes', help: 'The heap of JavaScript.' },
    ({ process }) => process.heapUsedBytes,
  ),
  ofRun(
    {
      name: 'event_loop_utilization_ratio',
      type: 'gauge',
      unit: 'ratio',
      help: 'The share of time that the event loop was busy.',
    },
    ({ process }) => process.loopUtilization,
  ),
];

/** Of a run, where it may happen to one; without labels where it happened to a harness. */
function happened(event: EventDefinition): Family {
  const { name, metric, summary } = event;
  return {
    name: metric.slice('millrace_'.length, -'_total'.length),
    type: 'counter',
    counts: 'event',
    help: summary,
    labels: ['pipeline'],
    ...(!harnessEvents.includes(event) && {
      ofRun: ({ stats, labels }, add) => add(labels, stats.events[name] ?? 0),
    }),
    ofStages: ({ events }, add) => {
      if (events[name] !== undefined) add(labelsOf({}), events[name]);
    },
  };
}

type ObservedFigure = 'in' | 'out' | 'errors';

function observed(figure: ObservedFigure, help: string): Family {
  return {
    name: `observed_${figure}`,
    type: 'counter',
    counts: 'event',
    help,
    labels: ['stage'],
    ofStages: ({ stages }, add) => {
      for (const stage of stages) {
        const value = stage[figure];
        if (value !== null) add(labelsOf({ stage: stage.name }), value);
      }
    },
  };
}

const stages: readonly Family[] = [
  observed('in', 'What came into functions and stages outside the engine.'),
  observed('out', 'What they returned or yielded.'),
  observed('errors', 'How often they threw.'),
  {
    name: 'observed_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'How long their calls took, or the time between their yields.',
    labels: ['stage'],
    ofStages: (report, add) => {
      for (const stage of report.stages) {
        if (stage.count > 0) add(labelsOf({ stage: stage.name }), stage);
      }
    },
  },
];

/** Every metric there is. */
export const families: readonly Family[] = [
  ...components,
  ...policies,
  ...runs,
  ...eventCatalogue.map(happened),
  ...stages,
];
