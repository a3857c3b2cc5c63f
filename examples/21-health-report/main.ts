import assert from 'node:assert/strict';

import {
  type HealthReport,
  MetricsRegistry,
  observe,
  PipelineHealthDashboard,
  type ThresholdViolation,
} from 'millrace/observe';
import { circuitBreaker, consecutiveFailures } from 'millrace/resilience';
import { virtualOutside } from 'millrace/testing';

interface Reading {
  readonly value: number;
  readonly site?: string;
}

const { clock } = virtualOutside(21);
const registry = new MetricsRegistry({ clock });
let batch = 0;

/** What the second stage asks: slow in batches 16 to 25, down from 26 to 35. */
async function askForSite(reading: Reading): Promise<Reading> {
  const isSlow = batch >= 16 && batch <= 25;
  await clock.sleep(isSlow ? 5 : 0.8);
  if (batch >= 26 && batch <= 35) throw new Error('503 Service Unavailable');
  return { ...reading, site: 'north' };
}

async function parse(text: string): Promise<Reading> {
  await clock.sleep(0.5);
  return { value: Number(text) };
}

async function store(_reading: Reading): Promise<void> {
  await clock.sleep(0.4);
}

const stages = {
  parse: observe(parse, { registry }),
  locate: observe(askForSite, { name: 'locate', registry }),
  store: observe(store, { registry }),
};

const breaker = circuitBreaker({
  name: 'sites',
  opens: consecutiveFailures(3),
  openMs: 9500,
  successesToClose: 1,
  clock,
});

const dashboard = new PipelineHealthDashboard({
  thresholds: {
    minHealthyRps: 500,
    maxAllowedDegraded: 5,
    maxMemoryMb: 512,
    maxAlertQueueSize: 10,
  },
  breakers: [breaker],
  registry,
  clock,
  rssBytes: () => 96 * 2 ** 20, // What the process really has differs from run to run.
});

async function runBatch(): Promise<HealthReport> {
  for (let record = 0; record < 100; record++) {
    const reading = await stages.parse(String(record));
    // Where nobody answers, the reading goes on without its site.
    const located = await breaker.execute(() => stages.locate(reading)).catch(() => reading);
    await stages.store(located);
  }
  return dashboard.collect();
}

function printReport(report: HealthReport, violations: readonly ThresholdViolation[]): void {
  const { bottleneck, breakers, memoryMb, consecutiveDegradedCount } = report;
  const states = breakers.map(({ name, state }) => `${name} ${state}`).join(', ');
  console.log(
    `Batch ${report.batch}: ${report.status}, bottleneck ${bottleneck}, breaker ${states}, ` +
      `${memoryMb} MB, ${consecutiveDegradedCount} degraded in a row`,
  );
  for (const { stage, inPerSecond, meanMs } of report.stages) {
    const rate = inPerSecond === null ? 'nothing to do' : `${inPerSecond.toFixed(0)} records/s`;
    const mean = meanMs === null ? '' : `${meanMs.toFixed(1)} ms each`;
    console.log(`  ${stage.padEnd(8)}${rate.padEnd(16)}${mean}`.trimEnd());
  }
  for (const { severity, thresholdName, stage, actualValue, limitValue } of violations) {
    const what = stage === undefined ? thresholdName : `${thresholdName} of ${stage}`;
    console.log(`  ${severity} ${what}: ${actualValue.toFixed(0)}, limit ${limitValue}`);
  }
}

const reports: HealthReport[] = [];
for (batch = 1; batch <= 50; batch++) {
  await clock.sleep(Math.max(0, (batch - 1) * 1000 - clock.monotonic()));
  const report = await runBatch();
  reports.push(report);
  const violations = dashboard.checkThresholds(report);
  if (batch % 5 === 0) printReport(report, violations);

  const rates = report.stages.map(({ inPerSecond }) => inPerSecond ?? 0);
  const severities = new Set(violations.map(({ severity }) => severity));
  if (batch <= 15 || batch > 35) {
    assert.equal(report.status, 'HEALTHY');
    assert.ok(rates.every((rate) => rate > 1000));
    assert.deepEqual(violations, []);
  } else if (batch <= 25) {
    assert.equal(report.status, 'HEALTHY');
    assert.deepEqual([...severities], ['WARNING']);
    assert.equal(report.bottleneck, 'locate');
  } else {
    assert.equal(report.status, 'DEGRADED');
    assert.ok(severities.has('CRITICAL'));
  }
}

console.log(`\n${dashboard.histogram}`);
console.log(`\n${dashboard.consecutiveDegradedCount} degraded in a row at the end`);
assert.equal(dashboard.consecutiveDegradedCount, 0);
assert.equal(Math.max(...reports.map((report) => report.consecutiveDegradedCount)), 10);
