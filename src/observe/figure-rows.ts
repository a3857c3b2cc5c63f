/** Rows of numbers in memory that does not grow: one takes the place of an older one. NaN: none. */
export class FigureRows {
  readonly width: number;
  readonly #values: Float32Array;

  constructor(rows: number, width: number) {
    this.width = width;
    this.#values = new Float32Array(rows * width).fill(NaN);
  }

  get bytes(): number {
    return this.#values.byteLength;
  }

  at(row: number, column: number): number {
    return this.#values[row * this.width + column]!;
  }

  put(row: number, column: number, value: number): void {
    this.#values[row * this.width + column] = value;
  }

  empty(row: number): void {
    this.#values.fill(NaN, row * this.width, (row + 1) * this.width);
  }

  /** By name what each column has in some rows. */
  lists<N extends string, T>(
    names: readonly N[],
    rows: readonly number[],
    shown: (value: number) => T,
  ): Record<N, T[]> {
    const list = (column: number): T[] => rows.map((row) => shown(this.at(row, column)));
    return Object.fromEntries(names.map((name, at) => [name, list(at)])) as Record<N, T[]>;
  }
}
