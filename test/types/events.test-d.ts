// Checked by the compiler alone: what a listener knows of an event that it has asked for.
import { alertFired, isEvent, type ObservedEvent, recordFailed } from '../../src/observe/index.ts';

export function heard(event: ObservedEvent): unknown {
  if (isEvent(event, recordFailed)) {
    // @ts-expect-error a failed record has no rule
    return [event.fields.eventId, event.level, event.fields.rule];
  }
  return isEvent(event, alertFired) ? event.fields.rule : event.fields['anything'];
}
