import { stripVTControlCharacters } from 'node:util';

/** How wide a stream is: 80 where it is no terminal, or one that does not know and says 0. */
export function widthOf(stream: NodeJS.WriteStream): number {
  return stream.columns || 80;
}

/** Keeps lines at the end of a terminal: the next ones replace them, other output goes above. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  #lines: readonly string[] = [];

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  get columns(): number {
    return widthOf(this.#out);
  }

  get rows(): number {
    return this.#out.rows || 24;
  }

  /** Shows lines in place of those before, as many as the window has room for above the cursor. */
  draw(all: readonly string[]): void {
    const lines = all.slice(0, Math.max(1, this.rows - 1));
    // Each line clears what was behind it; the last clears what was below.
    this.#out.write(`${this.#up()}${lines.map((line) => `${line}\u001B[K\n`).join('')}\u001B[J`);
    this.#lines = lines;
  }

  /** Takes the lines away. */
  clear(): void {
    if (this.#lines.length > 0) this.#out.write(`${this.#up()}\u001B[J`);
    this.#lines = [];
  }

  /** Takes the lines away while something is written that ends its line, and shows them below it. */
  above<T>(write: () => T): T {
    const lines = this.#lines;
    this.clear();
    const written = write();
    if (lines.length > 0) this.draw(lines);
    return written;
  }

  /** Goes to where the lines begin. A terminal that became narrower has wrapped them. */
  #up(): string {
    const heights = this.#lines.map((line) =>
      Math.max(1, Math.ceil(stripVTControlCharacters(line).length / this.columns)),
    );
    const height = heights.reduce((sum, one) => sum + one, 0);
    return height === 0 ? '\r' : `\u001B[${height}A\r`;
  }
}
