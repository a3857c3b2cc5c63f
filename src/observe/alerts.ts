import type { Clock } from '../core/index.ts';
import type { Alert } from './alerts/alert.ts';
import { alertFired, alertPending, alertResolved } from './alerts/events.ts';
import type { AlertLooks, AlertReading, AlertRule } from './alerts/rule.ts';
import { Track } from './alerts/track.ts';
import type { Emitter } from './emitter.ts';
import type { RunStats } from './snapshot.ts';

/** What alerts are raised by. */
export interface AlertsOptions {
  /** What is watched; `shippedRules()` are those that fit every pipeline. */
  readonly rules: readonly AlertRule[];
  /** How many resolved alerts are remembered; 100 unless given. */
  readonly historyMax?: number;
  /** Told when an alert is pending, fires, gets worse, or is resolved. */
  readonly onChange?: (alert: Alert) => void;
  /** Told of a rule that throws, once until it works again; unless given, the look throws. */
  readonly onRuleError?: (rule: AlertRule, error: unknown) => void;
}

/**
 * Judges the figures of a run, look by look, by its rules. Time is that of the figures, so that a
 * series of them can be replayed.
 */
export class Alerts {
  readonly #rules: readonly AlertRule[];
  readonly #historyMax: number;
  readonly #onChange: (alert: Alert) => void;
  readonly #onRuleError: AlertsOptions['onRuleError'];
  /** Rules that threw at the last look. */
  readonly #throwing = new Set<AlertRule>();
  readonly #tracks = new Map<string, Track>();
  readonly #history: Alert[] = [];
  #before: RunStats | undefined;

  constructor({ rules, historyMax = 100, onChange = () => {}, onRuleError }: AlertsOptions) {
    this.#rules = rules;
    this.#historyMax = historyMax;
    this.#onChange = onChange;
    this.#onRuleError = onRuleError;
  }

  /** Pending and firing, the worst first, and then the oldest. */
  get active(): readonly Alert[] {
    const active = [...this.#tracks.values()].flatMap(({ alert }) => alert ?? []);
    return active.sort((a, b) => weight(b) - weight(a) || a.sinceMs - b.sinceMs);
  }

  /** Resolved ones, the oldest first. */
  get history(): readonly Alert[] {
    return this.#history;
  }

  /** Gives what has changed since the last look. */
  look(stats: RunStats): readonly Alert[] {
    const looks: AlertLooks = { stats, before: this.#before };
    const changes = this.#rules.flatMap((rule) => this.#lookBy(rule, looks));
    this.#before = stats;
    for (const alert of changes) this.#onChange(alert);
    return changes;
  }

  /** A rule that throws says nothing, or not all, and holds up no other. */
  #lookBy(rule: AlertRule, looks: AlertLooks): Alert[] {
    const changes: Alert[] = [];
    try {
      for (const reading of rule.read(looks)) changes.push(...this.#track(rule, reading, looks));
      this.#throwing.delete(rule);
    } catch (error) {
      if (this.#onRuleError === undefined) throw error;
      if (!this.#throwing.has(rule)) this.#onRuleError(rule, error);
      this.#throwing.add(rule);
    }
    return changes;
  }

  #track(rule: AlertRule, { component, value }: AlertReading, { stats }: AlertLooks): Alert[] {
    const key = JSON.stringify([rule.name, component]);
    let track = this.#tracks.get(key);
    if (track === undefined) this.#tracks.set(key, (track = new Track(rule, component)));
    const change = track.look(value, stats);
    if (change === undefined) return [];
    if (change.state === 'resolved') this.#remember(change);
    return [change];
  }

  #remember(alert: Alert): void {
    this.#history.push(alert);
    if (this.#history.length > this.#historyMax) this.#history.shift();
  }
}

/** What alerts are raised on: a run, or anything with its figures. */
export interface Watched {
  stats(): RunStats;
}

/** How a run is watched. */
export interface WatchOptions {
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** How often it is looked at; 1,000 unless given. */
  readonly everyMs?: number;
}

/** Looks at a run every so often until the signal aborts. */
export async function watchAlerts(
  alerts: Alerts,
  watched: Watched,
  { clock, signal, everyMs = 1000 }: WatchOptions,
): Promise<void> {
  while (!signal.aborted) {
    alerts.look(watched.stats());
    await clock.sleep(everyMs, { signal }).catch(() => {});
  }
}

/** Tells of an alert that has changed, at its severity once it fires. */
export function emitAlert(emitter: Emitter, alert: Alert): void {
  const { rule, component: id, state, severity, value, limit, unit, text, sinceMs } = alert;
  const event =
    state === 'pending' ? alertPending : state === 'firing' ? alertFired : alertResolved;
  const fields = { rule, id, severity, value, limit, unit, text, sinceMs, leftMs: alert.leftMs };
  emitter.emit(event, fields, { level: state === 'firing' ? severity : event.level });
}

function weight({ state, severity }: Alert): number {
  return (state === 'firing' ? 2 : 0) + (severity === 'CRITICAL' ? 1 : 0);
}
