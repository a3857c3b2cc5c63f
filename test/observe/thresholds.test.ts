import { expect, test } from 'vitest';

import { checkThresholds, type HealthReport, type StageHealth } from '../../src/observe/index.ts';

const well: HealthReport = {
  batch: 1,
  at: 0,
  status: 'HEALTHY',
  reasons: [],
  recordsIn: 100,
  recordsOut: 100,
  busyMs: 100,
  inPerSecond: 1000,
  stages: [],
  bottleneck: null,
  breakers: [],
  memoryMb: 100,
  unresolvedAlerts: 5,
  consecutiveDegradedCount: 3,
};
const limits = {
  minHealthyRps: 500,
  maxAllowedDegraded: 3,
  maxMemoryMb: 100,
  maxAlertQueueSize: 5,
};

function stage(name: string, inPerSecond: number | null): StageHealth {
  const none = { meanMs: null, p50Ms: null, p95Ms: null, p99Ms: null };
  return { stage: name, in: 1, out: 1, errors: 0, busyMs: 1, inPerSecond, ...none };
}

function breaker(name: string, state: 'open' | 'half-open' | 'closed') {
  return { name, state, opens: 1, refused: 0 };
}

test('a figure at its limit keeps to it', () => {
  expect(checkThresholds({ ...well, stages: [stage('a', 500)] }, limits)).toEqual([]);
});

test('one for each stage under the floor, and for no other', () => {
  const stages = [stage('a', 499.9), stage('b', 500), stage('c', 0.1), stage('d', null)];
  expect(checkThresholds({ ...well, stages }, limits)).toEqual([
    {
      thresholdName: 'minHealthyRps',
      actualValue: 499.9,
      limitValue: 500,
      severity: 'WARNING',
      stage: 'a',
    },
    {
      thresholdName: 'minHealthyRps',
      actualValue: 0.1,
      limitValue: 500,
      severity: 'WARNING',
      stage: 'c',
    },
  ]);
});

test('memory and an open breaker are critical and come first; the rest warns', () => {
  const report: HealthReport = {
    ...well,
    stages: [stage('a', 1)],
    breakers: [breaker('x', 'open'), breaker('y', 'half-open'), breaker('z', 'closed')],
    memoryMb: 100.1,
    unresolvedAlerts: 6,
    consecutiveDegradedCount: 4,
  };
  expect(
    checkThresholds(report, limits).map(({ thresholdName, actualValue, limitValue, severity }) =>
      [severity, thresholdName, actualValue, limitValue].join(' '),
    ),
  ).toEqual([
    'CRITICAL openBreakers 1 0',
    'CRITICAL maxMemoryMb 100.1 100',
    'WARNING minHealthyRps 1 500',
    'WARNING maxAllowedDegraded 4 3',
    'WARNING maxAlertQueueSize 6 5',
  ]);
});

test('what is not limited is not violated, but for an open breaker', () => {
  const report: HealthReport = {
    ...well,
    stages: [stage('a', 1)],
    memoryMb: 1e6,
    consecutiveDegradedCount: 99,
  };
  expect(checkThresholds(report, {})).toEqual([]);
  const breakers = [breaker('x', 'open'), breaker('y', 'open')];
  expect(checkThresholds({ ...report, breakers }, {})).toMatchObject([{ actualValue: 2 }]);
});

test('no figure, or NaN, violates nothing', () => {
  const stages = [stage('a', null), stage('b', NaN)];
  const unknown = { ...well, stages, memoryMb: null, unresolvedAlerts: null };
  expect(checkThresholds(unknown, limits)).toEqual([]);
  expect(checkThresholds({ ...well, memoryMb: NaN }, limits)).toEqual([]);
});
