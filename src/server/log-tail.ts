import type { Logger, LogLevel } from '../core/index.ts';
import { StructuredLogger } from '../observe/index.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A logger whose levels may be set while it runs, as those of Millrace are. */
export interface LeveledLogger extends Logger {
  minLevel: LogLevel;
  setLevel(component: string, level: LogLevel | undefined): void;
}

/** How a log is followed. */
export interface LogTailOptions {
  /** Given each text before it is shown; takes out what nobody may see. */
  readonly scrub?: (text: string) => string;
}

/**
 * A logger that hands everything on to another and lets a server follow it: give it to the run as
 * `log`, and to the server as `logTail`. Nothing is written twice while nobody follows.
 */
export class LogTail implements Logger {
  readonly #log: LeveledLogger;
  readonly #lines: StructuredLogger;
  readonly #listeners = new Set<(line: string) => void>();
  readonly #both: Logger;

  constructor(log: LeveledLogger, { scrub }: LogTailOptions = {}) {
    this.#log = log;
    this.#lines = new StructuredLogger({
      write: (line) => {
        for (const listener of this.#listeners) listener(line.trimEnd());
      },
      minLevel: log.minLevel,
      component: 'run',
      ...(scrub !== undefined && { scrub }),
    });
    this.#both = pairOf(log, this.#lines, () => this.#listeners.size > 0);
  }

  debug(event: string, fields?: Fields): void {
    this.#both.debug(event, fields);
  }

  info(event: string, fields?: Fields): void {
    this.#both.info(event, fields);
  }

  warning(event: string, fields?: Fields): void {
    this.#both.warning(event, fields);
  }

  error(event: string, fields?: Fields): void {
    this.#both.error(event, fields);
  }

  critical(event: string, fields?: Fields): void {
    this.#both.critical(event, fields);
  }

  bindContext(fields: Fields): Logger {
    return this.#both.bindContext(fields);
  }

  /** Calls back with each line, as JSON, from now on. Gives what ends that. */
  follow(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sets the least level of a component, or of all that have none of their own. */
  setLevel(level: LogLevel, component?: string): void {
    for (const log of [this.#log, this.#lines]) {
      if (component === undefined) log.minLevel = level;
      else log.setLevel(component, level);
    }
  }
}

function pairOf(log: Logger, lines: Logger, isFollowed: () => boolean): Logger {
  type Level = 'debug' | 'info' | 'warning' | 'error' | 'critical';
  const at =
    (level: Level) =>
    (event: string, fields?: Fields): void => {
      log[level](event, fields);
      if (isFollowed()) lines[level](event, fields);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    critical: at('critical'),
    bindContext: (fields) => pairOf(log.bindContext(fields), lines.bindContext(fields), isFollowed),
  };
}
