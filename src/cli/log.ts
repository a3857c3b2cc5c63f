import { type Clock, type Logger, type LogLevel, logLevels } from '../core/index.ts';
import { isPipelineError } from '../errors.ts';
import type { Terminal } from './terminal.ts';
import { escapeControls } from './text.ts';

type LogFields = Readonly<Record<string, unknown>>;

const fieldLengthMax = 8192;
const nothing = (): void => {};

const colours = {
  DEBUG: 'gray',
  INFO: 'cyan',
  WARNING: 'yellow',
  ERROR: 'red',
  CRITICAL: 'magenta',
} as const;

/** Writes log lines to standard error: NDJSON in a pipe, text on a terminal. */
export function createLogger(terminal: Terminal, clock: Clock, levelMin: LogLevel): Logger {
  const write = terminal.err.isTTY ? writeText : writeJson;
  return loggerOf(
    (level, bound, event, fields) => {
      const timestamp = new Date(clock.now()).toISOString();
      const { component = 'run', ...others } = bound;
      write(
        terminal,
        { timestamp, level, component: String(component), event },
        { ...others, ...fields },
      );
    },
    levelMin,
    {},
  );
}

interface Head {
  readonly timestamp: string;
  readonly level: LogLevel;
  readonly component: string;
  readonly event: string;
}

function loggerOf(
  write: (level: LogLevel, bound: LogFields, event: string, fields?: LogFields) => void,
  levelMin: LogLevel,
  bound: LogFields,
): Logger {
  const at = (level: LogLevel): ((event: string, fields?: LogFields) => void) =>
    logLevels[level] < logLevels[levelMin]
      ? nothing
      : (event, fields) => write(level, bound, event, fields);
  return {
    debug: at('DEBUG'),
    info: at('INFO'),
    warning: at('WARNING'),
    error: at('ERROR'),
    critical: at('CRITICAL'),
    bindContext: (fields) => loggerOf(write, levelMin, { ...bound, ...fields }),
  };
}

function writeJson(terminal: Terminal, head: Head, fields: LogFields): void {
  const line = encode({ ...head, ...fields }, terminal);
  // JSON escapes only the controls below the space.
  terminal.complain(escapeControls(line));
}

function writeText(
  terminal: Terminal,
  { timestamp, level, component, event }: Head,
  fields: LogFields,
): void {
  const time = terminal.style('dim', timestamp.slice(11, 23));
  const shown = Object.entries(fields).map(([name, value]) => {
    const text = typeof value === 'string' ? value : encode(value, terminal);
    return `${terminal.style('dim', `${escapeControls(name)}=`)}${escapeControls(cut(text))}`;
  });
  const start = `${time} ${terminal.style(colours[level], level)} ${escapeControls(`${component} ${event}`)}`;
  terminal.complain([start, ...shown].join(' '));
}

/** Any value as JSON: never throws, shows no secret, cuts long text. */
function encode(value: unknown, terminal: Terminal): string {
  const seen = new Set<object>();
  const plain = (_key: string, item: unknown): unknown => {
    if (typeof item === 'bigint') return item.toString();
    if (typeof item === 'string') return cut(terminal.scrub(item));
    if (typeof item !== 'object' || item === null) return item;
    if (seen.has(item)) return '[seen]';
    seen.add(item);
    return item instanceof Error ? plainError(item, terminal) : item;
  };
  try {
    return JSON.stringify(value, plain) ?? 'null';
  } catch {
    return '"[unprintable]"';
  }
}

function plainError(error: Error, terminal: Terminal): Record<string, unknown> {
  const message = cut(terminal.scrub(error.message));
  return isPipelineError(error) ? { code: error.code, message } : { name: error.name, message };
}

function cut(text: string): string {
  return text.length <= fieldLengthMax ? text : `${text.slice(0, fieldLengthMax)}…`;
}
