import type { BreakerState } from '../../src/core/index.ts';
import type { ComponentReport, Latency, RunStats } from '../../src/observe/index.ts';
import type { BreakerReport, Census, PolicyReport } from '../../src/observe/snapshot.ts';

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
    waitingMs: 0,
    idleMs: 0,
    work: latency,
    wait: latency,
    endToEnd: latency,
    recent: null,
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

/** Breakers as figures have them. */
export function censusOf<One extends { readonly state: BreakerState } = BreakerReport>(
  worst: readonly One[] = [],
): Census<BreakerState, One> {
  const isIn = (state: BreakerState): number => worst.filter((one) => one.state === state).length;
  const byState = { open: isIn('open'), 'half-open': isIn('half-open'), closed: isIn('closed') };
  return { total: worst.length, byState, worst };
}

/** The figures of a policy that has done nothing, around these breakers. */
export function policyStats(breakers: readonly BreakerReport[]): PolicyReport {
  return {
    calls: 0,
    attempts: 0,
    substituted: 0,
    substitutedBy: {},
    retries: 0,
    suppressed: 0,
    breakers: censusOf(breakers),
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
    startedAt: Date.UTC(2026, 0, 1),
    endedAt: null,
    process: { rssBytes: 1e8, heapUsedBytes: 5e7, loopUtilization: 0.5 },
    degraded: {},
    failure: null,
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
    kernels: null,
    uptimeMs: second * 1000,
    ...given,
  };
}
