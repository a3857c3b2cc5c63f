import { Writable } from 'node:stream';

import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import {
  type HarnessStage,
  ObservabilityHarness,
  type ObservabilityHarnessOptions,
} from '../../src/observe/index.ts';
import { circuitBreaker, consecutiveFailures } from '../../src/resilience/index.ts';

type Stages = Readonly<Record<string, HarnessStage<number>>>;

function createHarness(
  stages: Stages | ((clock: VirtualClock) => Stages),
  options: Partial<ObservabilityHarnessOptions<number>> = {},
) {
  const clock = new VirtualClock();
  const harness = new ObservabilityHarness<number>({
    stages: typeof stages === 'function' ? stages(clock) : stages,
    clock,
    rssBytes: () => 2 ** 20,
    ...options,
  });
  const eventsOf = (name: string) => harness.exportLogs().filter(({ event }) => event === name);
  return { clock, harness, eventsOf };
}

const hundred = Array.from({ length: 100 }, (_, at) => at);

describe('runs the stages in order', () => {
  test('functions, generators and their asynchronous kin, one after another', async () => {
    const seen: string[] = [];
    const note = (what: string) => (records: readonly number[]) => {
      seen.push(`${what} ${records.length}`);
      return records;
    };
    const { harness } = createHarness((clock) => ({
      plain: (records) => note('plain')(records).filter((value) => value % 2 === 0),
      *generator(records) {
        for (const value of note('generator')(records)) if (value < 50) yield value;
      },
      async waiting(records) {
        await clock.sleep(250);
        return note('waiting')(records);
      },
      async *asyncGenerator(records) {
        for (const value of note('asyncGenerator')(records)) {
          await clock.sleep(1);
          yield value;
          yield value;
        }
      },
    }));
    const report = await harness.runBatch(new Set(hundred));
    expect(seen).toEqual(['plain 100', 'generator 50', 'waiting 25', 'asyncGenerator 25']);
    expect(report).toMatchObject({
      recordsIn: 100,
      recordsOut: 50,
      busyMs: 275,
      bottleneck: 'waiting',
      stages: [
        { stage: 'plain', in: 100, out: 50, busyMs: 0, inPerSecond: null },
        { stage: 'generator', in: 50, out: 25 },
        { stage: 'waiting', in: 25, out: 25, busyMs: 250, inPerSecond: 100 },
        { stage: 'asyncGenerator', in: 25, out: 50, busyMs: 25, inPerSecond: 1000 },
      ],
    });
    expect(harness.registry.report().stages.map(({ name }) => name)).toEqual([
      'plain',
      'generator',
      'waiting',
      'asyncGenerator',
    ]);
  });

  test('an empty batch, and one that is dropped whole, go through all of them', async () => {
    const { harness } = createHarness({ drop: () => [], last: (records) => records });
    expect(await harness.runBatch([])).toMatchObject({
      status: 'HEALTHY',
      recordsIn: 0,
      recordsOut: 0,
      inPerSecond: null,
      bottleneck: null,
    });
    const report = await harness.runBatch(hundred);
    expect(report).toMatchObject({ recordsIn: 100, recordsOut: 0, status: 'HEALTHY' });
    expect(report.stages[1]).toMatchObject({ in: 0, out: 0, inPerSecond: null });
  });

  test('batches that are called for at a time run one after another', async () => {
    const { harness } = createHarness((clock) => ({
      wait: async (records) => {
        await clock.sleep(records.length);
        return records;
      },
    }));
    const reports = await Promise.all([hundred, [1, 2], [3]].map((b) => harness.runBatch(b)));
    expect(reports.map(({ batch, recordsIn, busyMs }) => [batch, recordsIn, busyMs])).toEqual([
      [1, 100, 100],
      [2, 2, 2],
      [3, 1, 1],
    ]);
  });
});

describe('a stage that throws', () => {
  const failing = (): Stages => ({
    first: (records) => records,
    *second(records) {
      yield* records.slice(0, 3);
      throw new TypeError('no');
    },
    third: (records) => records,
  });

  test('ends its batch, DEGRADED and logged; the next one runs', async () => {
    const { harness, eventsOf } = createHarness(failing());
    const report = await harness.runBatch(hundred);
    expect(report).toMatchObject({
      status: 'DEGRADED',
      reasons: [{ of: 'degraded', component: 'second', text: 'it failed: no' }],
      recordsIn: 100,
      recordsOut: 0,
      consecutiveDegradedCount: 1,
      stages: [
        { stage: 'first', out: 100, errors: 0 },
        { stage: 'second', in: 100, out: 0, errors: 1 },
        { stage: 'third', in: 0, out: 0, errors: 0 },
      ],
    });
    await harness.runBatch(hundred);
    expect(eventsOf('batch_complete')).toMatchObject([
      { level: 'ERROR', batch: 1, error: { name: 'TypeError', message: 'no' } },
      { level: 'ERROR', batch: 2, consecutiveDegradedCount: 2 },
    ]);
  });

  test.each([
    ['a rejection', () => Promise.reject(new Error('no'))],
    [
      'a throw that is no error',
      () => {
        throw 'no' as unknown;
      },
    ],
    [
      'a throw of what has no text',
      () => {
        throw Object.create(null) as unknown;
      },
    ],
    ['what is no list', (() => 5) as unknown as HarnessStage<number>],
  ])('%s is a failure like any other', async (_, stage) => {
    const { harness, eventsOf } = createHarness({ stage });
    expect((await harness.runBatch(hundred)).status).toBe('DEGRADED');
    expect(eventsOf('batch_complete')).toMatchObject([{ level: 'ERROR' }]);
  });

  test('records that cannot be read reject, and no batch has been', async () => {
    const { harness } = createHarness({ first: (records) => records });
    const unreadable = {
      [Symbol.iterator]: () => {
        throw new Error('unreadable');
      },
    };
    await expect(harness.runBatch(unreadable)).rejects.toThrow('unreadable');
    expect(harness.exportLogs()).toEqual([]);
  });
});

describe('the log', () => {
  test('every line has timestamp, level, component, event; stages have their stageId', async () => {
    const { clock, harness } = createHarness({
      score: (records, log) => {
        log.warning('anomaly', { value: 99 });
        log.debug('unseen');
        return records;
      },
    });
    const timestamp = new Date(clock.now()).toISOString();
    const report = await harness.runBatch(hundred);
    expect(harness.exportLogs()).toEqual([
      {
        timestamp,
        level: 'WARNING',
        component: 'score',
        event: 'anomaly',
        stageId: 'score',
        value: 99,
      },
      { timestamp, level: 'INFO', component: 'harness', event: 'batch_complete', ...report },
    ]);
  });

  test('violations, each at its severity', async () => {
    const { harness, eventsOf } = createHarness(
      (clock) => ({
        slow: async (records) => {
          await clock.sleep(1000);
          return records;
        },
      }),
      {
        thresholds: { minHealthyRps: 500, maxMemoryMb: 0.5, maxAlertQueueSize: 1 },
        unresolvedAlerts: () => 2,
      },
    );
    await harness.runBatch(hundred);
    expect(eventsOf('threshold_violation')).toMatchObject([
      { level: 'CRITICAL', batch: 1, thresholdName: 'maxMemoryMb', actualValue: 1 },
      { level: 'WARNING', thresholdName: 'minHealthyRps', stage: 'slow', actualValue: 100 },
      { level: 'WARNING', thresholdName: 'maxAlertQueueSize', actualValue: 2, limitValue: 1 },
    ]);
  });

  test('goes to a stream where one is given, and is then not kept', async () => {
    let text = '';
    const stream = new Writable({
      write(chunk, _, done) {
        text += String(chunk);
        done();
      },
    });
    {
      await using harness = createHarness({ first: (records) => records }, { stream }).harness;
      await harness.runBatch(hundred);
      expect(() => harness.exportLogs()).toThrow('ObservabilityHarness.stream');
    }
    expect(JSON.parse(text)).toMatchObject({ event: 'batch_complete', batch: 1 });
    expect(stream.listenerCount('error') + stream.listenerCount('drain')).toBe(0);
  });
});

describe('changes of breakers', () => {
  const options = { opens: consecutiveFailures(2), openMs: 1000, successesToClose: 1 };
  const changes = (lines: readonly object[]) =>
    lines.map((line) => {
      const { breaker, previous, state } = line as Record<string, string>;
      return `${breaker}: ${previous} → ${state}`;
    });

  test('each of them, also those of one batch', async () => {
    const clock = new VirtualClock();
    const breaker = circuitBreaker({ name: 'lookup', clock, ...options });
    let isDown = true;
    const lookUp = breaker.wrap((value: number) => {
      if (isDown) throw new Error('down');
      return value;
    });
    const { harness, eventsOf } = createHarness(
      {
        lookup: async (records) => {
          for (const value of records) {
            try {
              lookUp(value);
            } catch {
              // The record goes on as it is.
            }
          }
          await clock.sleep(1000);
          isDown = false;
          lookUp(0);
          return records;
        },
      },
      { breakers: [breaker], clock },
    );
    const report = await harness.runBatch(hundred);
    expect(report).toMatchObject({ status: 'DEGRADED', breakers: [{ state: 'closed', opens: 1 }] });
    expect(changes(eventsOf('circuit_state_change'))).toEqual([
      'lookup: closed → open',
      'lookup: open → half_open',
      'lookup: half_open → closed',
    ]);
    expect(harness.exportLogs().at(-1)).toMatchObject({ event: 'batch_complete' });
    isDown = true;
    await harness[Symbol.asyncDispose]();
    breaker.hold('open');
    expect(eventsOf('circuit_state_change')).toHaveLength(3);
  });

  test('one that is held where it is has not changed', async () => {
    const breaker = circuitBreaker({ name: 'lookup' });
    const { harness, eventsOf } = createHarness({ a: (r) => r }, { breakers: [breaker] });
    breaker.hold('closed');
    await harness.runBatch([]);
    expect(eventsOf('circuit_state_change')).toEqual([]);
  });

  test('of one that cannot be listened to what has changed from stage to stage', async () => {
    const breaker = {
      name: 'own',
      state: 'closed' as 'closed' | 'open',
      metrics: { openCount: 0, fastFail: 0 },
    };
    const { harness, eventsOf } = createHarness(
      {
        first: (records) => {
          breaker.state = 'open';
          return records;
        },
        second: (records) => {
          breaker.state = 'closed';
          return records;
        },
      },
      { breakers: [breaker] },
    );
    await harness.runBatch(hundred);
    expect(changes(eventsOf('circuit_state_change'))).toEqual([
      'own: closed → open',
      'own: open → closed',
    ]);
  });
});

test('what is watched may throw: the batch is reported, and logged', async () => {
  let isBroken = false;
  const figure = <T>(value: T): T => {
    if (isBroken) throw new Error('no figures');
    return value;
  };
  const breaker = {
    name: 'own',
    get state() {
      return figure('closed' as const);
    },
    metrics: { openCount: 0, fastFail: 0 },
  };
  const fallback = { summary: () => figure({ stale: 0, interpolated: 0, constant: 0 }) };
  const stages: Stages = { keep: (records) => records };
  const options = { breakers: [breaker], fallbacks: [fallback] };
  const { harness, eventsOf } = createHarness(stages, options);
  isBroken = true;
  expect(await harness.runBatch(hundred)).toMatchObject({ status: 'HEALTHY', recordsOut: 100 });
  expect(eventsOf('batch_complete')).toHaveLength(1);
});

test('a harness that was disposed of runs no batch that nobody could log', async () => {
  const seen: number[] = [];
  const { harness, eventsOf } = createHarness({
    keep: (records) => {
      seen.push(records.length);
      return records;
    },
  });
  const last = harness.runBatch([1, 2]);
  const disposed = harness[Symbol.asyncDispose]();
  const late = harness.runBatch([3]);
  await expect(late).rejects.toThrow('ERR_RUN_CLOSED [ObservabilityHarness]');
  await Promise.all([last, disposed]);
  await expect(harness.runBatch([4])).rejects.toThrow('it was disposed of');
  await harness[Symbol.asyncDispose]();
  expect(seen).toEqual([2]);
  expect(eventsOf('batch_complete')).toHaveLength(1);
});

test.each([
  [{}, 'has no stage'],
  [{ a: 5 }, '`a` is no function'],
  [{ 1: () => [] }, '`1` is a number'],
])('refuses the stages %o', (stages, message) => {
  expect(() => new ObservabilityHarness({ stages: stages as unknown as Stages })).toThrow(message);
});

test('what a harness says is counted in its registry', async () => {
  await using harness = new ObservabilityHarness<number>({
    stages: { double: (records) => Promise.resolve(records.map((record) => record * 2)) },
    thresholds: { maxMemoryMb: 0 },
  });
  await harness.runBatch([1]);
  await harness.runBatch([2]);
  const { events } = harness.registry.report();
  expect(events).toEqual({ batch_complete: 2, threshold_violation: 2 });
});
