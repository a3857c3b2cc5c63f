import type { Clock, LogLevel } from '../core/index.ts';
import { BufferedStructuredLogger, type LogStream } from '../observe/log.ts';
import type { Terminal } from './terminal.ts';

/** Writes log lines to standard error at once: NDJSON in a pipe, text on a terminal. */
export function createLogger(
  terminal: Terminal,
  clock: Clock,
  minLevel: LogLevel,
): BufferedStructuredLogger {
  const { err } = terminal;
  // Above a status, where there may be one.
  const above: LogStream = {
    isTTY: true,
    write: (text) => terminal.complainLine(text),
    on: (event, listener) => err.on(event, listener),
  };
  const stream = err.isTTY ? above : err;
  return new BufferedStructuredLogger({
    stream,
    maxBuffer: 1,
    minLevel,
    clock,
    scrub: (text) => terminal.scrub(text),
    // Where nobody hears complaints there is nobody to tell so.
    onError: () => {},
  });
}
