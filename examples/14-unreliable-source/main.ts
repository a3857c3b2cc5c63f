import assert from 'node:assert/strict';

import {
  circuitBreaker,
  consecutiveFailures,
  isCircuitOpenError,
  isRetryExhaustedError,
  type PolicyEvent,
  retry,
  wrap,
} from 'millrace/resilience';
import { virtualOutside } from 'millrace/testing';

// With this seed some reads are exhausted, two of them in a row: the breaker opens, and closes again.
const { clock, random } = virtualOutside(14);

async function readSensor(): Promise<number> {
  await clock.sleep(50);
  if (random.next() < 0.4) throw new Error('the sensor does not answer');
  return 20 + 5 * random.next();
}

function onEvent(event: PolicyEvent): void {
  if (event.type === 'retry.scheduled') {
    console.log(`    attempt ${event.attempt} failed, the next in ${event.delayMs} ms`);
  } else if (event.type === 'breaker.changed') {
    console.log(`    breaker ${event.from} → ${event.to}`);
  }
}

const opens = consecutiveFailures(2);
const source = wrap(
  circuitBreaker({ opens, openMs: 3000, successesToClose: 1, clock, onEvent }),
  retry({ maxAttempts: 3, baseDelayMs: 100, clock, onEvent }),
);

const counts = { attempted: 0, successful: 0, exhausted: 0, fastFailed: 0 };

/** Says why a read gave nothing; what it does not know is thrown again. */
function countFailure(error: unknown): string {
  if (isRetryExhaustedError(error)) {
    counts.exhausted++;
    return `EXHAUSTED after ${error.attempts} attempts and ${error.totalDelayMs} ms of waiting`;
  }
  if (!isCircuitOpenError(error)) throw error;
  counts.fastFailed++;
  return `FAST-FAILED without a call, to be tried again in ${error.retryAfterMs} ms`;
}

async function read(): Promise<string> {
  counts.attempted++;
  try {
    const celsius = await source.execute(readSensor);
    counts.successful++;
    return `${celsius.toFixed(1)} °C`;
  } catch (error) {
    return countFailure(error);
  }
}

while (counts.attempted < 30) {
  const line = await read();
  console.log(`read ${String(counts.attempted).padStart(2)}: ${line}`);
  await clock.sleep(1000);
}

const { attempted, successful, exhausted, fastFailed } = counts;
console.log(
  `\nattempted ${attempted}, successful ${successful}, exhausted ${exhausted}, ` +
    `fast-failed ${fastFailed}`,
);
assert.deepEqual([attempted, successful + exhausted + fastFailed], [30, 30]);
// What the seed is chosen for.
assert.ok(Math.min(successful, exhausted, fastFailed) > 0);
