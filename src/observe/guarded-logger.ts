import type { Logger } from '../core/index.ts';
import { PipelineError } from '../errors.ts';

type Fields = Readonly<Record<string, unknown>>;
type Method = 'debug' | 'info' | 'warning' | 'error' | 'critical';

/** A logger of the user's. What it throws or rejects with is told once, and costs only the line. */
export class GuardedLogger implements Logger {
  readonly #log: Logger;
  readonly #failing: { isTold: boolean };

  constructor(log: Logger, failing: { isTold: boolean } = { isTold: false }) {
    this.#log = log;
    this.#failing = failing;
  }

  debug(event: string, fields?: Fields): void {
    this.#say('debug', event, fields);
  }

  info(event: string, fields?: Fields): void {
    this.#say('info', event, fields);
  }

  warning(event: string, fields?: Fields): void {
    this.#say('warning', event, fields);
  }

  error(event: string, fields?: Fields): void {
    this.#say('error', event, fields);
  }

  critical(event: string, fields?: Fields): void {
    this.#say('critical', event, fields);
  }

  get blocked(): Promise<void> | undefined {
    try {
      return this.#log.blocked?.catch(this.#failed);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  bindContext(fields: Fields): Logger {
    try {
      return new GuardedLogger(this.#log.bindContext(fields), this.#failing);
    } catch (error) {
      this.#failed(error);
      return this;
    }
  }

  #say(method: Method, event: string, fields: Fields | undefined): void {
    try {
      const said: unknown = this.#log[method](event, fields);
      if (said instanceof Promise) said.catch(this.#failed);
    } catch (error) {
      this.#failed(error);
    }
  }

  readonly #failed = (cause: unknown): void => {
    if (this.#failing.isTold) return;
    this.#failing.isTold = true;
    const warning = new PipelineError({
      code: 'ERR_LOG_CLOSED',
      place: 'log',
      fact: 'the logger of the run throws: what it was to say is lost',
      remedy: 'let it return, whatever it is given',
      cause,
    });
    process.emitWarning(warning);
  };
}
