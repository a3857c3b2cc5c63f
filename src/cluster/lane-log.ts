import type { Logger, LogLevel } from '../core/index.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Takes a line of a lane to the run. */
export type SayLine = (
  component: string,
  level: LogLevel,
  event: string,
  fields: Fields | undefined,
) => void;

/** What components of a lane say is said by the run, whose level and secrets hold for it. */
export class LaneLogger implements Logger {
  readonly #say: SayLine;
  readonly #component: string;

  constructor(say: SayLine, component = '') {
    this.#say = say;
    this.#component = component;
  }

  debug(event: string, fields?: Fields): void {
    this.#say(this.#component, 'DEBUG', event, fields);
  }

  info(event: string, fields?: Fields): void {
    this.#say(this.#component, 'INFO', event, fields);
  }

  warning(event: string, fields?: Fields): void {
    this.#say(this.#component, 'WARNING', event, fields);
  }

  error(event: string, fields?: Fields): void {
    this.#say(this.#component, 'ERROR', event, fields);
  }

  critical(event: string, fields?: Fields): void {
    this.#say(this.#component, 'CRITICAL', event, fields);
  }

  bindContext({ component }: Fields): Logger {
    return typeof component === 'string' ? new LaneLogger(this.#say, component) : this;
  }
}
