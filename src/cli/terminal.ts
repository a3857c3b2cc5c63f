import process from 'node:process';
import { styleText } from 'node:util';

import { systemClock } from '../core/index.ts';
import { fileError } from '../core/system-files.ts';
import { PipelineError } from '../errors.ts';
import { Screen } from './screen.ts';

type Stream = NodeJS.WriteStream;
/** How text is coloured. */
export type Format = Parameters<typeof styleText>[0];

/** Colours text for a terminal that takes colour. */
export type Style = (format: Format, text: string) => string;

/** A bar of `gauge`: red where it is nearly full. */
export function colouredGauge(bar: string, style: Style): string {
  const full = bar.lastIndexOf('█') + 1;
  const share = full / bar.length;
  const colour = share > 0.9 ? 'red' : share > 0.5 ? 'yellow' : 'green';
  return style(colour, bar.slice(0, full)) + style('dim', bar.slice(full));
}

/** Where the command line writes: data on standard output, everything else on standard error. */
export class Terminal {
  readonly out: Stream;
  readonly err: Stream;
  /** Puts resolved secrets back as their references; everything written passes it. */
  scrub: (text: string) => string = (text) => text;
  #isBroken = false;
  #failure: PipelineError | undefined;
  readonly #screen: Screen;
  #isLineOpen = false;

  constructor(out: Stream = process.stdout, err: Stream = process.stderr) {
    this.out = out;
    this.err = err;
    this.#screen = new Screen(err);
    out.on('error', this.#outFailed);
    // Where nobody hears complaints there is nobody to tell so.
    err.on('error', () => {});
    if (out.isTTY && err.isTTY) this.#keepStatusBelow();
  }

  /** True when the reader of standard output has gone. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Why standard output takes nothing any more, as a full disk: all but a reader that has gone. */
  get failure(): PipelineError | undefined {
    return this.#failure;
  }

  /** Resolves when a file behind standard output has taken what was written, or has failed. */
  tried(): Promise<void> {
    // Node writes to a file at once, and says in a later tick how that went.
    return new Promise((resolve) => process.nextTick(resolve));
  }

  /** A line of data on standard output. */
  print(line: string): void {
    this.out.write(`${this.scrub(line)}\n`, this.#outFailed);
  }

  /** A line on standard error. */
  complain(line: string): void {
    this.complainLine(`${line}\n`);
  }

  /** As `complain`, of lines with their ends; false where standard error takes no more for now. */
  complainLine(lines: string): boolean {
    return this.#screen.above(() => this.err.write(this.scrub(lines)));
  }

  /** A value as JSON on standard output. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(value, null, 2));
  }

  /**
   * Shows lines on standard error that the next ones replace, below all that is written meanwhile.
   * For terminals only.
   */
  showStatus(lines: (columns: number, rows: number) => readonly string[]): void {
    if (this.#isLineOpen) return;
    const { columns, rows } = this.#screen;
    this.#screen.draw(lines(columns, rows).map((line) => this.scrub(line)));
  }

  /** Takes the status away. */
  hideStatus(): void {
    this.#screen.clear();
  }

  /** Colours text for a stream, where the stream takes colour. */
  style(format: Format, text: string, stream: Stream = this.err): string {
    return styleText(format, text, { stream });
  }

  /** Resolves when everything written so far has left the process. */
  async flushed(): Promise<void> {
    this.#screen.clear();
    await Promise.all([this.out, this.err].map((stream) => flushed(stream)));
  }

  /**
   * Ends the process whatever is still open in it, once what was written has left it, or after
   * `waitMsMax`.
   */
  async leave(exitCode: number, waitMsMax?: number): Promise<never> {
    const written = this.flushed();
    await (waitMsMax === undefined
      ? written
      : Promise.race([written, systemClock.sleep(waitMsMax)]));
    process.exit(exitCode);
  }

  /** Lets rows that a sink writes to the same terminal appear above the status, not behind it. */
  #keepStatusBelow(): void {
    const { out } = this;
    const write = out.write.bind(out) as (...given: unknown[]) => boolean;
    out.write = (...given: unknown[]): boolean => {
      const [chunk] = given as [string | Uint8Array];
      if (chunk.length === 0) return write(...given);
      this.#isLineOpen = chunk.at(-1) !== '\n' && chunk.at(-1) !== 10;
      if (!this.#isLineOpen) return this.#screen.above(() => write(...given));
      this.#screen.clear();
      return write(...given);
    };
  }

  readonly #outFailed = (error?: Error | null): void => {
    const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
    if (!error || this.#isBroken || this.#failure !== undefined) return;
    // A reader that has gone, as `head` does, is a normal end.
    if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') {
      this.#isBroken = true;
      return;
    }
    this.#failure = new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: 'standard output',
      fact: `takes no more, its last line may be torn: ${fileError('', error).fact}`,
      remedy: 'make room there, or write elsewhere',
      cause: error,
    });
  };
}

function flushed(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) resolve();
    else stream.write('', () => resolve());
  });
}
