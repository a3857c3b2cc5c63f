import assert from 'node:assert/strict';

import {
  type BreakerState,
  circuitBreaker,
  type CircuitBreakerStatus,
  consecutiveFailures,
  isCircuitOpenError,
} from 'millrace/resilience';
import { virtualOutside } from 'millrace/testing';

interface Change {
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly atSeconds: number;
}

/** Calls a service that works for 5 s, is down for 3 s and works again, 30 times in 15 seconds. */
async function callFlappingService(successesToClose: number): Promise<readonly Change[]> {
  const { clock, random } = virtualOutside(15);
  const seconds = (): number => clock.monotonic() / 1000;
  const changes: Change[] = [];
  const breaker = circuitBreaker({
    name: 'service',
    opens: consecutiveFailures(3),
    openMs: 3000,
    successesToClose,
    clock,
    onEvent(event) {
      if (event.type !== 'breaker.changed') return;
      changes.push({ from: event.from, to: event.to, atSeconds: seconds() });
    },
  });

  async function service(): Promise<void> {
    const isDown = seconds() >= 5 && seconds() < 8;
    await clock.sleep(20 + Math.round(60 * random.next()));
    if (isDown) throw new Error('503 Service Unavailable');
  }

  async function call(): Promise<string> {
    try {
      await breaker.execute(service);
      return '✓';
    } catch (error) {
      return isCircuitOpenError(error) ? '–' : '✗';
    }
  }

  let marks: string[] = [];
  for (let calls = 1; calls <= 30; calls++) {
    marks.push(await call());
    if (calls % 5 === 0) {
      printStatus((calls - 5) / 2, marks, breaker.reportStatus());
      marks = [];
    }
    await clock.sleep(calls * 500 - clock.monotonic());
  }
  for (const { from, to, atSeconds } of changes) {
    console.log(`  ${from} → ${to} at ${atSeconds.toFixed(2)} s`);
  }
  return changes;
}

function printStatus(
  startSeconds: number,
  marks: readonly string[],
  { state, successRate, fastFailRate, opens, secondsSinceLastFailure }: CircuitBreakerStatus,
): void {
  const percent = (rate: number | null): string => `${Math.round((rate ?? 0) * 100)} %`;
  const columns = [
    `${startSeconds.toFixed(1)} s`.padStart(8),
    marks.join(' '),
    state.padEnd(9),
    percent(successRate).padStart(7),
    percent(fastFailRate).padStart(9),
    String(opens).padStart(5),
    secondsSinceLastFailure === null ? 'none' : `${secondsSinceLastFailure.toFixed(1)} s ago`,
  ];
  console.log(columns.join('  '));
}

console.log('Five calls a line: ✓ answered, ✗ failed, – refused without a call');

const runs: (readonly Change[])[] = [];
for (const needed of [1, 2]) {
  console.log(`\nClosed by ${needed === 1 ? 'one probe that succeeds' : 'two in a row'}`);
  console.log('    from  calls      state      success  fast-fail  opens  last failure');
  runs.push(await callFlappingService(needed));
}

const way = ['closed → open', 'open → half-open', 'half-open → closed'];
const closedAt = runs.map((changes) => {
  assert.deepEqual(
    changes.map(({ from, to }) => `${from} → ${to}`),
    way,
  );
  const [opened, , closed] = changes;
  assert.ok(opened!.atSeconds >= 5 && opened!.atSeconds < 8, 'it opens in the crash');
  return closed!.atSeconds;
});
const [withOne, withTwo] = closedAt as [number, number];
assert.ok(withTwo > withOne);
console.log(`\nThe second probe closes it ${(withTwo - withOne).toFixed(2)} s later.`);
