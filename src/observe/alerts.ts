import { PipelineError } from '../errors.ts';
import type { Alert } from './alerts/alert.ts';
import { checkAlertRules, checkLimits } from './alerts/check-rule.ts';
import { alertFired, alertPending, alertResolved } from './alerts/events.ts';
import type { AlertLimits, AlertLooks, AlertReading, AlertRule } from './alerts/rule.ts';
import { Track } from './alerts/track.ts';
import { isBeyond } from './beyond.ts';
import type { Emitter } from './emitter.ts';
import { requireKnownNames } from './known-names.ts';
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

/** What the limits of a rule were, and are. */
export interface LimitsChange {
  readonly from: AlertLimits;
  readonly to: AlertLimits;
}

const optionNames: readonly string[] = [
  'rules',
  'historyMax',
  'onChange',
  'onRuleError',
] satisfies (keyof AlertsOptions)[];

/** How many components a rule is judged for; of all further ones the worst, as `overflow`. */
const componentsMax = 1000;

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
  /** By rule and component. */
  readonly #tracks = new Map<AlertRule, Map<string, Track>>();
  /** Of rules of which they were changed. */
  readonly #limits = new Map<AlertRule, AlertLimits>();
  readonly #history: Alert[] = [];
  #before: RunStats | undefined;

  /** Throws `ERR_CONFIG_INVALID` for a rule that could not be judged by, and for two of one name. */
  constructor(options: AlertsOptions) {
    requireKnownNames('alerts', options, optionNames);
    const { rules, historyMax = 100, onChange = () => {}, onRuleError } = options;
    checkAlertRules(rules);
    if (!(Number.isSafeInteger(historyMax) && historyMax >= 0)) {
      throw new PipelineError({
        code: 'ERR_CONFIG_INVALID',
        place: 'alerts.historyMax',
        fact: `cannot be ${String(historyMax)}`,
        remedy: 'give a whole number, 0 or more',
      });
    }
    this.#rules = rules;
    this.#historyMax = historyMax;
    this.#onChange = onChange;
    this.#onRuleError = onRuleError;
  }

  /** Pending and firing, the worst first, and then the oldest. */
  get active(): readonly Alert[] {
    const tracks = [...this.#tracks.values()].flatMap((ofRule) => [...ofRule.values()]);
    const active = tracks.flatMap(({ alert }) => alert ?? []);
    return active.sort((a, b) => weight(b) - weight(a) || a.sinceMs - b.sinceMs);
  }

  /** Resolved ones, the oldest first. */
  get history(): readonly Alert[] {
    return this.#history;
  }

  /**
   * Judges by other limits from the next look on; those that are not given stay. Gives the limits
   * before and now. Throws `ERR_CONFIG_INVALID` where there is no such rule, or they cannot be judged by.
   */
  setLimits(name: string, given: Partial<AlertLimits>): LimitsChange {
    const rule = this.#rules.find((one) => one.name === name);
    if (rule === undefined) {
      throw new PipelineError({
        code: 'ERR_CONFIG_INVALID',
        place: `alerts.${name}`,
        fact: 'is no rule of this run',
        remedy: `give one of ${this.#rules.map((one) => one.name).join(', ')}`,
      });
    }
    const from = this.#limits.get(rule) ?? rule.limits;
    const set = Object.entries(Object(given)).filter(([, limit]) => limit !== undefined);
    const to = Object.freeze({ ...from, ...Object.fromEntries(set) });
    checkLimits(rule, to);
    this.#limits.set(rule, to);
    for (const track of this.#tracksOf(rule).values()) track.limits = to;
    return { from, to };
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
      let beyond: AlertReading | undefined;
      for (const reading of rule.read(looks)) {
        if (this.#hasRoom(rule, reading)) changes.push(...this.#track(rule, reading, looks));
        else beyond = worse(rule, beyond, reading);
      }
      if (beyond !== undefined) {
        const { value } = beyond;
        changes.push(...this.#track(rule, { component: 'overflow', value }, looks));
      }
      this.#throwing.delete(rule);
    } catch (error) {
      if (this.#onRuleError === undefined) throw error;
      if (!this.#throwing.has(rule)) this.#onRuleError(rule, error);
      this.#throwing.add(rule);
    }
    return changes;
  }

  #track(rule: AlertRule, reading: AlertReading, { stats }: AlertLooks): Alert[] {
    const { component } = reading;
    const tracks = this.#tracksOf(rule);
    let track = tracks.get(component);
    if (track === undefined) {
      track = new Track(rule, component, this.#limits.get(rule));
      tracks.set(component, track);
    }
    const change = track.look(reading, stats);
    if (change === undefined) return [];
    if (change.state === 'resolved') this.#remember(change);
    return [change];
  }

  #hasRoom(rule: AlertRule, { component }: AlertReading): boolean {
    const tracks = this.#tracksOf(rule);
    return tracks.has(component) || tracks.size < componentsMax - 1;
  }

  #tracksOf(rule: AlertRule): Map<string, Track> {
    const known = this.#tracks.get(rule) ?? new Map<string, Track>();
    this.#tracks.set(rule, known);
    return known;
  }

  #remember(alert: Alert): void {
    this.#history.push(alert);
    if (this.#history.length > this.#historyMax) this.#history.shift();
  }
}

/** Tells of an alert that has changed, at its severity once it fires. */
export function emitAlert(emitter: Emitter, alert: Alert): void {
  const { rule, component: id, state, severity, value, limit, unit, text, sinceMs } = alert;
  const event =
    state === 'pending' ? alertPending : state === 'firing' ? alertFired : alertResolved;
  const fields = { rule, id, severity, value, limit, unit, text, sinceMs, leftMs: alert.leftMs };
  const log = id === '' ? emitter.log : emitter.logOf(id);
  emitter.emit(event, fields, { log, level: state === 'firing' ? severity : event.level });
}

function weight({ state, severity }: Alert): number {
  return (state === 'firing' ? 2 : 0) + (severity === 'CRITICAL' ? 1 : 0);
}

function worse(
  { bad }: AlertRule,
  one: AlertReading | undefined,
  other: AlertReading,
): AlertReading {
  if (one === undefined || one.value === null || Number.isNaN(one.value)) return other;
  if (other.value === null || Number.isNaN(other.value)) return one;
  return isBeyond(other.value, one.value, bad) ? other : one;
}
