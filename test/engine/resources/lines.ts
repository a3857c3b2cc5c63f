import type { Logger, LogLevel } from '../../../src/core/index.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A logger that keeps its lines. */
export interface Lines extends Logger {
  /** The level and the fields of each line of these events; of no field that is undefined. */
  of(...events: readonly string[]): (readonly [level: LogLevel, fields: Fields])[];
}

export function lines(): Lines {
  const kept: (readonly [LogLevel, string, Fields])[] = [];
  const write =
    (level: LogLevel) =>
    (event: string, fields: Fields = {}): void => {
      const said = Object.entries(fields).filter(([, value]) => value !== undefined);
      kept.push([level, event, Object.fromEntries(said)]);
    };
  const logger: Lines = {
    debug: write('DEBUG'),
    info: write('INFO'),
    warning: write('WARNING'),
    error: write('ERROR'),
    critical: write('CRITICAL'),
    bindContext: () => logger,
    of: (...events) =>
      kept.flatMap(([level, name, fields]) =>
        events.includes(name) ? [[level, fields] as const] : [],
      ),
  };
  return logger;
}
