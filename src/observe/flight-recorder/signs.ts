import { alertFired, alertResolved } from '../alerts/events.ts';
import { breakerChanged, componentDegraded, componentRecovered, ledgerBroken } from '../events.ts';
import { healthDefaults } from '../health-settings.ts';
import { queueLimits } from '../queue-limits.ts';
import type { FlightSign } from './explanation.ts';
import type { FlightEvent, FlightReading } from './record.ts';

/** Errors that are further apart are not of one stretch. */
const stretchGapMs = 10_000;

/** What an event begins, and what it ends: the same name for both. */
interface Turn {
  readonly begins?: Omit<FlightSign, 'at' | 'isOver'>;
  readonly about: string;
}

/** What was not as it should be, the oldest first. */
export function signsOf(record: FlightReading): FlightSign[] {
  const signs = [...turns(record.events), ...fullQueues(record), ...errorStretches(record)];
  return signs.sort((a, b) => a.at - b.at);
}

/** What events begin and end: degraded components, breakers, alerts. */
function turns(events: readonly FlightEvent[]): FlightSign[] {
  const signs: FlightSign[] = [];
  const open = new Map<string, FlightSign>();
  for (const event of events) {
    const turn = turnOf(event);
    if (turn === undefined) continue;
    const { about, begins } = turn;
    const standing = open.get(about);
    if (begins === undefined) {
      open.delete(about);
      if (standing !== undefined) signs.push({ ...standing, isOver: true });
    } else if (standing === undefined) {
      open.set(about, { ...begins, at: event.at, isOver: false });
    }
  }
  return [...signs, ...open.values()];
}

function turnOf({ name, fields }: FlightEvent): Turn | undefined {
  const text = (field: string): string => String(fields[field] ?? '');
  const [id, reason] = [text('id'), text('reason')];
  switch (name) {
    case componentDegraded.name:
      return { about: `degraded ${id}`, begins: { component: id, text: reason } };
    case componentRecovered.name:
      return { about: `degraded ${id}` };
    case breakerChanged.name: {
      const [about, component] = [`breaker ${text('breaker')}`, text('components')];
      if (text('state') === 'closed') return { about };
      return { about, begins: { component, text: `breaker \`${text('breaker')}\` open` } };
    }
    case alertFired.name: {
      const about = `alert ${text('rule')} ${id}`;
      return { about, begins: { component: id, text: `${text('rule')}: ${text('text')}` } };
    }
    case alertResolved.name:
      return { about: `alert ${text('rule')} ${id}` };
    case ledgerBroken.name: {
      const rows = `${text('rows')} rows that nothing accounts for`;
      return { about: `ledger ${id}`, begins: { component: id, text: rows } };
    }
    default:
      return undefined;
  }
}

function fullQueues(record: FlightReading): FlightSign[] {
  return stretches(
    record,
    ({ queueFill }, look) => queueFill[look]! >= queueLimits.warn,
    0,
    (component) => ({ component, text: 'the queue before it is full' }),
  ).filter(({ at, endAt }) => endAt - at >= healthDefaults.queueFullMsMax);
}

function errorStretches(record: FlightReading): FlightSign[] {
  return stretches(
    record,
    ({ errors }, look) => errors[look]! > 0,
    stretchGapMs,
    (component) => ({ component, text: 'records or calls fail' }),
  );
}

type Stretch = FlightSign & { readonly endAt: number };

/** When something was so, look after look but for gaps of that length. */
function stretches(
  { series, at: endAt }: FlightReading,
  isSo: (of: FlightReading['series']['components'][string], look: number) => boolean,
  gapMs: number,
  say: (component: string) => Omit<FlightSign, 'at' | 'isOver'>,
): Stretch[] {
  const found: Stretch[] = [];
  for (const [id, figures] of Object.entries(series.components)) {
    let last: { at: number; endAt: number; look: number } | undefined;
    const close = (isOver: boolean): void => {
      if (last !== undefined) found.push({ ...say(id), at: last.at, endAt: last.endAt, isOver });
      last = undefined;
    };
    for (const [look, at] of series.at.entries()) {
      if (!isSo(figures, look)) continue;
      const beganAt = at - series.elapsedMs[look]!;
      const isNext =
        last !== undefined && (last.look === look - 1 || beganAt - last.endAt <= gapMs);
      if (!isNext) close(true);
      last = { at: last?.at ?? beganAt, endAt: at, look };
    }
    const lastLook = series.at.length - 1;
    close(last !== undefined && last.look < lastLook && endAt - last.endAt > gapMs);
  }
  return found;
}
