import { defineEvent, type EventDefinition } from '../../core/index.ts';

/** Some telemetry was not taken. */
export const telemetryFailed: EventDefinition<'signal' | 'items' | 'reason'> = defineEvent({
  name: 'telemetry.failed',
  level: 'WARNING',
  summary: 'Spans or metrics could not be sent, or were rejected in part; the run goes on.',
  fields: {
    signal: '`traces` or `metrics`',
    items: 'how many spans, or data points, that cost',
    reason: 'what is wrong, for people',
  },
  metric: 'millrace_telemetry_failures_total',
});

/** Telemetry has ended, and not all of it was taken. */
export const telemetryLost: EventDefinition<'signal' | 'dropped' | 'failed' | 'rejected'> =
  defineEvent({
    name: 'telemetry.lost',
    level: 'WARNING',
    summary: 'At the end of telemetry: how much of it never arrived.',
    fields: {
      signal: '`traces` or `metrics`',
      dropped: 'spans that came while the queue was full, or were still in it at the end',
      failed: 'items that could not be sent',
      rejected: 'items that the receiver refused',
    },
    metric: 'millrace_telemetry_losses_total',
  });

/** The environment asks for telemetry that cannot be. */
export const telemetryUnavailable: EventDefinition<'error'> = defineEvent({
  name: 'telemetry.unavailable',
  level: 'WARNING',
  summary: 'The environment names a receiver, but nothing can be sent; the run goes on.',
  fields: { error: 'why, with the packages to install where they are missing' },
  metric: 'millrace_telemetry_unavailable_total',
});

/** Every event of telemetry. */
export const telemetryEvents: readonly EventDefinition[] = [
  telemetryFailed,
  telemetryLost,
  telemetryUnavailable,
];
