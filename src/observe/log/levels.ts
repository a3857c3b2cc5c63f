import { isLogLevel, type LogLevel, logLevels } from '../../core/index.ts';
import { PipelineError } from '../../errors.ts';

/** The least levels of a logger and all that were bound from it. */
export class Levels {
  /** Grows with each change, so that a logger may keep the level that it has looked up. */
  version = 0;
  #min: LogLevel;
  readonly #byComponent = new Map<string, LogLevel>();

  constructor(min: LogLevel) {
    this.#min = checkLevel('minLevel', min);
  }

  get min(): LogLevel {
    return this.#min;
  }

  set min(level: LogLevel) {
    this.#min = checkLevel('minLevel', level);
    this.version++;
  }

  of(component: string): LogLevel {
    return this.#byComponent.get(component) ?? this.#min;
  }

  /** Undefined: the component follows the others again. */
  set(component: string, level: LogLevel | undefined): void {
    if (level === undefined) this.#byComponent.delete(component);
    else this.#byComponent.set(component, checkLevel(`setLevel ${component}`, level));
    this.version++;
  }
}

function checkLevel(option: string, level: LogLevel): LogLevel {
  if (isLogLevel(level)) return level;
  throw new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: `log.${option}`,
    fact: `cannot be ${JSON.stringify(level) ?? 'undefined'}`,
    remedy: `give one of ${Object.keys(logLevels).join(', ')}`,
  });
}
