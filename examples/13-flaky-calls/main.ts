import assert from 'node:assert/strict';

import {
  isTimeoutError,
  printRetryReport,
  retry,
  type RetryOptions,
  RetryRegistry,
  timeout,
  wrap,
} from 'millrace/resilience';
import { virtualOutside } from 'millrace/testing';

const { clock, random } = virtualOutside(13);
const registry = new RetryRegistry();

class Busy extends Error {
  /** A retry waits at least as long. */
  readonly retryAfterMs = 1500;
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: it failed`), { code });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Something that fails in that share of the calls, with chances of its own. */
function flaky(name: string, share: number, fail: (signal: AbortSignal) => Promise<void>) {
  const chances = random.fork(name);
  return async (signal: AbortSignal): Promise<string> => {
    await clock.sleep(20, { signal });
    if (chances.next() < share) await fail(signal);
    return `${name} answered`;
  };
}

const fetchProfile = flaky('profile-fetch', 0.5, (signal) => clock.sleep(60_000, { signal }));
const queryDatabase = flaky('database', 0.4, () => Promise.reject(failure('ECONNRESET')));
const askApi = flaky('external-api', 0.6, () =>
  Promise.reject(new Busy('503 Service Unavailable')),
);
const readSettings = flaky('local-file', 0.2, () => Promise.reject(failure('ENOENT')));

function retryOf(name: string, options: RetryOptions) {
  return retry({ name, clock, random: random.fork(name), stats: registry.get(name), ...options });
}

const profileRetry = retryOf('profile-fetch', { retryOn: isTimeoutError });
const patientFetch = wrap(profileRetry, timeout({ timeoutMs: 1000, clock }));
const databaseRetry = retryOf('database', {
  jitter: 'equal',
  retryOn: (error) => hasCode(error, 'ECONNRESET'),
});
const apiRetry = retryOf('external-api', { maxAttempts: 5, jitter: 'full', retryOn: [Busy] });
const fileRetry = retryOf('local-file', { retryOn: (error) => !hasCode(error, 'ENOENT') });

const calls: (() => Promise<string>)[] = [
  () => patientFetch.execute(fetchProfile),
  () => databaseRetry.execute(queryDatabase),
  () => apiRetry.execute(askApi),
  () => fileRetry.execute(readSettings),
];

async function callOften(call: () => Promise<string>): Promise<void> {
  // What became of each is in the statistics.
  for (let left = 20; left > 0; left--) await call().catch(() => undefined);
}

await Promise.all(calls.map(callOften));
printRetryReport(registry);

for (const stats of registry) {
  const { name, calls, successfulCalls, permanentFailures, propagated } = stats.summary();
  assert.equal(calls, 20);
  assert.equal(successfulCalls + permanentFailures + propagated, 20);
  assert.equal(propagated > 0, name === 'local-file');
}
const { propagated, retryRate } = registry.get('local-file').summary();
assert.equal(retryRate, 0);
console.log(`\nlocal-file: ${propagated} times not found, retry rate ${100 * retryRate} %`);
