import { defineEvent, type EventDefinition } from '../../core/index.ts';

/** `flight.recorded` */
export const flightRecorded: EventDefinition<'path' | 'reason'> = defineEvent({
  name: 'flight.recorded',
  level: 'WARNING',
  summary: 'The last minutes of a run are in a file, for `millrace explain`.',
  fields: {
    path: 'the file',
    reason: 'why: `alert`, `run-failed` or `crash`',
  },
  metric: 'millrace_flights_recorded_total',
  isKept: true,
});

/** `flight.unrecorded` */
export const flightUnrecorded: EventDefinition<'error'> = defineEvent({
  name: 'flight.unrecorded',
  level: 'ERROR',
  summary: 'The last minutes of a run could not be written to a file.',
  fields: { error: 'why' },
  metric: 'millrace_flights_unrecorded_total',
  isKept: true,
});

/** What a flight recorder says. */
export const flightEvents: readonly EventDefinition[] = [flightRecorded, flightUnrecorded];
