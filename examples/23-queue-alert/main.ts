import assert from 'node:assert/strict';

import { intervalSource, isCut, pipeline, type Sink } from 'millrace';
import { virtualOutside } from 'millrace/testing';

import { type Sight, Witness } from './witness.ts';

const outside = virtualOutside(23);
const { clock } = outside;

/** Milliseconds that the store takes for a batch, of which ten come each second. */
function storeMs(second: number): number {
  if (second < 60) return 50;
  return second < 180 ? Math.min(200, 50 + 2 * (second - 60)) : 20;
}

const store: Sink = {
  async consume(stream) {
    for await (const flow of stream) {
      if (!isCut(flow)) await clock.sleep(storeMs(clock.monotonic() / 1000));
    }
  },
};

const witness = new Witness(outside);
const run = await pipeline(
  'boiler-room',
  {
    queue: { rowsMax: 2000, bytesMax: 1_048_576 },
    // A cut waits in the queue like the rows before it.
    checkpoint: { everyMs: 60_000 },
    alerts: {
      limits: { 'queue-saturation': { warn: 75, critical: 95, clear: 40 }, 'latency-spike': false },
      webhook: { url: 'http://pager.test/alerts' },
    },
  },
  { outside },
)
  // It has a pace of its own: what finds no room is lost to it.
  .from(intervalSource({ everyMs: 10, count: 24_000 }), { id: 'boiler' })
  .to(store, { id: 'store' })
  .start({ log: witness.log });
witness.watch(run);

/** When, in seconds, the figures of the run first say so. */
async function firstSecond(of: (stats: ReturnType<typeof run.stats>) => boolean): Promise<number> {
  while (!of(run.stats())) {
    assert.notEqual(run.status, 'done', 'the queue was to fill');
    await clock.sleep(100);
  }
  return clock.monotonic() / 1000;
}
const [passedAt, lostAt] = await Promise.all([
  firstSecond(({ queues }) => (queues['store']?.fill ?? 0) > 0.95),
  firstSecond(({ components: [boiler] }) => (boiler?.counts['ticks.skipped'] ?? 0) > 0),
]);
const { status } = await run.done;

for (const { second, told, api, webhook, logged } of witness.sights) {
  assert.deepEqual(webhook, told, 'the webhook says the same as the event');
  assert.deepEqual(api, told, 'the API says the same as the event');
  assert.deepEqual(logged, told, 'the log says the same as the event');
  console.log(`${second.toFixed(1).padStart(6)} s  ${told.event} ${told.severity}: ${told.text}`);
}
const [first, worse, resolved] = witness.sights as [Sight, Sight, Sight];
assert.deepEqual(
  witness.sights.map(({ told: { event, severity } }) => [event, severity]),
  [
    ['alert.fired', 'WARNING'],
    ['alert.fired', 'CRITICAL'],
    ['alert.resolved', 'CRITICAL'],
  ],
);

console.log('\nWhen it fired, the log, the webhook and the API had:');
for (const text of [first.texts.log, first.texts.webhook, first.texts.api]) console.log(text);

const [untilPassed, untilLost] = [passedAt - first.second, lostAt - first.second];
console.log(`\nThe queue passed its limit ${untilPassed.toFixed(1)} s after the alert,`);
console.log(`and the first reading was lost ${untilLost.toFixed(1)} s after it;`);
console.log(`forecast were ${(first.told.leftMs! / 1000).toFixed(1)} s.`);
assert.ok(first.told.value < 75 && untilPassed > 0 && untilLost > 0);
assert.ok(worse.second >= passedAt && resolved.second > 180);
assert.deepEqual(run.stats().alerts, []);
console.log(`${run.alertHistory.length} alert resolved, none left; the run is ${status}.`);
