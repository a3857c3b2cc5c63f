import type { ShippedRule } from '../../src/observe/alerts/shipped.ts';
import { Alerts, type RunStats, shippedRules } from '../../src/observe/index.ts';
import { censusOf, componentStats, runStats } from './run-stats.ts';

/** The second that each collapse begins at; before it all is well. */
export const begunAt = 60;
const seconds = 240;

/** How a pipeline breaks down, in the figures of each second. */
export interface Collapse {
  /** What happens, as in the documents. */
  readonly what: string;
  readonly look: (second: number) => RunStats;
  /** The second that the rule has to fire by. */
  readonly firesBy: number;
  /** From when on what it warns of is there. */
  readonly brokenAt?: number;
}

/** The second at which a rule fires; undefined where it does not. */
export function firedAt(name: string, { look }: Collapse): number | undefined {
  const limits = { 'throughput-floor': { warn: 500, critical: 100, clear: 600 } };
  const alerts = new Alerts({ rules: shippedRules(limits, { memoryMiBMax: 1000 }) });
  for (let second = 0; second < seconds; second++) {
    const changes = alerts.look(look(second));
    if (changes.some(({ rule, state }) => rule === name && state === 'firing')) return second;
  }
  return undefined;
}

/** A scripted collapse for each rule that is shipped. */
export const collapses: Readonly<Record<ShippedRule, Collapse>> = {
  'latency-spike': {
    what: 'Batches take 20 % longer each second, until there is no time for all of them',
    look: (second) => {
      const meanMs = (at: number): number => 5 * 1.2 ** after(at);
      const count = 100 * (second + 1);
      const total = sum(second, (at) => 100 * meanMs(at));
      const work = { ...componentStats('s').work, count, sumMs: total };
      return runStats(second, { components: [componentStats('s', { work })] });
    },
    // 100 ms a batch, where 10 batches a second are all there is time for.
    brokenAt: 77,
    firesBy: 70,
  },
  'lag-saturation': {
    what: 'A source falls behind by 200 records a second, until it is five minutes behind',
    look: (second) =>
      runStats(second, {
        components: [
          componentStats('in', {
            kind: 'source',
            perSecond: 100,
            source: {
              isPaced: true,
              hasEnded: false,
              lag: { value: 100 + 200 * after(second), unit: 'records' },
            },
          }),
        ],
      }),
    brokenAt: 210,
    firesBy: 150,
  },
  'queue-saturation': {
    what: 'A consumer stops; its queue has room for a minute less a tenth',
    look: (second) => {
      const fill = Math.min(1, 0.1 + after(second) / 60);
      return runStats(second, {
        queues: { s: { depth: 1, rows: 1, bytes: 1, fill, isPaced: true } },
      });
    },
    brokenAt: 114,
    firesBy: 80,
  },
  'retry-rate': {
    what: '2 % more of the calls fail each second, until all do',
    look: (second) => {
      const share = (at: number): number => Math.min(1, 0.02 + after(at) / 50);
      const attempts = 100 * (second + 1);
      const retries = sum(second, (at) => Math.round(100 * share(at)));
      const counts = {
        calls: attempts,
        attempts,
        retries,
        substituted: 0,
        substitutedBy: {},
        suppressed: 0,
      };
      return runStats(second, {
        components: [componentStats('s', { policy: { ...counts, breakers: censusOf() } })],
      });
    },
    brokenAt: 109,
    firesBy: 72,
  },
  'memory-growth': {
    what: 'The process takes 5 MiB more each second, until it has 90 % of what it may',
    look: (second) => {
      const rssBytes = (300 + 5 * after(second)) * 1_048_576;
      return runStats(second, { process: { rssBytes, heapUsedBytes: 0, loopUtilization: 0 } });
    },
    brokenAt: 180,
    firesBy: 110,
  },
  'throughput-floor': {
    what: 'A component gives 10 records a second less each second, until it gives none',
    look: (second) =>
      runStats(second, {
        components: [componentStats('s', { perSecond: Math.max(0, 900 - 10 * after(second)) })],
      }),
    brokenAt: 150,
    firesBy: 103,
  },
  'degraded-streak': {
    what: 'A component is degraded, and stays so',
    look: (second) =>
      runStats(second, {
        components: [componentStats('s')],
        degraded: second >= begunAt ? { s: 'slow' } : {},
      }),
    firesBy: 91,
  },
  'open-breaker': {
    what: 'A breaker opens',
    look: (second) => {
      const state = second >= begunAt ? 'open' : 'closed';
      const breakers = [{ id: 'b', name: 'b', state, opens: 0, openMs: 0, refused: 0 } as const];
      const counts = {
        calls: 0,
        attempts: 0,
        retries: 0,
        substituted: 0,
        substitutedBy: {},
        suppressed: 0,
      };
      return runStats(second, {
        components: [componentStats('s', { policy: { ...counts, breakers: censusOf(breakers) } })],
      });
    },
    firesBy: 60,
  },
  'stalled-source': {
    what: 'A source gives nothing any more',
    look: (second) =>
      runStats(second, {
        components: [
          componentStats('in', {
            kind: 'source',
            source: { isPaced: true, hasEnded: false },
            sinceProgressMs: 1000 * after(second),
          }),
        ],
      }),
    firesBy: 121,
  },
  'dead-letter-growth': {
    what: '0.2 % more of the records fail each second, until a tenth does',
    look: (second) => {
      const dead = sum(second, (at) => Math.min(100, 2 * after(at)));
      return runStats(second, {
        components: [componentStats('s', { in: 1000 * (second + 1), dead })],
      });
    },
    brokenAt: 110,
    firesBy: 68,
  },
  'ledger-mismatch': {
    what: 'A component loses one row',
    look: (second) =>
      runStats(second, {
        components: [componentStats('s', { unaccounted: second >= begunAt ? 1 : 0 })],
      }),
    firesBy: 60,
  },
};

function after(second: number): number {
  return Math.max(0, second - begunAt);
}

/** Sums up to `second` of what each second adds. */
function sum(second: number, each: (second: number) => number): number {
  let total = 0;
  for (let at = 0; at <= second; at++) total += each(at);
  return total;
}
