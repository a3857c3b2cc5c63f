// Checked by the compiler alone: what loggers are made of, and that nothing else of them shows.
import type { Logger } from '../../src/core/index.ts';
import {
  BufferedStructuredLogger,
  type LogStream,
  StructuredLogger,
} from '../../src/observe/index.ts';

declare const stream: LogStream;
const write = (): void => {};

export const loggers: readonly Logger[] = [
  new StructuredLogger({ write, minLevel: 'DEBUG' }),
  new StructuredLogger({ stream, maxBuffer: 10 }),
  new BufferedStructuredLogger({ stream }),
];
export const asBase: StructuredLogger = new BufferedStructuredLogger({ stream }).bindContext({});
// @ts-expect-error it writes to something
export const nowhere: Logger = new StructuredLogger({});
// @ts-expect-error what holds lines needs a stream
export const unheld: Logger = new BufferedStructuredLogger({ write });

export class Own extends StructuredLogger {
  shown(): unknown[] {
    return [
      // @ts-expect-error what it shares with others is its own affair
      this.family,
      // @ts-expect-error and so is what is bound to it
      this.context,
    ];
  }
}
