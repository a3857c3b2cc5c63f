// Numbers and times as people read them: short, of a steady width, with their unit.

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** What stands where there is no figure. */
export const none = '–';

export type Figure = number | null | undefined;

export function count(value: Figure): string {
  if (value == null || !Number.isFinite(value)) return none;
  return Math.abs(value) < 100_000 ? whole.format(value) : compact.format(value);
}

export function decimal(value: Figure): string {
  if (value == null || !Number.isFinite(value)) return none;
  if (value !== 0 && (Math.abs(value) < 0.01 || Math.abs(value) >= 1e15)) {
    return value.toExponential(2);
  }
  return Math.abs(value) < 1000 ? String(Number(value.toPrecision(4))) : count(value);
}

export function rate(perSecond: Figure): string {
  if (perSecond == null || !Number.isFinite(perSecond)) return none;
  const digits = perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : count(perSecond);
  return `${digits}/s`;
}

export function share(part: Figure): string {
  if (part == null || !Number.isFinite(part)) return none;
  const percent = part * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** A time span of so many milliseconds; there is none below 0. */
export function span(ms: Figure): string {
  if (ms == null || !Number.isFinite(ms)) return none;
  if (ms <= 0) return '0 ms';
  if (ms < 0.1) return `${Number((ms * 1000).toPrecision(2))} µs`;
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A time span that is estimated. */
export function about(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return ms < 60_000 ? span(ms) : minutes < 60 ? `${minutes} min` : span(minutes * 60_000);
}

export function bytes(value: Figure): string {
  if (value == null || !Number.isFinite(value)) return none;
  if (value < 1024) return `${Math.round(value)} B`;
  const [unit, size] =
    value < 2 ** 20 ? ['KiB', 2 ** 10] : value < 2 ** 30 ? ['MiB', 2 ** 20] : ['GiB', 2 ** 30];
  const number = value / size;
  return `${number < 10 ? number.toFixed(1) : Math.round(number)} ${unit}`;
}

/** A figure and the unit that an alert or a field has. */
export function withUnit(value: Figure, unit: string): string {
  if (unit === 'ms') return span(value);
  if (unit === 'bytes') return bytes(value);
  if (unit === '%') return value == null ? none : `${decimal(value)} %`;
  return unit === '' ? decimal(value) : `${decimal(value)} ${unit}`;
}

/** The time of day. */
export function timeOf(at: number): string {
  return clock.format(at);
}

export function dayAndTimeOf(at: number): string {
  return day.format(at);
}

/** A text of the pipeline, with the times in it as this place has them; one of another day with its day. */
export function withTimes(text: string): string {
  const today = new Date().toDateString();
  return text.replaceAll(wallTime, (shown) => {
    const at = new Date(shown);
    if (Number.isNaN(at.getTime())) return shown;
    return at.toDateString() === today ? timeOf(at.getTime()) : dayAndTimeOf(at.getTime());
  });
}

const wallTime = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** What a field of a log line holds; one that is named `…Ms` is a time span, or when something was. */
export function field(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'number') return JSON.stringify(value);
  if (name.endsWith('Ms')) return value > wallMsMin ? timeOf(value) : span(value);
  return Number.isInteger(value) ? String(value) : decimal(value);
}

/** Of 2001; no span is that long. */
const wallMsMin = 1e12;

/** How long ago, at `now`. */
export function ago(at: number, now: number): string {
  return now - at < 1000 ? 'just now' : `${span(now - at)} ago`;
}

/** When it began, and how long it has gone on at `now`. */
export function since(at: number, now: number): string {
  return `${timeOf(at)} (${now - at < 1000 ? 'just now' : span(now - at)})`;
}
