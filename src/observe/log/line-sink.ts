import { PipelineError } from '../../errors.ts';

/** Where lines go. Nothing that it does throws. */
export interface LineSink {
  /** Lines handed to whoever writes them and not refused, and lines that are lost. */
  readonly written: number;
  readonly dropped: number;
  /** True while only lines that must not be lost are taken. */
  readonly isFull: boolean;
  /** Set once such a line was taken while it was full; resolves when there is room. */
  readonly blocked: Promise<void> | undefined;
  take(line: string): void;
  /** Counts a line that is not even written out. */
  drop(): void;
  /** Hands over what is held; resolves when it has been taken, or never will be. */
  flush(): Promise<void>;
  /** As `flush`, and takes no more. */
  end(): Promise<void>;
  /** Hands over what is held, the event loop being over. */
  crash(): void;
}

/** Told once that lines are lost from now on. */
export type TellFailure = (error: PipelineError) => void;

export function logFailure(fact: string, cause?: unknown): PipelineError {
  return new PipelineError({
    code: 'ERR_LOG_CLOSED',
    place: 'log',
    fact: `${fact}; lines are lost from now on`,
    remedy: 'see `droppedLines`',
    cause,
  });
}

/** Gives each line to a function. */
export class LineCalls implements LineSink {
  written = 0;
  dropped = 0;
  readonly isFull = false;
  readonly blocked: undefined;
  readonly #write: (line: string) => void;
  readonly #tell: TellFailure;
  #isTold = false;
  #isOver = false;

  constructor(write: (line: string) => void, tell: TellFailure) {
    this.#write = write;
    this.#tell = tell;
  }

  take(line: string): void {
    if (this.#isOver) return this.drop();
    try {
      this.#write(line);
      this.written++;
    } catch (error) {
      this.drop();
      // Unlike a stream, a function that failed once may work again.
      if (!this.#isTold) this.#tell(logFailure('cannot be written', error));
      this.#isTold = true;
    }
  }

  drop(): void {
    this.dropped++;
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  end(): Promise<void> {
    this.#isOver = true;
    return Promise.resolve();
  }

  crash(): void {}
}
