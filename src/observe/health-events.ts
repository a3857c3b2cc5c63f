import { defineEvent, type EventDefinition } from '../core/index.ts';
import type { HealthReport } from './health-report.ts';
import type { ThresholdViolation } from './thresholds.ts';

/** A batch has been through the stages of a harness. */
export const batchCompleted: EventDefinition<keyof HealthReport | 'error'> = defineEvent({
  name: 'batch_complete',
  level: 'INFO',
  summary: 'A batch has been through the stages; an ERROR where one of them failed.',
  fields: {
    batch: 'its number, from 1',
    at: 'when it was through: wall time in milliseconds',
    status: '`HEALTHY` or `DEGRADED`',
    reasons: 'why it is degraded',
    recordsIn: 'records into the first stage',
    recordsOut: 'records out of the last',
    busyMs: 'how long its stages were at work',
    inPerSecond: 'records in per second of work',
    stages: 'each stage: in, out, errors, records in per second of work, latency',
    bottleneck: 'the stage that takes the fewest records per second of its work',
    breakers: 'each breaker: state, opens, refused',
    memoryMb: 'resident memory of the process, in MiB',
    unresolvedAlerts: 'alerts that are pending or firing',
    consecutiveDegradedCount: 'degraded batches in a row',
    error: 'what a stage failed with, where one did',
  },
  metric: 'millrace_batches_completed_total',
  isKept: true,
});

/** A batch has passed a limit of a `ThresholdConfig`. */
export const thresholdViolated: EventDefinition<'batch' | keyof ThresholdViolation> = defineEvent({
  name: 'threshold_violation',
  level: 'WARNING',
  summary: 'A batch has passed a limit; CRITICAL for memory and an open breaker.',
  fields: {
    batch: 'the number of the batch, from 1',
    thresholdName: 'the limit',
    actualValue: 'the figure',
    limitValue: 'what it should have kept to',
    severity: 'the level of the line',
    stage: 'the stage that is too slow, where it is one',
  },
  metric: 'millrace_threshold_violations_total',
  isKept: true,
});

/** What a harness around batches says. */
export const harnessEvents: readonly EventDefinition[] = [batchCompleted, thresholdViolated];
