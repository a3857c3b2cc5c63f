import { isBeyond } from '../beyond.ts';
import { roughTime } from '../rough-time.ts';
import { Slope } from '../slope.ts';
import type { RunStats } from '../snapshot.ts';
import type { Alert, AlertSeverity } from './alert.ts';
import type { AlertLimits, AlertReading, AlertRule } from './rule.ts';

/** What one look at a figure says. */
interface Look {
  readonly severity: AlertSeverity | undefined;
  /** Beyond the clear limit, on the good side. */
  readonly isGood: boolean;
}

type Breach = NonNullable<Alert['fired']> & { readonly leftMs?: number };

/** When a limit is reached, as a text too. */
interface Forecast extends Pick<Alert, 'limit' | 'text'> {
  readonly leftMs: number;
}

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
  /** Of the last figure that was known. */
  #overMs: number | undefined;

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
  look(
    { value, overMs }: Pick<AlertReading, 'value' | 'overMs'>,
    { at: atMs, monotonicMs }: LookTime,
  ): Alert | undefined {
    if (value === null || Number.isNaN(value)) return undefined;
    this.#overMs = overMs;
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
    // What was before does not count when it is judged whether all is well again.
    this.#looks = [];
    const worst = { ...breach, severity } as const;
    const fired = firedOf(worst);
    return (this.#alert = this.#alertOf(worst, { state: 'firing', sinceMs, firedMs: atMs, fired }));
  }

  #lookFiring(value: number, breach: Breach | undefined, atMs: number): Alert | undefined {
    const { leftMs: _leftMs, ...before } = this.#alert!;
    if (this.#looks.filter(({ isGood }) => isGood).length >= this.#rule.of.m) {
      this.#alert = undefined;
      this.#looks = [];
      const text = `${this.#told(value)}, well again`;
      return { ...before, value, text, state: 'resolved', resolvedMs: atMs };
    }
    const worse = before.severity === 'WARNING' && this.#isCritical;
    const severity = worse ? 'CRITICAL' : before.severity;
    const text = `${this.#told(value)}, well at ${this.#show(this.limits.clear)}`;
    const alert: Alert = {
      ...before,
      value,
      ...(breach ?? withForecast(text, this.#ahead(value))),
      severity,
    };
    this.#alert = worse ? { ...alert, fired: firedOf(alert) } : alert;
    return worse ? this.#alert : undefined;
  }

  get #isCritical(): boolean {
    const critical = this.#looks.filter(({ severity }) => severity === 'CRITICAL');
    return critical.length >= this.#rule.of.m;
  }

  #breach(value: number): Breach | undefined {
    const { limits } = this;
    const ahead = this.#ahead(value);
    for (const [severity, limit] of [
      ['CRITICAL', limits.critical],
      ['WARNING', limits.warn],
    ] as const) {
      if (limit === undefined || !this.#isBeyond(value, limit)) continue;
      const text = `${this.#told(value)}, limit ${this.#show(limit)}`;
      return { severity, value, limit, ...withForecast(text, ahead) };
    }
    if (ahead === undefined || ahead.leftMs > this.#rule.forecastMs!) return undefined;
    const text = `${this.#told(value)}, limit ${ahead.text}`;
    return { severity: 'WARNING', value, limit: ahead.limit, leftMs: ahead.leftMs, text };
  }

  /** When the highest limit is reached, where the figure goes there and is not there yet. */
  #ahead(value: number): Forecast | undefined {
    const limit = this.limits.critical ?? this.limits.warn;
    if (limit === undefined || this.#isBeyond(value, limit)) return undefined;
    const leftMs = this.#slope?.msUntil(limit);
    if (leftMs === undefined) return undefined;
    const text = `${this.#show(limit)} reached in ${roughTime(leftMs)}`;
    return { limit, leftMs: Math.round(leftMs), text };
  }

  #isBeyond(value: number, limit: number): boolean {
    return isBeyond(value, limit, this.#rule.bad);
  }

  #isGood(value: number, breach: Breach | undefined): boolean {
    return breach === undefined && !this.#isBeyond(value, this.limits.clear);
  }

  #alertOf(breach: Breach, at: Pick<Alert, 'state' | 'sinceMs' | 'firedMs' | 'fired'>): Alert {
    const { name: rule, summary, unit } = this.#rule;
    return { rule, summary, component: this.#component, unit, ...breach, ...at };
  }

  /** The figure as it is now. */
  #told(value: number): string {
    const over = this.#overMs === undefined ? '' : ` over ${roughTime(this.#overMs)}`;
    return `${this.#show(value)}${over}`;
  }

  #show(value: number): string {
    const digits = Math.abs(value) >= 100 ? 0 : 2;
    return `${Number(value.toFixed(digits))} ${this.#rule.unit}`.trimEnd();
  }
}

function withForecast(text: string, ahead?: Forecast): Pick<Alert, 'text' | 'leftMs'> {
  return ahead === undefined ? { text } : { text: `${text}, ${ahead.text}`, leftMs: ahead.leftMs };
}

function firedOf({ severity, value, limit, text }: Breach): NonNullable<Alert['fired']> {
  return { severity, value, limit, text };
}
