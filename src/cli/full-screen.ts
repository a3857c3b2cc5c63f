import process from 'node:process';

/** Where a picture goes, and where keys come from. */
export interface FullScreenParts {
  readonly input: NodeJS.ReadStream;
  readonly out: NodeJS.WriteStream;
  /** Called with what the terminal sends: keys, each as it is pressed. */
  readonly sent: (text: string) => void;
  /** Called when the terminal has another size. */
  readonly resized: () => void;
}

/**
 * The whole window of a terminal, for pictures that the next one replaces. What was there before is
 * shown again when it is left, also where the process ends before that.
 */
export class FullScreen implements Disposable {
  readonly #parts: FullScreenParts;
  #isEntered = false;

  constructor(parts: FullScreenParts) {
    this.#parts = parts;
  }

  enter(): void {
    if (this.#isEntered) return;
    this.#isEntered = true;
    const { input, out, sent, resized } = this.#parts;
    process.on('exit', this.#leave);
    // Another screen, no cursor, and no line that goes on in the next.
    out.write('\u001B[?1049h\u001B[?25l\u001B[?7l');
    out.on('resize', resized);
    if (!input.isTTY) return;
    input.setRawMode(true);
    input.setEncoding('utf8').on('data', sent).resume();
  }

  /** Shows lines, each cut by the terminal where it is too narrow. */
  draw(lines: readonly string[]): void {
    if (!this.#isEntered) return;
    const shown = lines.map((line) => `${line}\u001B[K`).join('\r\n');
    this.#parts.out.write(`\u001B[H${shown}\u001B[J`);
  }

  [Symbol.dispose](): void {
    this.#leave();
  }

  readonly #leave = (): void => {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    const { input, out, sent, resized } = this.#parts;
    process.off('exit', this.#leave);
    out.off('resize', resized);
    out.write('\u001B[?7h\u001B[?25h\u001B[?1049l');
    if (!input.isTTY) return;
    input.setRawMode(false);
    input.off('data', sent).pause();
  };
}
