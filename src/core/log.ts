/** The levels of a log line, least first, and how much each weighs. */
export const logLevels = { DEBUG: 10, INFO: 20, WARNING: 30, ERROR: 40, CRITICAL: 50 } as const;

/** How much a log line matters. */
export type LogLevel = keyof typeof logLevels;

/** Whether a value is one of `logLevels`. */
export function isLogLevel(value: unknown): value is LogLevel {
  return typeof value === 'string' && Object.hasOwn(logLevels, value);
}

/** Something said by a component: an event name (noun + past participle) and its fields. */
export interface Logger {
  debug(event: string, fields?: Readonly<Record<string, unknown>>): void;
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warning(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, fields?: Readonly<Record<string, unknown>>): void;
  critical(event: string, fields?: Readonly<Record<string, unknown>>): void;
  /**
   * Resolves when it has room again for what must not be lost; undefined while it has, and of a
   * logger that never waits.
   */
  readonly blocked?: Promise<void> | undefined;
  /** A logger that adds these fields to each line. */
  bindContext(fields: Readonly<Record<string, unknown>>): Logger;
}

const nothing = (): void => {};

/** Says nothing. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warning: nothing,
  error: nothing,
  critical: nothing,
  bindContext: () => silentLogger,
};
