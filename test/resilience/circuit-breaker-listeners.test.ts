import { expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import {
  circuitBreaker,
  consecutiveFailures,
  type PolicyEvent,
} from '../../src/resilience/index.ts';

async function fail(breaker: ReturnType<typeof circuitBreaker>): Promise<void> {
  await breaker.execute(() => Promise.reject(new Error('no'))).catch(() => {});
}

test('whoever listens is told of every change, in order, until he has heard enough', async () => {
  const clock = new VirtualClock();
  const changes: string[] = [];
  const note = (who: string) => (event: PolicyEvent) => {
    if (event.type === 'breaker.changed') changes.push(`${who} ${event.from} → ${event.to}`);
  };
  const breaker = circuitBreaker({
    opens: consecutiveFailures(1),
    openMs: 100,
    successesToClose: 1,
    clock,
    onEvent: note('option'),
  });
  const stop = breaker.listen(note('first'));
  breaker.listen(() => {
    throw new Error('its own affair');
  });
  breaker.listen(note('second'));
  await fail(breaker);
  expect(changes).toEqual(
    ['closed → open', 'closed → open', 'closed → open'].map(
      (change, at) => `${['option', 'first', 'second'][at]} ${change}`,
    ),
  );
  changes.length = 0;
  stop();
  await clock.sleep(100);
  await breaker.execute(() => Promise.resolve(1));
  expect(changes).toEqual([
    'option open → half-open',
    'second open → half-open',
    'option half-open → closed',
    'second half-open → closed',
  ]);
});

test('a refusal is no change: listeners are not told', async () => {
  const breaker = circuitBreaker({ opens: consecutiveFailures(1), clock: new VirtualClock() });
  const types: string[] = [];
  breaker.listen(({ type }) => void types.push(type));
  await fail(breaker);
  await fail(breaker);
  expect(types).toEqual(['breaker.changed']);
});
