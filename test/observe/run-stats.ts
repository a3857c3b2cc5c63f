import type { ComponentReport, Latency, RunStats } from '../../src/observe/index.ts';

const latency: Latency = {
  count: 0,
  sumMs: 0,
  meanMs: null,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  maxMs: null,
};

/** The figures of a component that did nothing, but for what is given. */
export function componentStats(id: string, given: Partial<ComponentReport> = {}): ComponentReport {
  return {
    id,
    name: id,
    kind: 'stage',
    in: 0,
    out: 0,
    dropped: 0,
    dead: 0,
    failed: 0,
    absorbed: 0,
    created: 0,
    held: 0,
    undelivered: 0,
    unaccounted: 0,
    busyMs: 0,
    blockedMs: 0,
    idleMs: 0,
    work: latency,
    wait: latency,
    endToEnd: latency,
    perSecond: 0,
    bytes: 0,
    sinceProgressMs: 0,
    droppedBy: {},
    counts: {},
    errors: {},
    errorRate: null,
    ...given,
  };
}

/** What has these figures, as a run has its own. */
export function runOf(stats: RunStats): { stats(): RunStats } {
  return { stats: () => stats };
}

/** The figures of a run, `second` seconds after it began. */
export function runStats(second: number, given: Partial<RunStats> = {}): RunStats {
  return {
    pipeline: 'p',
    status: 'running',
    delivery: 'best-effort',
    recordsIn: 0,
    recordsOut: 0,
    durationMs: second * 1000,
    bytesIn: 0,
    peakMemoryBytes: 0,
    deadLetters: 0,
    components: [],
    at: Date.UTC(2026, 0, 1) + second * 1000,
    monotonicMs: second * 1000,
    process: { rssBytes: 1e8, heapUsedBytes: 5e7, loopUtilization: 0.5 },
    degraded: {},
    queues: {},
    alerts: [],
    events: {},
    changes: {},
    errorRate: null,
    lastFailures: [],
    slowestBatches: [],
    lanes: [],
    resources: [],
    versions: { millrace: '0', node: '24' },
    uptimeMs: second * 1000,
    ...given,
  };
}
