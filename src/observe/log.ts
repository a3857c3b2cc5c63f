import process from 'node:process';

import { type Clock, type Logger, type LogLevel, logLevels, systemClock } from '../core/index.ts';
import { withoutCredentials } from '../core/mask.ts';
import { PipelineError } from '../errors.ts';
import { eventCatalogue } from './catalogue.ts';
import { Levels } from './log/levels.ts';
import { LineBuffer, type LogStream } from './log/line-buffer.ts';
import { type Coloured, JsonFormat, TextFormat } from './log/line-format.ts';
import { LineCalls, type LineSink, type TellFailure } from './log/line-sink.ts';
import type { LogContext, LogFields } from './log/log-context.ts';
import { LogFamily } from './log/log-family.ts';

export type { LogStream } from './log/line-buffer.ts';
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

const collapseMsDefault = 10_000;

const maxBufferDefault = 100;

/** The buffer of a logger over a stream. For `BufferedStructuredLogger` alone. */
let bufferOf: (log: StructuredLogger) => LineBuffer;

/**
 * Writes a line for each record: `timestamp`, `level`, `component`, `event`, then what is bound to it,
 * then its fields. Over a stream it holds them as `BufferedStructuredLogger` does. Whatever it is given, it does not throw. What `bindContext` makes shares all with
 * it but the fields.
 */
export class StructuredLogger implements Logger, Disposable, AsyncDisposable {
  static {
    bufferOf = (log) => log.family.sink as LineBuffer;
  }

  /** What it shares with those that are bound from it. */
  private readonly family: LogFamily;
  /** What it adds to each line. */
  private readonly context: LogContext;

  constructor(options: StructuredLoggerOptions | BufferedStructuredLoggerOptions) {
    this.family = 'stream' in options ? familyOfStream(options) : familyOfCalls(options);
    this.context = this.family.context;
  }

  debug(event: string, fields?: LogFields): void {
    if (!this.context.isOff(logLevels.DEBUG)) this.family.log('DEBUG', this.context, event, fields);
  }

  info(event: string, fields?: LogFields): void {
    if (!this.context.isOff(logLevels.INFO)) this.family.log('INFO', this.context, event, fields);
  }

  warning(event: string, fields?: LogFields): void {
    if (!this.context.isOff(logLevels.WARNING))
      this.family.log('WARNING', this.context, event, fields);
  }

  error(event: string, fields?: LogFields): void {
    if (!this.context.isOff(logLevels.ERROR)) this.family.log('ERROR', this.context, event, fields);
  }

  critical(event: string, fields?: LogFields): void {
    if (!this.context.isOff(logLevels.CRITICAL))
      this.family.log('CRITICAL', this.context, event, fields);
  }

  /**
   * A logger that adds the fields to each line; `component` takes the place of the line's component,
   * and may have a level of its own.
   */
  bindContext(fields: LogFields): this {
    // Whatever its class and constructor: the same but for the context.
    const bound = Object.create(Object.getPrototypeOf(this) as object) as this;
    return Object.assign(bound, this, { context: this.context.with(fields) });
  }

  /** The component of its lines. */
  get component(): string {
    return this.context.component;
  }

  /** The least level of all components that have none of their own; may be set at any time. */
  get minLevel(): LogLevel {
    return this.family.levels.min;
  }

  set minLevel(level: LogLevel) {
    this.family.levels.min = level;
  }

  /** Gives a component a least level of its own; undefined takes it away. */
  setLevel(component: string, level: LogLevel | undefined): void {
    this.family.levels.set(component, level);
  }

  /**
   * Calls back with each line from now on, as JSON without its line end, whatever the format. Gives
   * what ends that. A line that is not written at all, being below its level or dropped, is not told.
   */
  follow(follower: (line: string) => void): () => void {
    return this.family.follow(follower);
  }

  /** Lines that were handed to the function or stream behind. */
  get totalRecordsWritten(): number {
    return this.family.sink.written;
  }

  /** Lines that no one will see: the stream behind was blocked, or has failed. */
  get droppedLines(): number {
    return this.family.sink.dropped;
  }

  /**
   * Resolves when there is room again; undefined while no line waits that must not be lost. Whoever
   * logs in bulk waits for it between batches.
   */
  get blocked(): Promise<void> | undefined {
    return this.family.sink.blocked;
  }

  /**
   * Ends what is counted instead of written, and hands over what is held: at once, or when a blocked
   * stream takes it. Resolves when it has been taken, or never will be; does not reject.
   */
  flush(): Promise<void> {
    this.family.endRepeats();
    return this.family.sink.flush();
  }

  /**
   * Writes what is held when the process ends, also by an exception or `process.exit`: past the event
   * loop, where it goes to a file or a standard stream. Returns what undoes it.
   */
  flushOnCrash(): () => void {
    const flush = (): void => {
      this.family.endRepeats();
      this.family.sink.crash();
    };
    process.on('exit', flush);
    return () => void process.off('exit', flush);
  }

  /** Flushes, and takes no more lines, nor do those that share with it. */
  [Symbol.dispose](): void {
    void this[Symbol.asyncDispose]();
  }

  /** As its synchronous form; resolves when the stream has taken everything. */
  [Symbol.asyncDispose](): Promise<void> {
    this.family.endRepeats();
    return this.family.sink.end();
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

  /** How often lines were handed to the stream. */
  get totalFlushes(): number {
    return bufferOf(this).flushes;
  }

  /** The largest number of lines that were held. */
  get maxBufferSizeReached(): number {
    return bufferOf(this).linesMax;
  }
}

function familyOfStream(options: BufferedStructuredLoggerOptions): LogFamily {
  const { stream, maxBuffer = maxBufferDefault } = options;
  checkNumber('maxBuffer', maxBuffer, 1);
  const format = options.format ?? (stream.isTTY ? 'text' : 'json');
  const buffer = new LineBuffer(stream, maxBuffer, tellOf(options));
  return familyOf({ ...options, format }, buffer, stream as Coloured);
}

function familyOfCalls(options: StructuredLoggerOptions): LogFamily {
  return familyOf(options, new LineCalls(options.write, tellOf(options)), undefined);
}

function familyOf(options: LoggerOptions, sink: LineSink, coloured: Coloured): LogFamily {
  const { minLevel = 'INFO', component = 'run', context, clock = systemClock } = options;
  const { format = 'json', collapseMs = collapseMsDefault } = options;
  const scrub = scrubOf(options.scrub);
  checkNumber('collapseMs', collapseMs, 0);
  return new LogFamily({
    levels: new Levels(minLevel),
    format: format === 'json' ? new JsonFormat(scrub) : new TextFormat(scrub, coloured),
    component,
    fields: context ?? {},
    clock,
    scrub,
    sink,
    kept: new Set([...keptEvents, ...(options.keptEvents ?? [])]),
    collapseMs,
  });
}

/** Takes out what addresses tell of users, and what else is to be taken out. */
function scrubOf(given: LoggerOptions['scrub']): (text: string) => string {
  return given === undefined ? withoutCredentials : (text) => withoutCredentials(given(text));
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

function checkNumber(name: string, value: number, min: number): void {
  if (value >= min) return;
  throw new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: `log.${name}`,
    fact: `cannot be ${String(value)}`,
    remedy: `give a number, ${min} or more`,
  });
}
