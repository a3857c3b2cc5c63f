import assert from 'node:assert/strict';

import {
  type BreakerState,
  consecutiveFailures,
  lastKnownGood,
  type PolicyEvent,
  ResilientSensorClient,
  type SensorRead,
} from 'millrace/resilience';
import { virtualOutside } from 'millrace/testing';

type Clock = ReturnType<typeof virtualOutside>['clock'];

interface Reading {
  readonly celsius: number;
}

/** When something was. */
interface Moment {
  readonly batch: number;
  readonly ms: number;
}

interface Note extends Moment {
  readonly event: PolicyEvent;
}

interface Probe extends Moment {
  readonly id: string;
}

type Status = SensorRead<Reading>['status'];

const seed = 59;
const batches = 30;
const batchEveryMs = 500;
/** A batch is successful when so many of the five sensors have a value. */
const valuesNeeded = 4;

/** The share of its reads that fail; `sinceRead` counts from 0. */
const failing: Readonly<Record<string, (sinceRead: number) => number>> = {
  S0: () => 0.1,
  S1: () => 0.5,
  S2: () => 0.95,
  S3: () => 0,
  S4: (sinceRead) => (sinceRead < 15 ? 0.9 : 0),
};
const ids = Object.keys(failing);

/** Virtual time, and five sensors that need 50 ms for an answer. The seed fixes their failures. */
function createSensors() {
  const { clock, random } = virtualOutside(seed);
  const sensors = ids.map((id, at) => {
    const chances = random.fork(id);
    let reads = 0;
    return async (signal?: AbortSignal): Promise<Reading> => {
      const share = failing[id]!(reads++);
      const fails = chances.next() < share;
      await clock.sleep(50, signal ? { signal } : {});
      if (fails) throw new Error(`${id} does not answer`);
      return { celsius: 20 + at };
    };
  });
  return { clock, random, sensors };
}

/** Every 500 ms a batch; how long reading took, and the real time of all. */
async function runBatches(clock: Clock, batch: (number: number) => Promise<boolean>) {
  const realStartMs = performance.now();
  const startMs = clock.monotonic();
  let [successful, readingMs] = [0, 0];
  for (let number = 1; number <= batches; number++) {
    const dueMs = startMs + (number - 1) * batchEveryMs;
    await clock.sleep(Math.max(0, dueMs - clock.monotonic()));
    const beganMs = clock.monotonic();
    if (await batch(number)) successful++;
    readingMs += clock.monotonic() - beganMs;
  }
  const virtualMs = clock.monotonic() - startMs;
  return { successful, readingMs, virtualMs, realMs: performance.now() - realStartMs };
}

const letters = { closed: 'c', open: 'o', 'half-open': 'h' } as const;

/** One client for each sensor: what one does delays no other. */
async function readResiliently() {
  const { clock, random, sensors } = createSensors();
  let batch = 0;
  const notes: Note[] = [];
  const probes: Probe[] = [];
  const degraded: number[] = [];
  const lines: string[] = [];
  const clients = ids.map(
    (id, at) =>
      new ResilientSensorClient<Reading>({
        name: id,
        read: sensors[at]!,
        retry: { maxAttempts: 3, baseDelayMs: 50 },
        breaker: { opens: consecutiveFailures(5), openMs: 3000 },
        strategy: lastKnownGood({ clock }),
        onEvent: (event) => notes.push({ batch, ms: clock.monotonic(), event }),
        clock,
        random,
      }),
  );
  const read = async (client: ResilientSensorClient<Reading>): Promise<SensorRead<Reading>> => {
    const isProbe = client.breaker.state === 'half-open';
    if (isProbe) probes.push({ id: client.name, batch, ms: clock.monotonic() });
    return await client.read();
  };
  const side = await runBatches(clock, async (number) => {
    batch = number;
    const reads = await Promise.all(clients.map(read));
    const live = reads.filter(({ status }) => status === 'live').length;
    if (live < ids.length) degraded.push(number);
    const statuses = reads.map(({ status }) => status.padEnd(9)).join('  ');
    const states = clients.map(({ breaker }) => letters[breaker.state]).join(' ');
    lines.push(`${String(number).padStart(5)}  ${statuses}  ${states}  ${live} of ${ids.length}`);
    return reads.filter(({ reading }) => reading !== undefined).length >= valuesNeeded;
  });
  return { side, clients, notes, probes, degraded, lines };
}

/** The same failures, without any of this: a sensor that fails has no value in this batch. */
async function readNaively() {
  const { clock, sensors } = createSensors();
  return await runBatches(clock, async () => {
    const results = await Promise.allSettled(sensors.map((read) => read()));
    return results.filter(({ status }) => status === 'fulfilled').length >= valuesNeeded;
  });
}

// For the wall-clock time: the first runs would measure the compiler.
for (let run = 0; run < 20; run++) {
  await readNaively();
  await readResiliently();
}
const naive = await readNaively();
const { side: resilient, clients, notes, probes, degraded, lines } = await readResiliently();

console.log(`batch  ${ids.map((id) => id.padEnd(9)).join('  ')}  breakers   live`);
for (const line of lines) console.log(line);
console.log('breakers: c closed, o open, h half-open\n');

const statuses: readonly Status[] = ['live', 'stale', 'fast-fail', 'missing'];
const percent = (part: number, whole: number): string =>
  `${((100 * part) / whole).toFixed(1)} %`.padStart(11);
console.log(
  `sensor  ${statuses.map((status) => status.padStart(11)).join('')}        sum  retries`,
);
const summaries = clients.map((client) => client.summary());
for (const { name, reads, live, stale, fastFail, missing, retries } of summaries) {
  const counts = [live, stale, fastFail, missing];
  const sum = counts.reduce((a, b) => a + b);
  assert.deepEqual([reads, sum], [batches, batches]);
  const shares = [...counts, sum].map((count) => percent(count, batches)).join('');
  console.log(`${name.padEnd(8)}${shares}${String(retries).padStart(9)}`);
}

const whole = batches - degraded.length;
console.log(`\n${degraded.length} batches degraded (not all live), ${whole} not`);

function at({ batch, ms }: Moment): string {
  return `${(ms / 1000).toFixed(2)} s (batch ${batch})`;
}

/** When the breaker of a sensor came into a state. */
function changesOf(id: string, state: BreakerState): Note[] {
  return notes.filter(
    ({ event }) => event.type === 'breaker.changed' && event.name === id && event.to === state,
  );
}

function probesOf(id: string): Probe[] {
  return probes.filter((probe) => probe.id === id);
}

for (const { name: id, breaker } of clients) {
  const opens = changesOf(id, 'open');
  assert.equal(opens.length, breaker.metrics.openCount);
  if (opens.length === 0) continue;
  console.log(`\n${id} opened ${opens.length === 1 ? 'once' : `${opens.length} times`}:`);
  const story = [
    ...opens.map((open) => ({ ...open, what: 'opened' })),
    ...probesOf(id).map((probe) => ({ ...probe, what: 'probed' })),
    ...changesOf(id, 'closed').map((close) => ({ ...close, what: 'closed' })),
  ];
  for (const one of story.toSorted((a, b) => a.ms - b.ms)) console.log(`   ${one.what} ${at(one)}`);
}
const [closed] = changesOf('S4', 'closed');
console.log(`\nS4 was well again, and its breaker closed in batch ${closed?.batch}`);

const [, s1, s2, s3, s4] = summaries;
assert.ok(s1!.retries > 0 && s1!.live > 0);
assert.ok(changesOf('S2', 'open').length > 0 && probesOf('S2').length > 0 && s2!.fastFail > 0);
assert.deepEqual([s3!.live, s3!.retries], [batches, 0]);
assert.equal(changesOf('S4', 'open').length, 1);
assert.equal(changesOf('S4', 'closed').length, 1);
assert.ok(s4!.fastFail > 0 && closed!.batch > changesOf('S4', 'open')[0]!.batch);

type Side = typeof naive;
const rows: [string, (side: Side) => string][] = [
  ['successful batches', ({ successful }) => `${successful} of ${batches}`],
  ['virtual time', ({ virtualMs }) => `${(virtualMs / 1000).toFixed(2)} s`],
  [
    '  for each of them',
    ({ virtualMs, successful }) => `${(virtualMs / successful).toFixed(0)} ms`,
  ],
  ['reading took', ({ readingMs }) => `${(readingMs / 1000).toFixed(2)} s`],
  [
    '  for each of them',
    ({ readingMs, successful }) => `${(readingMs / successful).toFixed(0)} ms`,
  ],
  ['wall-clock time', ({ realMs }) => `${realMs.toFixed(2)} ms`],
  ['  for each of them', ({ realMs, successful }) => `${(realMs / successful).toFixed(2)} ms`],
];
console.log(`\n${''.padEnd(20)}     naive  resilient`);
for (const [label, text] of rows) {
  const cells = [naive, resilient].map((side) => text(side).padStart(10));
  console.log(`${label.padEnd(20)}${cells.join(' ')}`);
}
console.log(`A batch is successful when ${valuesNeeded} of ${ids.length} sensors have a value.`);

const each = (side: Side): number => side.readingMs / side.successful;
assert.ok(resilient.successful >= 2 * naive.successful);
assert.ok(resilient.virtualMs <= 1.05 * naive.virtualMs);
assert.ok(each(resilient) <= 1.25 * each(naive));
