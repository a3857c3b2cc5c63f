import type { RunStats } from '../snapshot.ts';
import type { Alert, AlertSeverity } from './alert.ts';
import type { AlertLimits, AlertRule } from './rule.ts';
import { Slope } from './slope.ts';

/** What one look at a figure says. */
interface Look {
  readonly severity: AlertSeverity | undefined;
  /** Beyond the clear limit, on the good side. */
  readonly isGood: boolean;
}

type Breach = Pick<Alert, 'severity' | 'value' | 'limit' | 'text'> & { readonly leftMs?: number };

/** When a look is taken: `at` is only shown, as wall clocks are put back. */
type LookTime = Pick<RunStats, 'at' | 'monotonicMs'>;

/** One figure of one component, from look to look. */
export class Track {
  /** By which it is judged from now on. */
  limits: AlertLimits;
  readonly #rule: AlertRule;
  readonly #component: string;
  readonly #slope: Slope | undefined;
  #looks: Look[] = [];
  #alert: Alert | undefined;

  constructor(rule: AlertRule, component: string, limits: AlertLimits = rule.limits) {
    this.limits = limits;
    this.#rule = rule;
    this.#component = component;
    this.#slope = rule.forecastMs === undefined ? undefined : new Slope();
  }

  /** Pending or firing; undefined where all is well. */
  get alert(): Alert | undefined {
    return this.#alert;
  }

  /** The alert where it has changed its state or its severity. A figure that is not known is not well. */
  look(value: number | null, { at: atMs, monotonicMs }: LookTime): Alert | undefined {
    if (value === null || Number.isNaN(value)) return undefined;
    this.#slope?.add(monotonicMs, value);
    const breach = this.#breach(value);
    this.#looks.push({ severity: breach?.severity, isGood: this.#isGood(value, breach) });
    const { n } = this.#rule.of;
    if (this.#looks.length > n) this.#looks.shift();
    return this.#alert?.state === 'firing'
      ? this.#lookFiring(value, breach, atMs)
      : this.#lookWaiting(breach, atMs);
  }

  #lookWaiting(breach: Breach | undefined, atMs: number): Alert | undefined {
    const before = this.#alert;
    const bad = this.#looks.filter(({ severity }) => severity !== undefined);
    if (bad.length === 0) this.#alert = undefined;
    if (breach === undefined) return undefined;
    const sinceMs = before?.sinceMs ?? atMs;
    if (bad.length < this.#rule.of.m) {
      this.#alert = this.#alertOf(breach, { state: 'pending', sinceMs });
      return before === undefined ? this.#alert : undefined;
    }
    const severity = this.#isCritical ? 'CRITICAL' : 'WARNING';
    const fired = { ...breach, severity } as const;
    // What was before does not count when it is judged whether all is well again.
    this.#looks = [];
    return (this.#alert = this.#alertOf(fired, { state: 'firing', sinceMs, firedMs: atMs }));
  }

  #lookFiring(value: number, breach: Breach | undefined, atMs: number): Alert | undefined {
    const before = this.#alert!;
    if (this.#looks.filter(({ isGood }) => isGood).length >= this.#rule.of.m) {
      this.#alert = undefined;
      this.#looks = [];
      const text = `${this.#show(value)}, well again`;
      return { ...before, value, text, state: 'resolved', resolvedMs: atMs };
    }
    const { leftMs: _leftMs, ...known } = before;
    const worse = before.severity === 'WARNING' && this.#isCritical;
    const severity = worse ? 'CRITICAL' : before.severity;
    const text = `${this.#show(value)}, well at ${this.#show(this.limits.clear)}`;
    this.#alert = { ...known, value, text, ...breach, severity };
    return worse ? this.#alert : undefined;
  }

  get #isCritical(): boolean {
    const critical = this.#looks.filter(({ severity }) => severity === 'CRITICAL');
    return critical.length >= this.#rule.of.m;
  }

  #breach(value: number): Breach | undefined {
    const { limits } = this;
    const { forecastMs } = this.#rule;
    for (const [severity, limit] of [
      ['CRITICAL', limits.critical],
      ['WARNING', limits.warn],
    ] as const) {
      if (limit === undefined || !this.#isBeyond(value, limit)) continue;
      const text = `${this.#show(value)}, limit ${this.#show(limit)}`;
      return { severity, value, limit, text };
    }
    const limit = limits.critical ?? limits.warn;
    const leftMs = limit === undefined ? undefined : this.#slope?.msUntil(limit);
    if (limit === undefined || leftMs === undefined || leftMs > forecastMs!) return undefined;
    const text = `${this.#show(value)}, limit ${this.#show(limit)} reached in ${timeText(leftMs)}`;
    return { severity: 'WARNING', value, limit, leftMs: Math.round(leftMs), text };
  }

  #isBeyond(value: number, limit: number): boolean {
    return this.#rule.bad === 'below' ? value < limit : value > limit;
  }

  #isGood(value: number, breach: Breach | undefined): boolean {
    const { clear } = this.limits;
    return breach === undefined && (value === clear || !this.#isBeyond(value, clear));
  }

  #alertOf(breach: Breach, at: Pick<Alert, 'state' | 'sinceMs' | 'firedMs'>): Alert {
    const { name: rule, summary, unit } = this.#rule;
    return { rule, summary, component: this.#component, unit, ...breach, ...at };
  }

  #show(value: number): string {
    const digits = Math.abs(value) >= 100 ? 0 : 2;
    return `${Number(value.toFixed(digits))} ${this.#rule.unit}`.trimEnd();
  }
}

function timeText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
