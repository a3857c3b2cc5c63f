import { defineEvent, type EventDefinition } from '../../core/index.ts';

type AlertField =
  'rule' | 'id' | 'severity' | 'value' | 'limit' | 'unit' | 'text' | 'sinceMs' | 'leftMs';

const fields: Readonly<Record<AlertField, string>> = {
  rule: 'the rule, as `queue-saturation`',
  id: 'the component that it is about; empty for the run',
  severity: '`WARNING` or `CRITICAL`: the worst that it has been',
  value: 'the figure',
  limit: 'the limit that it has passed, or will pass',
  unit: 'of the figure and the limit',
  text: 'why, with figures, for people',
  sinceMs: 'since when it has been bad: wall time in milliseconds',
  leftMs:
    'milliseconds until the highest limit is reached; not there once it has been, or where unknown',
};

/** `alert.pending` */
export const alertPending: EventDefinition<AlertField> = defineEvent({
  name: 'alert.pending',
  level: 'DEBUG',
  summary: 'A figure is beyond its limit, but not for long enough to fire.',
  fields,
  metric: 'millrace_alerts_pending_total',
});

/** `alert.fired` */
export const alertFired: EventDefinition<AlertField> = defineEvent({
  name: 'alert.fired',
  level: 'WARNING',
  summary: 'An alert fires, or gets worse; the line has the level of its severity.',
  fields,
  metric: 'millrace_alerts_fired_total',
  isKept: true,
});

/** `alert.resolved` */
export const alertResolved: EventDefinition<AlertField> = defineEvent({
  name: 'alert.resolved',
  level: 'INFO',
  summary: 'What an alert fired for is well again.',
  fields,
  metric: 'millrace_alerts_resolved_total',
  isKept: true,
});

/** `alert.undelivered` */
export const alertUndelivered: EventDefinition<'told' | 'rule' | 'id' | 'reason'> = defineEvent({
  name: 'alert.undelivered',
  level: 'ERROR',
  summary: 'The webhook was not told of an alert, however often it was tried.',
  fields: {
    told: 'what it was not told: `alert.fired` or `alert.resolved`',
    rule: 'the rule',
    id: 'the component that it is about; empty for the run',
    reason: 'what the last try ended with, or why there was none',
  },
  metric: 'millrace_alerts_undelivered_total',
  isKept: true,
});

/** `alert.rule-failed` */
export const alertRuleFailed: EventDefinition<'rule' | 'error'> = defineEvent({
  name: 'alert.rule-failed',
  level: 'ERROR',
  summary: 'A rule throws: what it watches is not watched. Told once, until it works again.',
  fields: { rule: 'the rule', error: 'what it threw' },
  metric: 'millrace_alert_rule_failures_total',
});

/** `alerts.failed` */
export const alertsFailed: EventDefinition<'error'> = defineEvent({
  name: 'alerts.failed',
  level: 'ERROR',
  summary: 'The run goes on, and no alert is raised on it any more.',
  fields: { error: 'what the alerts failed with' },
  metric: 'millrace_alerts_failed_total',
  isKept: true,
});

/** How the alerts of a run change. */
export const alertChanges: readonly (typeof alertFired)[] = [
  alertPending,
  alertFired,
  alertResolved,
];

/** What alerts say. */
export const alertEvents: readonly EventDefinition[] = [
  ...alertChanges,
  alertUndelivered,
  alertRuleFailed,
  alertsFailed,
];
