import { Buffer } from 'node:buffer';

import type { PipelineError } from '../../errors.ts';
import { StreamTail, writeAtOnce } from './last-words.ts';
import { type LineSink, logFailure, type TellFailure } from './line-sink.ts';
import { listenTo, type LogStream } from './log-stream.ts';

/** Characters, nearly always bytes, that are held for a blocked stream before lines are dropped. */
const heldMax = 2 ** 20;

interface Waiter {
  /** How many chunks must have been taken. */
  readonly chunks: number;
  readonly resolve: () => void;
}

/** Holds lines and hands them to a stream, many at a time. */
export class LineBuffer implements LineSink {
  written = 0;
  dropped = 0;
  flushes = 0;
  /** The largest number of lines held. */
  linesMax = 0;
  blocked: Promise<void> | undefined;
  readonly #stream: LogStream;
  readonly #bufferMax: number;
  readonly #tell: TellFailure;
  readonly #tail: StreamTail;
  readonly #unlisten: () => void;
  #held = '';
  #lines = 0;
  #isBlocked = false;
  #isOver = false;
  #isLost = false;
  /** True when what is held is to go as soon as the stream takes it. */
  #isAsked = false;
  #unblock: () => void = () => {};
  #given = 0;
  #taken = 0;
  /** How many lines each chunk has that was given and has not been taken. */
  readonly #untaken: number[] = [];
  #waiters: Waiter[] = [];

  constructor(stream: LogStream, bufferMax: number, tell: TellFailure) {
    this.#stream = stream;
    this.#bufferMax = bufferMax;
    this.#tell = tell;
    this.#tail = new StreamTail(stream);
    this.#unlisten = listenTo(stream, {
      drained: () => this.#drained(),
      failed: (error) => this.#failed(error),
      closed: () => this.#closed(),
    });
  }

  get isFull(): boolean {
    return this.#isBlocked && this.#held.length >= heldMax;
  }

  take(line: string): void {
    if (this.#isOver) return this.drop();
    if (this.isFull) {
      this.blocked ??= new Promise((resolve) => {
        this.#unblock = resolve;
      });
    }
    this.#held += line;
    if (++this.#lines > this.linesMax) this.linesMax = this.#lines;
    if (this.#lines >= this.#bufferMax && !this.#isBlocked) this.#hand();
  }

  drop(): void {
    this.dropped++;
  }

  flush(): Promise<void> {
    if (this.#lines > 0 && this.#isBlocked) {
      this.#isAsked = true;
      return this.#whenTaken(this.#given + 1);
    }
    this.#hand();
    return this.#whenTaken(this.#given);
  }

  async end(): Promise<void> {
    if (this.#isOver) return;
    // The last chunk: however blocked the stream is, it grows no further.
    this.#hand();
    this.#isOver = true;
    this.#release();
    await this.#whenTaken(this.#given);
    this.#unlisten();
  }

  crash(): void {
    const unwritten = this.#tail.takeUnwritten();
    const held = this.#held;
    if (this.#lines > 0) this.flushes++;
    this.written += this.#lines;
    [this.#held, this.#lines] = ['', 0];
    if (unwritten !== undefined) {
      const bytes = Buffer.concat([unwritten, Buffer.from(held)]);
      if (bytes.length === 0 || writeAtOnce(this.#stream, bytes)) return;
    }
    try {
      this.#stream.write(held);
    } catch {
      // Nobody is left to be told.
    }
  }

  #hand(): void {
    if (this.#lines === 0 || this.#isOver) return;
    if (this.#stream.writable === false) return this.#lose(logFailure('its stream is closed'));
    const text = this.#held;
    this.written += this.#lines;
    this.flushes++;
    this.#untaken.push(this.#lines);
    [this.#held, this.#lines, this.#isAsked] = ['', 0, false];
    this.#given++;
    this.#tail.given(text);
    try {
      this.#isBlocked = this.#stream.write(text, this.#chunkTaken) === false;
      // Such a stream need not call back.
      if (this.#stream.writableLength === undefined) this.#countTaken();
    } catch (error) {
      this.#lose(logFailure('its stream failed', error));
    }
  }

  readonly #chunkTaken = (error?: Error | null): void => {
    if (error) this.#failed(error);
    else if (this.#stream.writableLength !== undefined) this.#countTaken();
  };

  #countTaken(): void {
    this.#taken++;
    this.#untaken.shift();
    this.#tail.oneTaken();
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = waiters.filter(({ chunks }) => chunks > this.#taken);
    for (const { chunks, resolve } of waiters) if (chunks <= this.#taken) resolve();
  }

  #whenTaken(chunks: number): Promise<void> {
    if (this.#taken >= chunks || this.#isLost) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ chunks, resolve }));
  }

  #drained(): void {
    this.#isBlocked = false;
    if (this.#isAsked || this.#lines >= this.#bufferMax) this.#hand();
    this.#release();
  }

  #release(): void {
    this.blocked = undefined;
    this.#unblock();
  }

  #failed(error?: Error): void {
    this.#lose(logFailure('its stream failed', error));
  }

  #closed(): void {
    // Where it has taken all that there was, nothing is lost until more comes.
    const isDone = this.#lines === 0 && this.#taken >= this.#given;
    if (this.#isOver || isDone) this.#forget();
    else this.#lose(logFailure('its stream is closed'));
  }

  /** The stream takes nothing any more: nobody waits for it, and it is not tried again. */
  #lose(failure: PipelineError): void {
    if (this.#isLost) return;
    this.#isLost = this.#isOver = true;
    const untaken = this.#untaken.splice(0).reduce((sum, lines) => sum + lines, 0);
    this.written -= untaken;
    this.dropped += untaken + this.#lines;
    [this.#held, this.#lines] = ['', 0];
    this.#forget();
    this.#tell(failure);
  }

  #forget(): void {
    this.#isBlocked = false;
    this.#release();
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }
}
