import { isEvent } from '../emitter.ts';
import { recordFailed } from '../events.ts';
import type { FlightStep } from './explanation.ts';
import type { FlightEvent, FlightReading } from './record.ts';

/** What happened, in its order; the same again and again, but for numbers in it, is one step. */
export function timelineOf({ events, failures }: FlightReading): FlightStep[] {
  const steps = new Map<string, FlightStep>();
  for (const event of [...events, ...failures]) {
    const { at, level, name } = event;
    const [component, text] = [componentOf(event), textOf(event)];
    const key = JSON.stringify([name, component, text.replaceAll(/\d+/g, '#')]);
    const known = steps.get(key);
    if (known === undefined) {
      steps.set(key, { at, lastAt: at, times: 1, level, event: name, component, text });
    } else {
      steps.set(key, { ...known, text, lastAt: at, times: known.times + 1 });
    }
  }
  return [...steps.values()].sort((a, b) => a.at - b.at);
}

function componentOf({ fields }: FlightEvent): string {
  return String(fields['stage'] ?? fields['components'] ?? fields['id'] ?? '');
}

const placed = new Set(['id', 'stage', 'components']);

/** What an event says: its own words where it has some, else its fields. */
function textOf(event: FlightEvent): string {
  const { fields } = event;
  const { rule, text, error, reason, breaker, previous, state } = fields;
  if (isEvent(event, recordFailed)) return String(reason);
  if (breaker !== undefined) return `${breaker}: ${previous} → ${state} (${reason})`;
  if (rule !== undefined) return `${rule}: ${text}`;
  const words = text ?? error ?? reason;
  if (words !== undefined) return String(words);
  const rest = Object.entries(fields).filter(([key]) => !placed.has(key));
  return rest.map(([key, value]) => `${key} ${value}`).join(', ');
}
