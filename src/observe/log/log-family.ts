import { type Clock, type LogLevel, logLevels } from '../../core/index.ts';
import { Listeners } from '../../core/listeners.ts';
import { encodeValue } from './encode.ts';
import type { Levels } from './levels.ts';
import { JsonFormat, type LineFormat, textOf } from './line-format.ts';
import type { LineSink } from './line-sink.ts';
import { type ContextParts, LogContext, type LogFields } from './log-context.ts';
import { atExit } from './at-exit.ts';
import { Repeats } from './repeats.ts';

export interface LogFamilyParts extends ContextParts {
  readonly component: string;
  readonly fields: LogFields;
  readonly clock: Clock;
  readonly sink: LineSink;
  /** Events whose lines are never collapsed nor dropped. */
  readonly kept: ReadonlySet<string>;
  /** By event the one that is over with it. */
  readonly ended: ReadonlyMap<string, string>;
  readonly collapseMs: number;
}

/** Given each line as JSON, without its end. */
export type Follower = (line: string) => void;

/** What a logger shares with all that are bound from it. */
export class LogFamily {
  readonly levels: Levels;
  readonly sink: LineSink;
  /** Of the logger that the others are bound from. */
  readonly context: LogContext;
  readonly #clock: Clock;
  readonly #format: LineFormat;
  readonly #kept: ReadonlySet<string>;
  readonly #ended: ReadonlyMap<string, string>;
  readonly #repeats: Repeats;
  readonly #json: LineFormat;
  readonly #undoAtExit = new Set<() => void>();
  readonly #followers: Listeners<string> = new Listeners();

  constructor(parts: LogFamilyParts) {
    const { levels, format, sink, clock, kept, ended, collapseMs, component, fields } = parts;
    this.levels = levels;
    this.sink = sink;
    this.#json = format instanceof JsonFormat ? format : new JsonFormat(parts.scrub);
    const json =
      format === this.#json
        ? undefined
        : new LogContext(component, { ...parts, format: this.#json });
    this.context = new LogContext(component, parts, new Map(), json).with(fields);
    this.#clock = clock;
    this.#format = format;
    this.#kept = kept;
    this.#ended = ended;
    this.#repeats = new Repeats(clock, collapseMs, (body, count, json) => {
      this.#write(repeated(format, body, count), json && repeated(this.#json, json, count));
    });
  }

  log(level: LogLevel, context: LogContext, event: string, fields: LogFields | undefined): void {
    if (typeof event !== 'string') return this.#logOther(level, context, event, fields);
    const { sink } = this;
    try {
      const isLow = logLevels[level] < logLevels.ERROR;
      if (sink.isFull && isLow && !this.#isKept(context, event, fields)) return sink.drop();
      const body = context.body(level, event, fields);
      const json = this.#jsonBody(body, level, context, event, fields);
      const mayRepeat = level === 'WARNING' && !this.#isKept(context, event, fields);
      const ended = this.#ended.get(event);
      if (ended !== undefined) this.#repeats.end(nameOf(context, ended));
      if (!mayRepeat || !this.#repeats.counts(nameOf(context, event), body, json)) {
        this.#write(body, json);
      }
    } catch {
      // A clock of the user's that throws.
      sink.drop();
    }
  }

  /** A line of whatever plain JavaScript gives in the place of an event: of an error all that it says. */
  #logOther(level: LogLevel, context: LogContext, given: unknown, fields?: LogFields): void {
    if (!Error.isError(given)) {
      return this.log(level, context, encodeValue(given, undefined) ?? 'undefined', fields);
    }
    this.log(level, context.with({ error: given }), textOf(given), fields);
  }

  /** Ends what is counted instead of written. */
  endRepeats(): void {
    this.#repeats.flush();
  }

  /** Hands over what is held when the process ends. Gives what undoes it, which `end` does too. */
  flushAtExit(): () => void {
    const undo = atExit(() => {
      this.endRepeats();
      this.sink.crash();
    });
    this.#undoAtExit.add(undo);
    return () => {
      undo();
      this.#undoAtExit.delete(undo);
    };
  }

  /** Hands over what is held and takes no more; resolves when all is taken, or never will be. */
  async end(): Promise<void> {
    this.endRepeats();
    await this.sink.end();
    for (const undo of this.#undoAtExit) undo();
    this.#undoAtExit.clear();
  }

  /** Calls back with each line from now on. Gives what ends that. */
  follow(follower: Follower): () => void {
    return this.#followers.add(follower);
  }

  #write(body: string, json: string | undefined): void {
    const now = this.#clock.now();
    this.sink.take(this.#format.start(now) + body + this.#format.end);
    if (json === undefined || this.#followers.size === 0) return;
    this.#followers.tell(`${this.#json.start(now)}${json}}`);
  }

  /** The body as JSON; where lines are for people, only while somebody follows. */
  #jsonBody(body: string, ...line: Parameters<LogFamily['log']>): string | undefined {
    if (this.#format === this.#json) return body;
    if (this.#followers.size === 0) return undefined;
    const [level, { json }, event, fields] = line;
    return json.body(level, event, fields);
  }

  #isKept(context: LogContext, event: string, fields: LogFields | undefined): boolean {
    if (this.#kept.has(event)) return true;
    return fields?.['status'] === 'failed' || context.hasText('status', 'failed');
  }
}

/** What warnings have in common that end together. */
function nameOf({ component }: LogContext, event: string): string {
  return `${component} ${event}`;
}

function repeated(format: LineFormat, body: string, count: number): string {
  return body + format.name(freeName(format, body)) + String(count);
}

/** `repeated`, or where a line has such a field, that with underscores. */
function freeName(format: LineFormat, body: string): string {
  let name = 'repeated';
  while (body.includes(format.name(name).trimStart())) name += '_';
  return name;
}
