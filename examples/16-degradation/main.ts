import assert from 'node:assert/strict';

import { dropStrategy, interpolated, lastKnownGood } from 'millrace/resilience';
import { virtualOutside } from 'millrace/testing';

interface Reading {
  readonly celsius: number;
}

/** What one batch had: `available` readings were delivered, stale and interpolated ones included. */
interface Batch {
  available: number;
  stale: number;
  interpolated: number;
  dropped: number;
}

const batches = 10;
const failing = { S0: 0.1, S1: 0.8, S2: 0.1, S3: 0.8, S4: 0.1 };
const sensors = Object.entries(failing);

/** The temperature of a sensor: it climbs by a degree a minute, and swings a little. */
function celsiusAt(sensor: number, timeMs: number): number {
  return 20 + 5 * sensor + timeMs / 60_000 + 0.3 * Math.sin(timeMs / 200 + sensor);
}

/** Ten batches under one strategy. Each run has the same seed, and so the same failures. */
async function run(name: 'drop' | 'last known good' | 'interpolated') {
  const { clock, random } = virtualOutside(4);
  const startMs = clock.now();
  const strategy = {
    drop: dropStrategy<Reading>(),
    'last known good': lastKnownGood<Reading>({ clock }),
    interpolated: interpolated<Reading>({ clock, fields: ['celsius'] }),
  }[name];
  const chances = sensors.map(([id]) => random.fork(id));
  const had: Batch[] = [];
  const errors: number[] = [];

  const read = async (sensor: number): Promise<Reading> => {
    await clock.sleep(50);
    if (chances[sensor]!.next() < sensors[sensor]![1]) throw new Error('no answer');
    return { celsius: celsiusAt(sensor, clock.now() - startMs) };
  };

  for (let number = 0; number < batches; number++) {
    const batch: Batch = { available: 0, stale: 0, interpolated: 0, dropped: 0 };
    await Promise.all(
      sensors.map(async ([id], sensor) => {
        try {
          strategy.recordSuccess(id, await read(sensor));
          batch.available++;
        } catch (error) {
          const substitute = strategy.handleFailure(id, error);
          if (substitute === undefined) return void batch.dropped++;
          batch.available++;
          if (substitute.stale) batch.stale++;
          if (substitute.interpolated) batch.interpolated++;
          errors.push(Math.abs(substitute.celsius - celsiusAt(sensor, clock.now() - startMs)));
        }
      }),
    );
    assert.equal(batch.available + batch.dropped, sensors.length);
    had.push(batch);
  }

  const sum = (of: keyof Batch): number => had.reduce((total, batch) => total + batch[of], 0);
  const delivered = sum('available');
  const live = delivered - sum('stale') - sum('interpolated');
  const summary = strategy.summary();
  assert.deepEqual(
    [summary.live, summary.stale, summary.interpolated],
    [live, sum('stale'), sum('interpolated')],
  );
  return {
    name,
    batches: had,
    delivered,
    live,
    worst: Math.min(...had.map(({ available }) => available)),
    dropped: summary.dropped,
    meanError: errors.length === 0 ? 0 : errors.reduce((a, b) => a + b) / errors.length,
  };
}

type Run = Awaited<ReturnType<typeof run>>;

const runs = [await run('drop'), await run('last known good'), await run('interpolated')];
const [drop, lastKnown, mean] = runs as [Run, Run, Run];

const columns: readonly [keyof Batch, shown: string][] = [
  ['available', 'avail'],
  ['stale', 'stale'],
  ['interpolated', 'interp'],
  ['dropped', 'drop'],
];
const header = columns.map(([, shown]) => shown).join('  ');
console.log(
  `       ${runs
    .map(({ name }) => name.padEnd(header.length))
    .join('   ')
    .trimEnd()}`,
);
console.log(`batch  ${runs.map(() => header).join('   ')}`);
for (let number = 0; number < batches; number++) {
  const cells = runs.map(({ batches: had }) =>
    columns.map(([of, shown]) => String(had[number]![of]).padStart(shown.length)).join('  '),
  );
  console.log(`${String(number + 1).padStart(5)}  ${cells.join('   ')}`);
}

const readings = batches * sensors.length;
const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(0)} %`;
const rows: [string, (each: Run) => string][] = [
  ['delivered', ({ delivered }) => `${delivered} of ${readings}`],
  ['live share of them', ({ live, delivered }) => percent(live, delivered)],
  ['worst batch', ({ worst }) => `${worst} of ${sensors.length}`],
  [
    'dropped',
    ({ dropped }) =>
      Object.entries(dropped)
        .map(([why, n]) => `${n} ${why}`)
        .join(),
  ],
  ['substitutes off by', ({ meanError }) => (meanError > 0 ? `${meanError.toFixed(2)} °C` : '–')],
];
console.log(`\n${''.padEnd(20)}${runs.map(({ name }) => name.padStart(17)).join('')}`);
for (const [label, text] of rows) {
  console.log(label.padEnd(20) + runs.map((each) => text(each).padStart(17)).join(''));
}

// The same failures for all: what differs is what was made of them.
for (const each of runs) assert.equal(each.live, drop.live);
for (let number = 0; number < batches; number++) {
  const lives = runs.map(({ batches: had }) => {
    const { available, stale, interpolated: made } = had[number]!;
    return available - stale - made;
  });
  assert.equal(new Set(lives).size, 1);
}
assert.equal(drop.delivered, drop.live);
assert.equal(lastKnown.delivered, mean.delivered);
assert.ok(lastKnown.delivered > drop.delivered && lastKnown.worst >= drop.worst);

const best = runs.toSorted(
  (a, b) => b.worst - a.worst || b.delivered - a.delivered || a.meanError - b.meanError,
)[0]!;
const other = best === mean ? lastKnown : mean;
assert.notEqual(best, drop);
console.log(`
Recommended: ${best.name}. It delivers ${best.delivered} of ${readings} readings where drop delivers ${drop.delivered}, and never
fewer than ${best.worst} in a batch where drop falls to ${drop.worst}; and it is off by ${best.meanError.toFixed(2)} °C where
${other.name} is off by ${other.meanError.toFixed(2)} °C. Where a stale temperature were worse than none, it would be drop.`);
