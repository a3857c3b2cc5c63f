import type { Logger, LogLevel } from './log.ts';

/** What happens, declared once. `N`: the names of its fields; `F`: the fields. */
export interface EventDefinition<
  N extends string = string,
  F extends EventFields<N> = EventFields<N>,
> {
  /** Noun and past participle, as in log lines: `component.degraded`. */
  readonly name: string;
  readonly level: LogLevel;
  /** One sentence. */
  readonly summary: string;
  /** What each field says. */
  readonly fields: Readonly<Record<N, string>>;
  /** The counter that grows with each. */
  readonly metric: `millrace_${string}_total`;
  /** Whether each is worth a line: repeats are never collapsed, and none is ever dropped. */
  readonly isKept?: true;
  /** The event that is over with it: how often that was said again is told before. */
  readonly ends?: string;
  /** The fields as a log line has them, where that is another way. */
  logged?(fields: F): EventFields<N>;
}

export type EventFields<N extends string> = Readonly<Record<N, unknown>>;

/** Declares an event. */
export function defineEvent<N extends string, F extends EventFields<N> = EventFields<N>>(
  spec: EventDefinition<N, F>,
): EventDefinition<N, F> {
  return Object.freeze(spec);
}

const methods = {
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warning',
  ERROR: 'error',
  CRITICAL: 'critical',
} as const satisfies Record<LogLevel, keyof Logger>;

/** Writes a line of that level. */
export function logAt(
  log: Logger,
  level: LogLevel,
  event: string,
  fields?: Readonly<Record<string, unknown>>,
): void {
  log[methods[level]](event, fields);
}
