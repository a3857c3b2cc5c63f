import type { BreakerReason, BreakerState, OpeningRule } from '../../src/resilience/index.ts';
import type { EndedCall, OpensBy } from './opening-rules-model.ts';

export interface ModelOptions {
  readonly opens: OpeningRule;
  readonly opensBy: OpensBy;
  readonly openMs: number;
  readonly openMsMax: number;
  readonly growth: number;
  readonly probesMax: number;
  readonly probeMsMax: number;
  readonly successesToClose: number;
}

/** A breaker at a moment. */
export interface Model {
  readonly state: BreakerState;
  /** Of the last change. */
  readonly reason: BreakerReason | undefined;
  readonly isHeld: boolean;
  /** Changes so far: a call of an earlier era moves nothing. */
  readonly era: number;
  /** When it becomes half-open. */
  readonly untilMs: number;
  /** Since it last closed. */
  readonly openings: number;
  readonly closedAtMs: number;
  readonly calls: readonly EndedCall[];
  /** Half-open: when the probes that are out began, and how many have succeeded. */
  readonly probes: readonly number[];
  readonly successes: number;
}

export const newModel: Model = {
  state: 'closed',
  reason: undefined,
  isHeld: false,
  era: 0,
  untilMs: 0,
  openings: 0,
  closedAtMs: 0,
  calls: [],
  probes: [],
  successes: 0,
};

export type Happening =
  | { readonly type: 'millisecond' | 'enter' | 'release' | 'restore' }
  | { readonly type: 'hold'; readonly to: 'open' | 'closed' }
  | { readonly type: 'end'; readonly era: number; readonly startMs: number; readonly as: Ending };

export type Ending = 'success' | 'failure' | 'ignored';

/** Until a call is let in; 0 where one is. */
export function waitMs(m: Model, nowMs: number, o: ModelOptions): number {
  if (m.state === 'open') return m.untilMs - nowMs;
  return m.probes.length < o.probesMax ? 0 : m.probes[0]! + o.probeMsMax - nowMs;
}

/**
 * The breaker after something has happened: the table in docs/resilience/circuit-breaker.md. Time
 * goes on by single milliseconds, so that what is due happens at its moment.
 */
export function next(m: Model, what: Happening, nowMs: number, o: ModelOptions): Model {
  const go = (state: BreakerState, reason: BreakerReason, more?: Partial<Model>): Model => {
    return { ...m, state, reason, era: m.era + 1, probes: [], successes: 0, ...more };
  };
  const open = (reason: BreakerReason): Model => {
    const untilMs = nowMs + Math.min(o.openMs * o.growth ** m.openings, o.openMsMax);
    return go('open', reason, { untilMs, openings: m.openings + 1 });
  };
  const closed = { openings: 0, calls: [], closedAtMs: nowMs, isHeld: false };
  switch (what.type) {
    case 'enter':
      return m.state === 'half-open' ? { ...m, probes: [...m.probes, nowMs] } : m;
    case 'end': {
      if (what.era !== m.era || m.isHeld) return m;
      const probes = m.probes.toSpliced(m.probes.indexOf(what.startMs), 1);
      if (what.as === 'ignored') return { ...m, probes };
      const call = { failed: what.as === 'failure', tookMs: nowMs - what.startMs, endMs: nowMs };
      const calls = [...m.calls, call];
      if (m.state === 'closed')
        return o.opensBy(calls, m.closedAtMs) ? open('rule') : { ...m, calls };
      if (call.failed || call.tookMs >= o.opens.slowMs) return open('probe-failed');
      const successes = m.successes + 1;
      if (successes === o.successesToClose) return go('closed', 'probes-succeeded', closed);
      return { ...m, probes, successes };
    }
    case 'millisecond':
      if (m.probes.includes(nowMs - o.probeMsMax)) return open('probe-expired');
      return m.state === 'open' && nowMs === m.untilMs ? go('half-open', 'time-passed') : m;
    case 'hold':
      if (what.to === 'closed') return go('closed', 'held', { ...closed, isHeld: true });
      return go('open', 'held', { untilMs: Infinity, isHeld: true });
    case 'release':
      if (!m.isHeld) return m;
      return m.state === 'open'
        ? go('half-open', 'released', { isHeld: false })
        : go('closed', 'released', closed);
    case 'restore':
      return go(m.state, 'restored', { successes: m.successes });
  }
}
