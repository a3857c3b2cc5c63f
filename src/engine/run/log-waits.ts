import type { Clock } from '../../core/index.ts';
import type { Observed } from '../observed.ts';

/** Waits that are told of: for less, any reader of a log may be slow. */
const waitMsMin = 1000;

/** Reasons by component why a run goes on but not as it should, with those who wait for its log. */
export function withLogWaits(
  reasons: ReadonlyMap<string, string>,
  observed: readonly Pick<Observed, 'id' | 'logWaitSinceMs'>[],
  clock: Clock,
): ReadonlyMap<string, string> {
  const nowMs = clock.monotonic();
  const all = new Map(reasons);
  for (const { id, logWaitSinceMs = nowMs } of observed) {
    const waitMs = nowMs - logWaitSinceMs;
    if (waitMs < waitMsMin) continue;
    // The same text all the while.
    const since = new Date(clock.now() - waitMs).toISOString();
    const wait = `waits for whoever reads the log, since ${since}`;
    const other = reasons.get(id);
    all.set(id, other === undefined ? wait : `${other}; ${wait}`);
  }
  return all;
}
