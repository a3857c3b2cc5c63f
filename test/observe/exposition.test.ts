import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

import { filter, memorySink, memorySource, pipeline, schema, startRun } from '../../src/index.ts';
import { eventCatalogue } from '../../src/observe/catalogue.ts';
import {
  expositionFormat,
  MetricsRegistry,
  prometheusText,
  type RunStats,
} from '../../src/observe/index.ts';
import { Histogram } from '../../src/observe/histogram.ts';
import { latencyOf } from '../../src/observe/meter.ts';
import { virtualOutside } from '../../src/testing/index.ts';
import { debianPrometheus } from './debian-prometheus.ts';
import { censusOf, componentStats, runOf, runStats } from './run-stats.ts';

/** The figures of a run of three components, one of which drops two rows. */
async function ranStats(name = 'boiler'): Promise<RunStats> {
  const rows = [{ value: 1 }, { value: 60 }, { value: 70 }, { value: 2 }];
  const built = pipeline(name, {}, { outside: virtualOutside(), deadLetters: memorySink() })
    .from(memorySource({ schema: schema({ value: 'float64' }), rows }))
    .pipe(filter({ where: 'value > 50' }))
    .to(memorySink());
  const run = await startRun(await built.plan());
  await run.done;
  return run.stats({ classic: true });
}

/** The figures of a run whose stage has a policy with two breakers, and an alert. */
async function troubledStats(): Promise<RunStats> {
  const stats = await ranStats();
  const one = { name: 'api', opens: 2, openMs: 1500, refused: 3 } as const;
  const breakers = [
    { ...one, id: 'api', state: 'open' } as const,
    { ...one, id: 'api#2', state: 'closed' } as const,
  ];
  const policy = {
    calls: 9,
    attempts: 12,
    substituted: 3,
    substitutedBy: { constant: 1, 'last-known-good': 2 },
    retries: 3,
    suppressed: 0,
    breakers: censusOf(breakers),
  };
  const components = stats.components.slice(1, 2).map((component) => ({ ...component, policy }));
  const alert = { rule: 'queue-full', summary: '', component: 'filter', state: 'firing' } as const;
  const facts = {
    severity: 'WARNING',
    sinceMs: 1,
    value: 9,
    limit: 8,
    unit: '',
    text: '',
  } as const;
  return { ...stats, components, alerts: [{ ...alert, ...facts }] };
}

function registryWith(names: readonly string[]): MetricsRegistry {
  const registry = new MetricsRegistry();
  for (const name of names) {
    registry.register(name, { in: 2, out: 1, busyMs: 500, latency: 0.25 });
  }
  return registry;
}

/** Lines of a metric, without the comments. */
function samples(text: string, metric: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(metric));
}

describe('an event', () => {
  test.each(eventCatalogue)('$name has its metric', ({ name, metric }) => {
    const run = runOf({ ...runStats(1), events: { [name]: 3 } });
    const registry = new MetricsRegistry();
    registry.countEvent(name);
    registry.countEvent(name);
    const lines = samples(prometheusText(isOfHarness(name) ? registry : run), `${metric}{`);
    expect(lines).toEqual([isOfHarness(name) ? `${metric}{} 2` : `${metric}{pipeline="p"} 3`]);
  });

  test('of several registries adds up', () => {
    const registry = new MetricsRegistry();
    registry.countEvent('batch_complete');
    registry.countEvent('batch_complete');
    const text = prometheusText([registry, registry]);
    expect(samples(text, 'millrace_batches')).toEqual(['millrace_batches_completed_total{} 4']);
  });
});

function isOfHarness(name: string): boolean {
  return name === 'batch_complete' || name === 'threshold_violation';
}

describe('of a run', () => {
  test('each component has its rows, times and errors, with labels from closed sets', async () => {
    const text = prometheusText(runOf(await ranStats()));
    expect(samples(text, 'millrace_rows_in_total')).toEqual([
      'millrace_rows_in_total{pipeline="boiler",stage="memory",kind="source"} 4',
      'millrace_rows_in_total{pipeline="boiler",stage="filter",kind="stage"} 4',
      'millrace_rows_in_total{pipeline="boiler",stage="memory-2",kind="sink"} 2',
    ]);
    expect(samples(text, 'millrace_rows_dropped_total')).toEqual([
      expect.stringMatching(/stage="filter",kind="stage",reason="[a-z-]+"} 2$/),
    ]);
    expect(samples(text, 'millrace_work_seconds_count')[1]).toContain('stage="filter"');
    expect(samples(text, 'millrace_run_state')).toEqual([
      'millrace_run_state{pipeline="boiler",state="done"} 1',
    ]);
    expect(samples(text, 'millrace_runs_started_total')).toEqual([
      'millrace_runs_started_total{pipeline="boiler"} 1',
    ]);
    expect(samples(text, 'millrace_build_info')).toEqual([
      expect.stringMatching(/^millrace_build_info\{version="[\d.]+",node="24\.[\d.]+"\} 1$/),
    ]);
    const used = new Set([...text.matchAll(/([a-z]+)="/g)].map(([, name]) => name));
    const closed = ['pipeline', 'stage', 'kind', 'reason', 'state', 'policy', 'queue', 'le'];
    expect([...used].filter((name) => !closed.includes(name!)).sort()).toEqual(['node', 'version']);
  });

  test('what a component counts beside rows is shown by its kind', () => {
    const counts = { 'blank-lines': 3, 'skipped-ticks': 2 };
    const component = componentStats('in', { kind: 'source', counts });
    const text = prometheusText(runOf(runStats(1, { components: [component] })));
    expect(samples(text, 'millrace_counts')).toEqual([
      'millrace_counts_total{pipeline="p",stage="in",kind="source",reason="blank-lines"} 3',
      'millrace_counts_total{pipeline="p",stage="in",kind="source",reason="skipped-ticks"} 2',
    ]);
  });

  test('policies, breakers and alerts are shown; of breakers with one name each has its own', async () => {
    const text = prometheusText(runOf(await troubledStats()));
    const of = 'pipeline="boiler",stage="filter"';
    expect(samples(text, 'millrace_policy_retries_total')).toEqual([
      `millrace_policy_retries_total{${of},kind="stage"} 3`,
    ]);
    const substituted = `millrace_policy_substituted_total{${of},kind="stage",strategy=`;
    expect(samples(text, 'millrace_policy_substituted_total')).toEqual([
      `${substituted}"constant"} 1`,
      `${substituted}"last-known-good"} 2`,
    ]);
    const state = `millrace_breaker_state{${of},kind="stage",policy=`;
    expect(samples(text, 'millrace_breaker_state')).toEqual([
      `${state}"api",state="closed"} 0`,
      `${state}"api",state="open"} 1`,
      `${state}"api",state="half-open"} 0`,
      `${state}"api#2",state="closed"} 1`,
      `${state}"api#2",state="open"} 0`,
      `${state}"api#2",state="half-open"} 0`,
    ]);
    expect(samples(text, 'millrace_breaker_open_seconds_total')[0]).toMatch(/policy="api"} 1\.5$/);
    expect(samples(text, 'millrace_alerts{')).toEqual([
      `millrace_alerts{${of},reason="queue-full",state="firing"} 1`,
    ]);
  });

  test('several runs share a family, each with its pipeline', async () => {
    const text = prometheusText([runOf(await ranStats('one')), runOf(await ranStats('two'))]);
    expect(text.match(/# TYPE millrace_rows_in_total counter/g)).toHaveLength(1);
    expect(samples(text, 'millrace_run_state')).toHaveLength(2);
  });
});

describe('what two sources have', () => {
  /** The samples that a text has more than once. */
  function twice(text: string): string[] {
    const names = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.slice(0, line.lastIndexOf(' ')));
    return names.filter((name, at) => names.indexOf(name) < at);
  }

  test('adds up in registries', () => {
    const text = prometheusText([registryWith(['a', 'b']), registryWith(['b', 'c'])]);
    expect(twice(text)).toEqual([]);
    const b = '{stage="b"}';
    expect(text).toContain(`millrace_observed_in_total${b} 4\n`);
    expect(text).toContain(`millrace_observed_seconds_count${b} 2\n`);
    expect(text).toContain(`millrace_observed_seconds_sum${b} 0.5\n`);
    expect(text).toContain('millrace_observed_seconds_bucket{stage="b",le="0.25"} 2\n');
    expect(text).toContain('millrace_observed_in_total{stage="c"} 2\n');
  });

  test.each(['text', 'openmetrics'] as const)('adds up in runs of one name: %s', async (format) => {
    const text = prometheusText([runOf(await ranStats()), runOf(await ranStats())], { format });
    expect(twice(text)).toEqual([]);
    const of = '{pipeline="boiler",stage="filter",kind="stage"}';
    expect(text).toContain(`millrace_rows_in_total${of} 8\n`);
    expect(text).toContain('millrace_run_state{pipeline="boiler",state="done"} 1\n');
  });
});

test('a run is asked for the buckets of its times', async () => {
  const built = pipeline('p', {}, { outside: virtualOutside() })
    .from(memorySource({ schema: schema({ value: 'float64' }), rows: [{ value: 1 }] }))
    .to(memorySink());
  const run = await startRun(await built.plan());
  await run.done;
  const bucket = 'millrace_work_seconds_bucket{pipeline="p",stage="memory-2",kind="sink",le=';
  expect(samples(prometheusText(run), bucket)).toHaveLength(15);
});

describe('of a registry', () => {
  test('names are escaped, and times are classic buckets', () => {
    const text = prometheusText(registryWith(['a "quoted"\nname\\']));
    const label = '{stage="a \\"quoted\\"\\nname\\\\"';
    expect(samples(text, 'millrace_observed_in_total')).toEqual([
      `millrace_observed_in_total${label}} 2`,
    ]);
    const buckets = samples(text, 'millrace_observed_seconds_bucket');
    expect(buckets).toContain(`millrace_observed_seconds_bucket${label},le="0.0625"} 0`);
    expect(buckets).toContain(`millrace_observed_seconds_bucket${label},le="0.25"} 1`);
    expect(buckets.at(-1)).toBe(`millrace_observed_seconds_bucket${label},le="+Inf"} 1`);
    expect(samples(text, 'millrace_observed_seconds_sum')[0]).toMatch(/ 0\.25$/);
  });

  test('its report, which can be sent to another thread, gives the same', () => {
    const registry = registryWith(['a', 'b']);
    const sent = structuredClone(registry.report({ classic: true }));
    expect(prometheusText({ report: () => sent })).toBe(prometheusText(registry));
  });

  test('what was not measured is not there', () => {
    const registry = new MetricsRegistry();
    registry.register('timed', { latency: 1 });
    const text = prometheusText(registry);
    expect(samples(text, 'millrace_observed_in_total')).toEqual([]);
    expect(samples(text, 'millrace_observed_seconds_count')).toHaveLength(1);
  });
});

describe('label sets', () => {
  const histogram = new Histogram();
  histogram.record(0.25, 4);
  const stages = Array.from({ length: 1500 }, (_, at) => ({
    ...registryWith(['any']).report({ classic: true }).stages[0]!,
    ...latencyOf(histogram, { classic: true }),
    name: `stage-${at}`,
  }));

  test('are 1,000 at most of each metric; what has no room adds up in the last', () => {
    const text = prometheusText({ report: () => ({ stages, events: {} }) });
    const counters = samples(text, 'millrace_observed_in_total');
    expect(counters).toHaveLength(1000);
    expect(counters.at(-1)).toBe('millrace_observed_in_total{stage="overflow"} 1002');
    const counts = samples(text, 'millrace_observed_seconds_count');
    expect(counts).toHaveLength(1000);
    expect(counts.at(-1)).toBe('millrace_observed_seconds_count{stage="overflow"} 2004');
    expect(text).toContain('millrace_observed_seconds_bucket{stage="overflow",le="0.25"} 2004\n');
    expect(text).toContain('millrace_observed_seconds_sum{stage="overflow"} 501\n');
  });

  test('of gauges beyond it the greatest stands', async () => {
    const stats = await ranStats();
    const queues = Object.fromEntries(
      Array.from({ length: 1200 }, (_, at) => [
        `queue-${at}`,
        { depth: at, rows: at, bytes: at, fill: at / 1200, isPaced: true },
      ]),
    );
    const text = prometheusText(runOf({ ...stats, queues }));
    expect(samples(text, 'millrace_queue_batches').at(-1)).toBe(
      'millrace_queue_batches{pipeline="overflow",queue="overflow"} 1199',
    );
  });
});

describe('OpenMetrics', () => {
  test('is given to who accepts it', () => {
    const prometheus =
      'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
    expect([undefined, '*/*', 'text/plain', prometheus].map(expositionFormat)).toEqual([
      'text',
      'text',
      'text',
      'openmetrics',
    ]);
  });

  test('has families without `_total`, units and an end', async () => {
    const text = prometheusText([runOf(await ranStats()), registryWith(['a'])], {
      format: 'openmetrics',
    });
    expect(text).toContain('# TYPE millrace_rows_in counter\nmillrace_rows_in_total{');
    expect(text).toContain('# TYPE millrace_build info\nmillrace_build_info{');
    expect(text).toContain('# UNIT millrace_observed_seconds seconds\n');
    expect(text.endsWith('# EOF\n') && text.indexOf('# EOF') === text.length - 6).toBe(true);
    for (const [, name, unit] of text.matchAll(/^# UNIT (\S+) (\S+)$/gm)) {
      expect(name!.endsWith(`_${unit}`)).toBe(true);
    }
  });
});

const { promtool, missing } = { promtool: '', ...debianPrometheus() };

test.skipIf(missing !== undefined)(
  `promtool finds nothing to say${missing === undefined ? '' : ` (${missing})`}`,
  async () => {
    const runs = [
      await ranStats(),
      await ranStats(),
      { ...(await troubledStats()), pipeline: 'b' },
    ];
    const registries = [registryWith(['a', 'b']), registryWith(['b'])];
    const text = prometheusText([...runs.map(runOf), ...registries]);
    const check = (input: string): ReturnType<typeof spawnSync> =>
      spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' });
    const { status, stdout, stderr } = check(text);
    expect([status, stdout, stderr]).toEqual([0, '', '']);
    expect(check(text.replaceAll('rows_in_total', 'rows_in')).status).not.toBe(0);
  },
);
