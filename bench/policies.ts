import { performance } from 'node:perf_hooks';
import process from 'node:process';

import {
  type CircuitBreaker,
  circuitBreaker,
  constant,
  resilient,
  retry,
  wrap,
  type Wrapped,
} from '../src/resilience/index.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { cockatielBreaker, cockatielRetryAndBreaker } from './peers/cockatiel.ts';
import { opossumBreaker } from './peers/opossum.ts';

export type Call = () => Promise<number>;

/** A policy, called without the signal that a run gives it. */
type Standalone = Pick<CircuitBreaker | Wrapped, 'execute'>;

const bytesPerPolicyMax = 200;
const breakersMiBMax = 30;

/** What policies cost a call that succeeds, over the same call without any. */
export const policies: readonly Measure[] = [
  overhead('breaker.cockatiel', "a breaker's call", "cockatiel's breaker", 0.6, {
    ours: () => circuitBreaker(),
    peer: cockatielBreaker,
  }),
  overhead('retry-breaker.cockatiel', 'retry and breaker', "cockatiel's retry and breaker", 0.5, {
    ours: retryAndBreaker,
    peer: cockatielRetryAndBreaker,
  }),
  overhead(
    'retry-breaker.opossum',
    'retry and breaker',
    "opossum's breaker, which times out as well",
    0.3,
    {
      ours: retryAndBreaker,
      peer: opossumBreaker,
    },
  ),
  overhead('five.cockatiel', 'five policies', "cockatiel's breaker alone", 3, {
    ours: five,
    peer: cockatielBreaker,
  }),
  bytes('breaker.bytes', 'what a call allocates in a breaker', 1, () => circuitBreaker()),
  bytes('retry-breaker.bytes', 'the same in retry and breaker, each', 2, retryAndBreaker),
  bytes('five.bytes', 'the same in five policies, each', 5, five),
  {
    id: 'policies.breaker.state',
    title: 'what 100,000 breakers hold',
    peer: 'the limit',
    unit: 'MiB',
    target: { within: 1 },
    run: measureState,
  },
];

function retryAndBreaker(): Standalone {
  return wrap(retry(), circuitBreaker());
}

function five(): Standalone {
  return resilient({
    fallback: { strategy: constant(0) },
    bulkhead: { concurrentMax: 10 },
    breaker: {},
    retry: {},
    timeout: { timeoutMs: 10_000 },
  });
}

interface Sides {
  readonly ours: () => Standalone;
  readonly peer: (call: Call) => Call;
}

function overhead(id: string, title: string, peer: string, within: number, sides: Sides): Measure {
  return {
    id: `policies.${id}`,
    title: `${title}, over a plain call`,
    peer: `${peer}, over a plain call`,
    unit: 'ns/call',
    target: { within },
    run: (setting) => measureOverhead(sides, setting),
  };
}

const plain: Call = async () => 1;

function callUnder(policy: Standalone): Call {
  return () => policy.execute(plain);
}

/** Nanoseconds per call over a plain one, in turns, so that what disturbs one disturbs all. */
async function measureOverhead({ ours, peer }: Sides, { quick }: Setting): Promise<Samples> {
  const calls = { plain, ours: callUnder(ours()), peer: peer(plain) };
  const sides = ['plain', 'ours', 'peer'] as const;
  const samples = { ours: [] as number[], peer: [] as number[] };
  const [warmups, rounds] = quick ? [1, 3] : [20, 41];
  for (let round = -warmups; round < rounds; round++) {
    const took = { plain: 0, ours: 0, peer: 0 };
    for (let turn = 0; turn < sides.length; turn++) {
      const side = sides[(turn + round + warmups) % sides.length]!;
      took[side] = await timeCalls(calls[side], quick ? 500 : 20_000);
    }
    if (round < 0) continue;
    samples.ours.push(took.ours - took.plain);
    samples.peer.push(took.peer - took.plain);
  }
  return samples;
}

async function timeCalls(call: Call, count: number): Promise<number> {
  globalThis.gc?.({ type: 'minor' });
  const start = performance.now();
  for (let at = 0; at < count; at++) await call();
  return ((performance.now() - start) * 1e6) / count;
}

function bytes(id: string, title: string, policies: number, make: () => Standalone): Measure {
  return {
    id: `policies.${id}`,
    title: `${title}, over a plain call`,
    peer: 'the limit',
    unit: 'B/call',
    target: { within: 1 },
    run: (setting) => measureBytes(make(), policies, setting),
  };
}

async function measureBytes(
  policy: Standalone,
  policies: number,
  { quick }: Setting,
): Promise<Samples> {
  const call = callUnder(policy);
  for (let at = 0; at < (quick ? 1000 : 50_000); at++) await call();
  const ours = [];
  for (let round = 0; round < 31; round++) {
    const more = (await allocatedBy(call)) - (await allocatedBy(plain));
    ours.push(more / policies);
  }
  return { ours, peer: [bytesPerPolicyMax] };
}

/** Bytes per call, of so few calls that the collector does not run between. */
async function allocatedBy(call: Call): Promise<number> {
  const count = 1000;
  globalThis.gc?.({ type: 'minor' });
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < count; at++) await call();
  return (process.memoryUsage().heapUsed - before) / count;
}

async function measureState({ quick }: Setting): Promise<Samples> {
  const count = quick ? 1000 : 100_000;
  const options = { openMs: 1000 };
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const breakers = Array.from({ length: count }, () => circuitBreaker(options));
  for (const breaker of breakers) await breaker.execute(plain);
  globalThis.gc?.();
  const held = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  if (breakers.some(({ state }) => state !== 'closed')) throw new Error('a breaker has opened');
  return { ours: [(held * 100_000) / count], peer: [breakersMiBMax] };
}
