import { performance } from 'node:perf_hooks';

import type { Samples } from './measure.ts';

/** What one pass over the data came to, so that both sides can be seen to do the same work. */
export interface Outcome {
  readonly records: number;
  /** The sum of the last computed field. */
  readonly sum: number;
}

export type Pass = () => Promise<Outcome>;

export interface RoundsOptions {
  readonly rounds: number;
  /** How long each side runs before it is timed; one pass at least. */
  readonly warmupMs: number;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** What makes the samples of each side: one or several of them. */
export type Sides = Readonly<Record<keyof Samples, () => Promise<number | readonly number[]>>>;

/**
 * The samples of two sides in turns, so that whatever disturbs the machine disturbs both. Who goes
 * first changes with each round.
 */
export async function takeTurns(rounds: number, sides: Sides): Promise<Samples> {
  const samples = { ours: [] as number[], peer: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (['ours', 'peer'] as const) : (['peer', 'ours'] as const);
    for (const side of order) samples[side].push(...[await sides[side]()].flat());
  }
  return samples;
}

/** Times two passes in turns, and gives milliseconds. Throws where the outcomes differ. */
export async function timeRounds(
  passes: { readonly ours: Pass; readonly peer: Pass },
  { rounds, warmupMs, now = () => performance.now() }: RoundsOptions,
): Promise<Samples> {
  // By time: what a pass calls once per batch is compiled after many passes, what it calls once per
  // record after one.
  for (const pass of [passes.peer, passes.ours]) {
    const start = now();
    do await pass();
    while (now() - start < warmupMs);
  }
  const outcomes = { ours: [] as Outcome[], peer: [] as Outcome[] };
  const timed = async (side: keyof Samples): Promise<number> => {
    // What one side left behind is not for the other to collect. A full collection would also
    // shrink the heap, and cost the next pass more than it takes.
    globalThis.gc?.({ type: 'minor' });
    const start = now();
    const outcome = await passes[side]();
    const took = now() - start;
    outcomes[side].push(outcome);
    return took;
  };
  const samples = await takeTurns(rounds, {
    ours: () => timed('ours'),
    peer: () => timed('peer'),
  });
  outcomes.ours.forEach((ours, round) => assertSame(ours, outcomes.peer[round]!));
  return samples;
}

/** The samples of passes over so many records, in nanoseconds per record. */
export function perRecord({ ours, peer }: Samples, records: number): Samples {
  const scaled = (times: readonly number[]): number[] => times.map((ms) => (ms * 1e6) / records);
  return { ours: scaled(ours), peer: scaled(peer) };
}

function assertSame(ours: Outcome, peer: Outcome): void {
  const tolerance = 1e-9 * Math.max(1, Math.abs(peer.sum));
  if (ours.records === peer.records && Math.abs(ours.sum - peer.sum) <= tolerance) return;
  throw new Error(
    `the results differ: ${ours.records} records and a sum of ${ours.sum}, ` +
      `where the peer has ${peer.records} and ${peer.sum}`,
  );
}
