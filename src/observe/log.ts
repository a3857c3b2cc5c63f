import process from 'node:process';

import { type Clock, type Logger, type LogLevel, logLevels, systemClock } from '../core/index.ts';
import { redactorOf } from '../core/mask.ts';
import type { PipelineError } from '../errors.ts';
import { eventCatalogue } from './catalogue.ts';
import { Levels } from './log/levels.ts';
import { LineBuffer } from './log/line-buffer.ts';
import { type Coloured, JsonFormat, TextFormat } from './log/line-format.ts';
import { LineCalls, type LineSink, type TellFailure } from './log/line-sink.ts';
import type { LogContext, LogFields } from './log/log-context.ts';
import { LogFamily } from './log/log-family.ts';
import type { LogStream } from './log/log-stream.ts';
import { checkCallOptions, checkStreamOptions } from './log/logger-options.ts';

export type { LogStream } from './log/log-stream.ts';
export type { LogFields } from './log/log-context.ts';

/** What every logger may be told. */
export interface LoggerOptions {
  /** Lines below it are not written; `INFO` unless given. */
  readonly minLevel?: LogLevel;
  /** The component of lines that none was bound for; `run` unless given. */
  readonly component?: string;
  /** Fields of each line, as `bindContext` adds them. */
  readonly context?: LogFields;
  readonly clock?: Clock;
  /** Given each text before it is written; takes out what nobody may see. */
  readonly scrub?: (text: string) => string;
  /** `json`: NDJSON. `text`: for people; what a terminal gets unless told otherwise. */
  readonly format?: 'json' | 'text';
  /** Events whose lines are never collapsed nor dropped, beside `keptEvents`. */
  readonly keptEvents?: Iterable<string>;
  /** How long a warning is counted instead of written again; 10,000 ms unless given, 0 for never. */
  readonly collapseMs?: number;
  /** Told once when lines are lost from now on; a warning of the process unless given. */
  readonly onError?: (error: PipelineError) => void;
}

/** What a logger over a function is made of. */
export interface StructuredLoggerOptions extends LoggerOptions {
  /** Given each line with its line end. */
  readonly write: (line: string) => void;
}

/** What a logger with a buffer is made of. */
export interface BufferedStructuredLoggerOptions extends LoggerOptions {
  /** What lines are written to; ending it is for whoever opened it. */
  readonly stream: LogStream;
  /** Lines that are held before they are handed over together; 100 unless given. */
  readonly maxBuffer?: number;
}

/** Events whose lines are never collapsed nor dropped; nor are lines with `status: "failed"`. */
export const keptEvents: ReadonlySet<string> = new Set(
  eventCatalogue.filter(({ isKept }) => isKept).map(({ name }) => name),
);

/** By event the one that is over with it. */
const endedEvents: ReadonlyMap<string, string> = new Map(
  eventCatalogue.flatMap(({ name, ends }) => (ends === undefined ? [] : [[name, ends] as const])),
);

const collapseMsDefault = 10_000;

const maxBufferDefault = 100;

/** What a bound logger is made of, in the place of options. */
class Bound {
  readonly family: LogFamily;
  readonly context: LogContext;

  constructor(family: LogFamily, context: LogContext) {
    this.family = family;
    this.context = context;
  }
}

/** What a bound logger of some class is made of. For the loggers of this file alone. */
let boundOf: (log: StructuredLogger, fields: LogFields) => Bound;
/** The buffer of a logger over a stream. */
let bufferOf: (log: StructuredLogger) => LineBuffer;

/**
 * Writes a line for each record: `timestamp`, `level`, `component`, `event`, then what is bound to it,
 * then its fields. Over a stream it holds them as `BufferedStructuredLogger` does. Whatever it is given, it does not throw. What `bindContext` makes shares all with
 * it but the fields.
 */
export class StructuredLogger implements Logger, Disposable, AsyncDisposable {
  static {
    boundOf = (log, fields) => new Bound(log.#family, log.#context.with(fields));
    bufferOf = (log) => log.#family.sink as LineBuffer;
  }

  /** What it shares with those that are bound from it. */
  readonly #family: LogFamily;
  /** What it adds to each line. */
  readonly #context: LogContext;

  constructor(options: StructuredLoggerOptions | BufferedStructuredLoggerOptions) {
    const given: unknown = options;
    this.#family = given instanceof Bound ? given.family : familyOf(options);
    this.#context = given instanceof Bound ? given.context : this.#family.context;
  }

  debug(event: string, fields?: LogFields): void {
    if (!this.#context.isOff(logLevels.DEBUG))
      this.#family.log('DEBUG', this.#context, event, fields);
  }

  info(event: string, fields?: LogFields): void {
    if (!this.#context.isOff(logLevels.INFO))
      this.#family.log('INFO', this.#context, event, fields);
  }

  warning(event: string, fields?: LogFields): void {
    if (!this.#context.isOff(logLevels.WARNING))
      this.#family.log('WARNING', this.#context, event, fields);
  }

  error(event: string, fields?: LogFields): void {
    if (!this.#context.isOff(logLevels.ERROR))
      this.#family.log('ERROR', this.#context, event, fields);
  }

  critical(event: string, fields?: LogFields): void {
    if (!this.#context.isOff(logLevels.CRITICAL))
      this.#family.log('CRITICAL', this.#context, event, fields);
  }

  /**
   * A logger that adds the fields to each line; `component` takes the place of the line's component,
   * and may have a level of its own. It is of the shipped class: what a subclass adds it has not.
   */
  bindContext(fields: LogFields): StructuredLogger {
    return new StructuredLogger(boundOf(this, fields) as never);
  }

  /** The component of its lines. */
  get component(): string {
    return this.#context.component;
  }

  /** The least level of all components that have none of their own; may be set at any time. */
  get minLevel(): LogLevel {
    return this.#family.levels.min;
  }

  set minLevel(level: LogLevel) {
    this.#family.levels.min = level;
  }

  /** The least level of a component: its own, or that of all. */
  levelOf(component: string): LogLevel {
    return this.#family.levels.of(component);
  }

  /** Gives a component a least level of its own; undefined takes it away. */
  setLevel(component: string, level: LogLevel | undefined): void {
    this.#family.levels.set(component, level);
  }

  /**
   * Calls back with each line from now on, as JSON without its line end, whatever the format. Gives
   * what ends that. A line that is not written at all, being below its level or dropped, is not told.
   */
  follow(follower: (line: string) => void): () => void {
    return this.#family.follow(follower);
  }

  /** Lines that were handed to the function or stream behind, and not refused. */
  get totalRecordsWritten(): number {
    return this.#family.sink.written;
  }

  /** Lines that no one will see: the stream behind was blocked, or has failed. */
  get droppedLines(): number {
    return this.#family.sink.dropped;
  }

  /**
   * Resolves when there is room again; undefined while no line waits that must not be lost. Whoever
   * logs in bulk waits for it between batches.
   */
  get blocked(): Promise<void> | undefined {
    return this.#family.sink.blocked;
  }

  /**
   * Ends what is counted instead of written, and hands over what is held: at once, or when a blocked
   * stream takes it. Resolves when it has been taken, or never will be; does not reject.
   */
  flush(): Promise<void> {
    this.#family.endRepeats();
    return this.#family.sink.flush();
  }

  /**
   * Writes what is held when the process ends, also by an exception or `process.exit`: past the event
   * loop, where it goes to a file or a standard stream. Returns what undoes it, as disposing does.
   */
  flushOnCrash(): () => void {
    return this.#family.flushAtExit();
  }

  /** Flushes, and takes no more lines, nor do those that share with it. */
  [Symbol.dispose](): void {
    void this[Symbol.asyncDispose]();
  }

  /** As its synchronous form; resolves when the stream has taken everything. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#family.end();
  }
}

/**
 * A logger that holds lines and hands them to a stream, `maxBuffer` at a time. While the stream is
 * blocked it holds up to 1 MiB, then drops lines below ERROR, but for those that must be kept.
 */
export class BufferedStructuredLogger extends StructuredLogger {
  constructor(options: BufferedStructuredLoggerOptions) {
    super(options);
  }

  override bindContext(fields: LogFields): BufferedStructuredLogger {
    return new BufferedStructuredLogger(boundOf(this, fields) as never);
  }

  /** How often lines were handed to the stream. */
  get totalFlushes(): number {
    return bufferOf(this).flushes;
  }

  /** The largest number of lines that were held. */
  get maxBufferSizeReached(): number {
    return bufferOf(this).linesMax;
  }
}

function familyOf(options: StructuredLoggerOptions | BufferedStructuredLoggerOptions): LogFamily {
  if ('stream' in Object(options))
    return familyOfStream(options as BufferedStructuredLoggerOptions);
  // Made without options, it is to say what they are.
  checkCallOptions(Object(options) as object);
  const { write } = options as StructuredLoggerOptions;
  return familyWith(options, new LineCalls(write, tellOf(options)), undefined);
}

function familyOfStream(options: BufferedStructuredLoggerOptions): LogFamily {
  checkStreamOptions(options);
  const { stream, maxBuffer = maxBufferDefault } = options;
  const format = options.format ?? (stream.isTTY ? 'text' : 'json');
  const buffer = new LineBuffer(stream, maxBuffer, tellOf(options));
  return familyWith({ ...options, format }, buffer, stream as Coloured);
}

function familyWith(options: LoggerOptions, sink: LineSink, coloured: Coloured): LogFamily {
  const { minLevel = 'INFO', component = 'run', context, clock = systemClock } = options;
  const { format = 'json', collapseMs = collapseMsDefault } = options;
  const scrub = redactorOf(options.scrub);
  return new LogFamily({
    levels: new Levels(minLevel),
    format: format === 'json' ? new JsonFormat(scrub) : new TextFormat(scrub, coloured),
    component,
    fields: context ?? {},
    clock,
    scrub,
    sink,
    kept: new Set([...keptEvents, ...(options.keptEvents ?? [])]),
    ended: endedEvents,
    collapseMs,
  });
}

function tellOf({ onError }: LoggerOptions): TellFailure {
  return (error) => {
    if (onError === undefined) return process.emitWarning(error);
    try {
      onError(error);
    } catch {
      // Whoever is told of lost lines does not fail whoever logs.
    }
  };
}
