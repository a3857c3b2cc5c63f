import { VirtualClock } from '../../src/core/index.ts';
import { StructuredLogger, type StructuredLoggerOptions } from '../../src/observe/log.ts';

/** A line as the object that it stands for. */
export type Line = Record<string, unknown>;

/** A logger that keeps its lines, at the time 0 of a virtual clock. */
export function keepingLogger(options: Partial<StructuredLoggerOptions> = {}): {
  log: StructuredLogger;
  clock: VirtualClock;
  texts: string[];
  lines: () => Line[];
} {
  const texts: string[] = [];
  const clock = new VirtualClock(0);
  const log = new StructuredLogger({ write: (line) => texts.push(line), clock, ...options });
  return { log, clock, texts, lines: () => texts.map((text) => JSON.parse(text) as Line) };
}
