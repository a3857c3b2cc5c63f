import { performance } from 'node:perf_hooks';
import process from 'node:process';

import { systemClock } from '../src/core/index.ts';
import type { ComponentReport, RunStats } from '../src/observe/snapshot.ts';
import { Histogram } from '../src/observe/histogram.ts';
import { latencyOf, Meter } from '../src/observe/meter.ts';
import { MetricsRegistry } from '../src/observe/metrics-registry.ts';
import { prometheusText } from '../src/observe/exposition.ts';
import { RecentFigures } from '../src/observe/recent-figures.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { promClientHistogram } from './peers/prom-client.ts';

const exportMsMax = 5;
const stageKiBMax = 64;
const recentMsMax = 2;

/** What metrics cost. */
export const observeMetrics: readonly Measure[] = [
  {
    id: 'observe.histogram',
    title: 'one value into a histogram',
    peer: 'prom-client',
    unit: 'ns/call',
    target: { within: 0.15 },
    run: measureHistogram,
  },
  {
    id: 'observe.metrics.text',
    title: '/metrics of 200 stages',
    peer: 'the limit',
    unit: 'ms',
    target: { within: 1 },
    run: measureText,
  },
  {
    id: 'observe.metrics.memory',
    title:
      "a stage's meter, with its last second, and its entry in a registry after an hour of batches",
    peer: 'the limit',
    unit: 'KiB',
    target: { within: 1 },
    run: measureMemory,
  },
  {
    id: 'observe.recent',
    title: "the last second's latencies of 200 stages",
    peer: 'the limit',
    unit: 'ms',
    target: { within: 1 },
    run: measureRecent,
  },
];

/** Seconds from a microsecond to a minute, in no order. */
const seconds = Float64Array.from({ length: 4096 }, (_, at) => 1e-6 * 6e7 ** ((at * 0.618) % 1));

interface Recorder {
  record(seconds: number): void;
}

/** Nanoseconds per value, in turns. */
async function measureHistogram({ quick }: Setting): Promise<Samples> {
  const [ours, peer] = [new Histogram(), promClientHistogram()];
  const samples = { ours: [] as number[], peer: [] as number[] };
  const [warmups, rounds, count] = quick ? [1, 3, 1000] : [5, 31, 200_000];
  for (let round = -warmups; round < rounds; round++) {
    const took = { ours: timeOf(ours, count), peer: timeOf(peer, count) };
    if (round < 0) continue;
    samples.ours.push(took.ours);
    samples.peer.push(took.peer);
  }
  return samples;
}

// A function of its own for each: compiled for both it would be fast for neither.
function timeOf(recorder: Recorder, count: number): number {
  return recorder instanceof Histogram ? timeOurs(recorder, count) : timePeer(recorder, count);
}

function timeOurs(histogram: Histogram, count: number): number {
  const start = performance.now();
  for (let at = 0; at < count; at++) histogram.record(seconds[at & 4095]!);
  return ((performance.now() - start) * 1e6) / count;
}

function timePeer(recorder: Recorder, count: number): number {
  const start = performance.now();
  for (let at = 0; at < count; at++) recorder.record(seconds[at & 4095]!);
  return ((performance.now() - start) * 1e6) / count;
}

async function measureText({ quick }: Setting): Promise<Samples> {
  const stats = statsOf(200);
  const ours = [];
  const [warmups, rounds] = quick ? [1, 3] : [30, 51];
  for (let round = -warmups; round < rounds; round++) {
    const start = performance.now();
    const bytes = Buffer.byteLength(prometheusText({ stats: () => stats }));
    const ms = performance.now() - start;
    if (bytes < 100_000) throw new Error(`only ${bytes} bytes`);
    if (round >= 0) ours.push(ms);
  }
  return { ours, peer: [exportMsMax] };
}

/** A run of so many stages, each with a queue and with every time measured that a stage has. */
function statsOf(count: number): RunStats {
  const histogram = new Histogram();
  for (const value of seconds) histogram.record(value);
  const [times, none] = [latencyOf(histogram, { classic: true }), latencyOf(new Histogram())];
  const components = Array.from({ length: count }, (_, at): ComponentReport => {
    const rows = { in: 1e6 * at, out: 9e5 * at, dropped: 1e5 * at, dead: at, held: 0 };
    const other = {
      absorbed: 0,
      created: 0,
      undelivered: 0,
      unaccounted: 0,
      perSecond: 1e5,
      bytes: 0,
    };
    const spent = {
      busyMs: 1234.5,
      blockedMs: 67.8,
      waitingMs: 4.3,
      idleMs: 9.1,
      sinceProgressMs: 12,
    };
    const by = { errors: { 'field.type': at }, droppedBy: { condition: 1e5 * at }, counts: {} };
    const latencies = { work: times, wait: times, endToEnd: none, recent: null };
    const names = {
      id: `stage-${at}`,
      name: 'filter',
      kind: 'stage',
      failed: 0,
      errorRate: 0,
    } as const;
    return { ...names, ...rows, ...other, ...spent, ...by, ...latencies };
  });
  const queue = { depth: 2, rows: 8192, bytes: 1e6, fill: 0.25, isPaced: true };
  return {
    pipeline: 'plant',
    status: 'running',
    kernels: null,
    changes: {},
    delivery: 'best-effort',
    recordsIn: 1e9,
    recordsOut: 1e9,
    durationMs: 3.6e6,
    endedAt: null,
    bytesIn: 1e11,
    peakMemoryBytes: 1e8,
    deadLetters: 17,
    components,
    at: 1.8e12,
    monotonicMs: 3.6e6,
    startedAt: 1.8e12 - 3.6e6,
    process: { rssBytes: 1e8, heapUsedBytes: 5e7, loopUtilization: 0.6 },
    degraded: {},
    failure: null,
    queues: Object.fromEntries(components.map(({ id }) => [id, queue])),
    events: {},
    alerts: [],
    errorRate: 0,
    lastFailures: [],
    slowestBatches: [],
    lanes: [],
    resources: [],
    versions: { millrace: '0', node: '24' },
    uptimeMs: 3.6e6,
  };
}

/** Kibibytes held for each stage, after as many batches as ten a second make in an hour. */
async function measureMemory({ quick }: Setting): Promise<Samples> {
  const [stages, minutes] = quick ? [20, 2] : [200, 60];
  const registry = new MetricsRegistry();
  const before = heldKiB();
  const meters = Array.from({ length: stages }, () => new Meter());
  const recent = meters.map((meter) => new RecentFigures(meter, systemClock));
  const ours = [];
  for (let minute = 0; minute < minutes; minute++) {
    for (let batch = 0; batch < 600; batch++) {
      measureBatch(meters, registry, 600 * minute + batch);
      if (batch % 10 === 9) for (const times of recent) times.advance();
    }
    ours.push((heldKiB() - before) / stages);
  }
  const growth = ours.at(-1)! - ours[0]!;
  if (growth > 1) throw new Error(`it grew by ${growth} KiB after the first minute`);
  if (registry.report().stages.length !== stages) throw new Error('stages are missing');
  if (recent.some(({ latencies }) => latencies?.work.count !== 10)) throw new Error('no second');
  return { ours, peer: [stageKiBMax] };
}

/** Milliseconds of the loop for each second that somebody follows a run. */
async function measureRecent({ quick }: Setting): Promise<Samples> {
  const meters = Array.from({ length: 200 }, () => new Meter());
  const recent = meters.map((meter) => new RecentFigures(meter, systemClock));
  const ours = [];
  const [warmups, rounds] = quick ? [1, 3] : [30, 51];
  for (let round = -warmups; round < rounds; round++) {
    for (const [at, meter] of meters.entries()) {
      for (let batch = 0; batch < 30; batch++) {
        const took = seconds[(31 * at + 7 * round + batch) & 4095]!;
        meter.work.record(took);
        meter.wait.record(took);
      }
    }
    const start = performance.now();
    for (const times of recent) times.advance();
    if (round >= 0) ours.push(performance.now() - start);
  }
  return { ours, peer: [recentMsMax] };
}

/** What is noted of one batch that passes all stages. */
function measureBatch(meters: readonly Meter[], registry: MetricsRegistry, batch: number): void {
  for (const [at, meter] of meters.entries()) {
    const took = seconds[(batch + at) & 4095]!;
    meter.busyMs += took * 1000;
    meter.lastProgressMs = 100 * batch;
    meter.work.record(took);
    meter.wait.record(took);
    meter.endToEnd.record(took);
    meter.sent(4096);
    registry.register(`stage-${at}`, { in: 4096, out: 4096, busyMs: 1, latency: took });
  }
}

function heldKiB(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1024;
}
