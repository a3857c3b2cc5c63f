import { PipelineError } from '../../errors.ts';
import {
  isCircuitOpenError,
  isRetryExhaustedError,
  isTimeoutError,
} from '../../resilience/index.ts';

/** Why a sensor gave no reading, in a word. */
export type SensorReason =
  | 'timeout'
  | 'late'
  | 'circuit-open'
  | 'unreachable'
  | 'status'
  | 'redirect'
  | 'too-large'
  | 'no-json'
  | 'no-value'
  | 'failed';

/** A sensor answered with something else, not in time, or not at all. */
export class SensorError extends PipelineError {
  readonly reason: SensorReason;

  constructor(sensor: string, reason: SensorReason, fact: string, cause?: unknown) {
    super({ code: 'ERR_SENSOR_READ', place: sensor, fact, cause, retryable: true });
    this.reason = reason;
  }
}

/** Of what a client gave up with. */
export function sensorReason(error: unknown): SensorReason {
  if (isRetryExhaustedError(error)) return sensorReason(error.cause);
  if (isCircuitOpenError(error)) return 'circuit-open';
  if (isTimeoutError(error)) return 'timeout';
  return error instanceof SensorError ? error.reason : 'failed';
}
