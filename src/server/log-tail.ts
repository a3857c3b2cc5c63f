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
 * `log`, and to the server as `logTail`. The last lines before the server is there are kept for it.
 */
export class LogTail implements Logger {
  readonly #log: LeveledLogger;
  readonly #lines: StructuredLogger;
  readonly #listeners = new Set<(line: string) => void>();
  readonly #both: Logger;
  /** Lines from before anybody followed. */
  #early: string[] | undefined = [];

  constructor(log: LeveledLogger, { scrub }: LogTailOptions = {}) {
    this.#log = log;
    this.#lines = new StructuredLogger({
      write: (line) => this.#tell(line.trimEnd()),
      minLevel: log.minLevel,
      component: 'run',
      ...(scrub !== undefined && { scrub }),
    });
    this.#both = pairOf(log, this.#lines, () => this.#isWanted);
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
    for (const line of this.#early ?? []) listener(line);
    this.#early = undefined;
    return () => this.#listeners.delete(listener);
  }

  get #isWanted(): boolean {
    return this.#early !== undefined || this.#listeners.size > 0;
  }

  #tell(line: string): void {
    for (const listener of this.#listeners) listener(line);
    this.#early?.push(line);
    if (this.#early !== undefined && this.#early.length > earlyMax) this.#early.shift();
  }

  /** Sets the least level of a component, or of all that have none of their own. */
  setLevel(level: LogLevel, component?: string): void {
    for (const log of [this.#log, this.#lines]) {
      if (component === undefined) log.minLevel = level;
      else log.setLevel(component, level);
    }
  }
}

const earlyMax = 100;

function pairOf(log: Logger, lines: Logger, isWanted: () => boolean): Logger {
  type Level = 'debug' | 'info' | 'warning' | 'error' | 'critical';
  const at =
    (level: Level) =>
    (event: string, fields?: Fields): void => {
      log[level](event, fields);
      if (isWanted()) lines[level](event, fields);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    critical: at('critical'),
    bindContext: (fields) => pairOf(log.bindContext(fields), lines.bindContext(fields), isWanted),
  };
}
