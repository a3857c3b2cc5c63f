import { PipelineError } from '../errors.ts';
import type { AlertSeverity } from './alerts/alert.ts';
import { isBeyond } from './beyond.ts';
import { isOpen } from './health.ts';
import type { HealthReport } from './health-report.ts';
import { requireKnownNames } from './known-names.ts';

/** Limits of a healthy batch; what is left out is not limited. */
export interface ThresholdConfig {
  /** Records per second of its work that each stage must reach. */
  readonly minHealthyRps?: number | undefined;
  /** DEGRADED batches in a row. */
  readonly maxAllowedDegraded?: number | undefined;
  /** Resident memory of the process, in MiB. */
  readonly maxMemoryMb?: number | undefined;
  /** Alerts that are not resolved. */
  readonly maxAlertQueueSize?: number | undefined;
}

/** A limit that a batch has passed. */
export interface ThresholdViolation {
  /** The limit's name in `ThresholdConfig`, or `openBreakers`, of which none is allowed. */
  readonly thresholdName: keyof ThresholdConfig | 'openBreakers';
  readonly actualValue: number;
  readonly limitValue: number;
  readonly severity: AlertSeverity;
  /** The stage under `minHealthyRps`. */
  readonly stage?: string;
}

/**
 * What of a report passes a limit strictly, the critical first. A figure that is not known passes
 * none: a stage that had nothing to do is not slow.
 */
export function checkThresholds(
  report: HealthReport,
  thresholds: ThresholdConfig,
): ThresholdViolation[] {
  const { breakers, memoryMb, stages, consecutiveDegradedCount, unresolvedAlerts } = report;
  const { maxAllowedDegraded, maxMemoryMb, maxAlertQueueSize, minHealthyRps } = thresholds;
  return [
    ...passed('openBreakers', 'CRITICAL', breakers.filter(isOpen).length, 0),
    ...passed('maxMemoryMb', 'CRITICAL', memoryMb, maxMemoryMb),
    ...stages.flatMap(({ stage, inPerSecond }) =>
      passed('minHealthyRps', 'WARNING', inPerSecond, minHealthyRps).map((violation) => ({
        ...violation,
        stage,
      })),
    ),
    ...passed('maxAllowedDegraded', 'WARNING', consecutiveDegradedCount, maxAllowedDegraded),
    ...passed('maxAlertQueueSize', 'WARNING', unresolvedAlerts, maxAlertQueueSize),
  ];
}

/** The violation, where there is one. */
function passed(
  thresholdName: ThresholdViolation['thresholdName'],
  severity: ThresholdViolation['severity'],
  actualValue: number | null,
  limitValue: number | undefined,
): ThresholdViolation[] {
  if (actualValue === null || limitValue === undefined) return [];
  const bad = thresholdName === 'minHealthyRps' ? 'below' : 'above';
  if (!isBeyond(actualValue, limitValue, bad)) return [];
  return [{ thresholdName, actualValue, limitValue, severity }];
}

const thresholdNames: readonly string[] = [
  'minHealthyRps',
  'maxAllowedDegraded',
  'maxMemoryMb',
  'maxAlertQueueSize',
] satisfies (keyof ThresholdConfig)[];

/** Throws `ERR_CONFIG_INVALID` where a limit has another name, or is no number from 0 up. */
export function requireThresholds(thresholds: ThresholdConfig): void {
  requireKnownNames('thresholds', thresholds, thresholdNames, 'limit');
  for (const [name, value] of Object.entries(thresholds)) {
    if (value === undefined || (typeof value === 'number' && value >= 0)) continue;
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: `thresholds.${name}`,
      fact: `cannot be ${String(value)}`,
      remedy: 'give a number, 0 or more',
    });
  }
}
