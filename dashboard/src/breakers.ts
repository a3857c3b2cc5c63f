import type {
  BreakerReport,
  BreakerState,
  BreakerTransition,
  RunStats,
} from '../../src/server/api-types.ts';

/** A time in which a breaker was in one state. */
export interface Stay {
  readonly state: BreakerState;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** One breaker: how it is, and how it has been. */
export interface BreakerHistory extends BreakerReport {
  readonly component: string;
  readonly stays: readonly Stay[];
}

/** The worst breakers of a run, those first that are not closed, then those that opened most. */
export function breakersOf(
  stats: RunStats,
  transitions: readonly BreakerTransition[],
  fromMs: number,
  untilMs: number,
): BreakerHistory[] {
  const knownMs = Math.max(fromMs, knownFromMs(stats, transitions));
  return stats.components
    .flatMap(({ id: component, policy }) =>
      (policy?.breakers.worst ?? []).map((one) => {
        const own = transitions.filter(
          (change) => change.component === component && change.breaker === one.id,
        );
        const stays = staysOf(own, one.state, knownMs, untilMs);
        return { component, ...one, stays };
      }),
    )
    .toSorted(
      (a, b) => Number(a.state === 'closed') - Number(b.state === 'closed') || b.opens - a.opens,
    );
}

/** From when on all changes are known: those before the oldest that is kept are not. */
function knownFromMs({ at, durationMs }: RunStats, [oldest]: readonly BreakerTransition[]): number {
  return oldest === undefined || oldest.seq === firstSeq ? at - durationMs : oldest.at;
}

const firstSeq = 1;

function staysOf(
  changes: readonly BreakerTransition[],
  state: BreakerState,
  fromMs: number,
  untilMs: number,
): Stay[] {
  const stays: Stay[] = [];
  let since = fromMs;
  let present = changes[0]?.previous ?? state;
  for (const { at, state: next } of changes) {
    if (at > since) stays.push({ state: present, fromMs: since, untilMs: at });
    since = Math.max(fromMs, at);
    present = next;
  }
  if (untilMs > since) stays.push({ state: present, fromMs: since, untilMs });
  return stays;
}
