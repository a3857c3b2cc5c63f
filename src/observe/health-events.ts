import { defineEvent, type EventDefinition } from '../core/index.ts';

/** A batch has been through the stages of a harness. */
export const batchCompleted: EventDefinition = defineEvent({
  name: 'batch_complete',
  level: 'INFO',
  summary: 'A batch has been through the stages; an ERROR where one of them failed.',
  fields: {
    batch: 'its number, from 1',
    status: '`HEALTHY` or `DEGRADED`',
    reasons: 'why it is degraded',
    recordsIn: 'records into the first stage',
    recordsOut: 'records out of the last',
    throughput: 'records in per second of work',
    stages: 'each stage: in, out, errors, throughput, latency',
    bottleneck: 'the stage with the least throughput',
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
export const thresholdViolated: EventDefinition = defineEvent({
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
