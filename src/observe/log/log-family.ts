import { type Clock, type LogLevel, logLevels } from '../../core/index.ts';
import type { Levels } from './levels.ts';
import type { LineFormat } from './line-format.ts';
import type { LineSink } from './line-sink.ts';
import { type ContextParts, LogContext, type LogFields } from './log-context.ts';
import { Repeats } from './repeats.ts';

export interface LogFamilyParts extends ContextParts {
  readonly component: string;
  readonly fields: LogFields;
  readonly clock: Clock;
  readonly sink: LineSink;
  /** Events whose lines are never collapsed nor dropped. */
  readonly kept: ReadonlySet<string>;
  readonly collapseMs: number;
}

/** What a logger shares with all that are bound from it. */
export class LogFamily {
  readonly levels: Levels;
  readonly sink: LineSink;
  /** Of the logger that the others are bound from. */
  readonly context: LogContext;
  readonly #clock: Clock;
  readonly #format: LineFormat;
  readonly #kept: ReadonlySet<string>;
  readonly #repeats: Repeats;

  constructor(parts: LogFamilyParts) {
    const { levels, format, sink, clock, kept, collapseMs, component, fields } = parts;
    this.levels = levels;
    this.sink = sink;
    this.context = new LogContext(component, parts).with(fields);
    this.#clock = clock;
    this.#format = format;
    this.#kept = kept;
    this.#repeats = new Repeats(clock, collapseMs, (body, count) => {
      this.#write(body + format.name(freeName(format, body)) + String(count));
    });
  }

  log(level: LogLevel, context: LogContext, event: string, fields: LogFields | undefined): void {
    const { sink } = this;
    try {
      const isLow = logLevels[level] < logLevels.ERROR;
      if (sink.isFull && isLow && !this.#isKept(context, event, fields)) return sink.drop();
      const body = context.body(level, event, fields);
      const mayRepeat = level === 'WARNING' && !this.#isKept(context, event, fields);
      if (!mayRepeat || !this.#repeats.counts(body)) this.#write(body);
    } catch {
      // A scrub or a clock of the user's that throws.
      sink.drop();
    }
  }

  /** Ends what is counted instead of written. */
  endRepeats(): void {
    this.#repeats.flush();
  }

  #write(body: string): void {
    this.sink.take(this.#format.start(this.#clock.now()) + body + this.#format.end);
  }

  #isKept(context: LogContext, event: string, fields: LogFields | undefined): boolean {
    if (this.#kept.has(event)) return true;
    return fields?.['status'] === 'failed' || context.hasText('status', 'failed');
  }
}

/** `repeated`, or where a line has such a field, that with underscores. */
function freeName(format: LineFormat, body: string): string {
  let name = 'repeated';
  while (body.includes(format.name(name).trimStart())) name += '_';
  return name;
}
