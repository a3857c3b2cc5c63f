import type { JsonValue } from '../../batch/index.ts';
import type { Cells } from './cells.ts';
import { type Arrived, type Assigning, type EmitWindow, slotOf, type Windows } from './windows.ts';

/** A stretch of time that is in the same windows from end to end. */
interface Pane {
  readonly startMs: number;
  /** By slot; 0 where the key has no row in it. */
  cellOf: Int32Array;
}

/**
 * Windows of fixed length that begin at multiples of `everyMs`: side by side where they are that
 * long, else each row is in several. A row is added once, to its pane, and windows are made of the
 * panes that they consist of; so a row is late for all of its windows or for none.
 */
export class Panes implements Windows {
  readonly #everyMs: number;
  readonly #overMs: number;
  readonly #cells: Cells;
  /** By start. */
  readonly #panes: Pane[] = [];
  /** No window that ends here or before is given any more. */
  #closedMs = -Infinity;
  /** Where the last row was. */
  #startMs = NaN;
  #endMs = NaN;
  #pane: Pane | undefined;

  constructor(cells: Cells, everyMs: number, overMs: number) {
    this.#cells = cells;
    this.#everyMs = everyMs;
    this.#overMs = overMs;
  }

  assign(arrived: Arrived, { cells, refuse, replaced }: Assigning): void {
    const { times, slots, rows, length, watermarks } = arrived;
    for (let at = 0; at < length; at++) {
      const slot = slotOf(slots, at, replaced);
      const time = times[at]!;
      cells[at] = 0;
      if (!(time >= this.#startMs && time < this.#endMs)) {
        if (time !== time) {
          refuse(at, 'time.missing');
          continue;
        }
        this.#turnTo(time);
      }
      const endMs = this.#endMs;
      if (
        endMs <= this.#closedMs ||
        (watermarks !== undefined && endMs <= watermarks[rows[at]!]!)
      ) {
        refuse(at, 'late');
        continue;
      }
      const cell = this.#pane?.cellOf[slot] ?? 0;
      cells[at] = cell === 0 ? this.#begin(slot) : cell;
    }
  }

  close(watermark: number, slots: number, emit: EmitWindow): void {
    const everyMs = this.#everyMs;
    for (;;) {
      const [first] = this.#panes;
      if (first === undefined) break;
      const endMs = Math.max(first.startMs + everyMs, this.#closedMs + everyMs);
      if (endMs > watermark) break;
      const within = this.#panes.filter(({ startMs }) => startMs < endMs);
      const cells: number[] = [];
      for (let slot = 0; slot < slots; slot++) {
        cells.length = 0;
        for (const { cellOf } of within) if ((cellOf[slot] ?? 0) !== 0) cells.push(cellOf[slot]!);
        if (cells.length > 0) this.#emit(cells, slot, endMs, emit);
      }
      this.#closedMs = endMs;
      while (this.#panes.length > 0 && this.#panes[0]!.startMs <= endMs - this.#overMs) {
        this.#drop(this.#panes.shift()!);
      }
    }
    const reachedMs = Math.floor(watermark / everyMs) * everyMs;
    if (Number.isFinite(reachedMs)) this.#closedMs = Math.max(this.#closedMs, reachedMs);
  }

  detach(slot: number): (emit: EmitWindow) => void {
    const parts: { startMs: number; cell: number }[] = [];
    for (const { startMs, cellOf } of this.#panes) {
      const cell = cellOf[slot] ?? 0;
      if (cell === 0) continue;
      parts.push({ startMs, cell });
      cellOf[slot] = 0;
    }
    const closedMs = this.#closedMs;
    return (emit) => {
      const [first, last] = [parts[0], parts.at(-1)];
      if (first === undefined || last === undefined) return;
      const lastEndMs = last.startMs + this.#overMs;
      let endMs = Math.max(first.startMs, closedMs) + this.#everyMs;
      for (; endMs <= lastEndMs; endMs += this.#everyMs) {
        const cells = parts
          .filter(({ startMs }) => startMs < endMs && startMs >= endMs - this.#overMs)
          .map(({ cell }) => cell);
        if (cells.length > 0) this.#emit(cells, slot, endMs, emit);
        // Where there is nothing for long, the next window is that of the next part.
        else endMs = parts.find(({ startMs }) => startMs >= endMs)!.startMs;
      }
      for (const { cell } of parts) this.#cells.give(cell);
    };
  }

  snapshot(): JsonValue {
    const cells: number[] = [];
    const slots: number[] = [];
    const panes = this.#panes.map(({ startMs, cellOf }) => {
      const before = cells.length;
      for (const [slot, cell] of cellOf.entries()) {
        if (cell === 0) continue;
        cells.push(cell);
        slots.push(slot);
      }
      return [startMs, cells.length - before];
    });
    return {
      windows: this.#name,
      // JSON has no infinity.
      closedMs: Number.isFinite(this.#closedMs) ? this.#closedMs : null,
      panes,
      cells: this.#cells.save(cells, slots),
    };
  }

  restore(state: JsonValue | undefined): boolean {
    const { windows, closedMs, panes, cells } = (state ?? {}) as Record<string, JsonValue>;
    if (windows !== this.#name || !Array.isArray(panes)) return false;
    const loaded = this.#cells.load(cells);
    if (loaded === undefined) return false;
    this.#closedMs = typeof closedMs === 'number' ? closedMs : -Infinity;
    let at = 0;
    for (const [startMs, count] of panes as readonly [number, number][]) {
      const pane = { startMs, cellOf: new Int32Array(0) };
      for (const end = at + count; at < end; at++) {
        set(pane, loaded.names[at]!, loaded.cells[at]!);
      }
      this.#panes.push(pane);
    }
    return at === loaded.cells.length;
  }

  get #name(): string {
    return `every ${this.#everyMs} over ${this.#overMs}`;
  }

  #turnTo(time: number): void {
    let startMs = Math.floor(time / this.#everyMs) * this.#everyMs;
    // The quotient may have been rounded up.
    if (startMs > time) startMs -= this.#everyMs;
    this.#startMs = startMs;
    this.#endMs = startMs + this.#everyMs;
    this.#pane = this.#panes.find((pane) => pane.startMs === startMs);
  }

  #begin(slot: number): number {
    if (this.#pane === undefined) {
      this.#pane = { startMs: this.#startMs, cellOf: new Int32Array(0) };
      const after = this.#panes.findIndex(({ startMs }) => startMs > this.#startMs);
      this.#panes.splice(after < 0 ? this.#panes.length : after, 0, this.#pane);
    }
    const cell = this.#cells.take();
    set(this.#pane, slot, cell);
    return cell;
  }

  #emit(cells: readonly number[], slot: number, endMs: number, emit: EmitWindow): void {
    const [only] = cells;
    if (cells.length === 1) {
      emit(slot, endMs - this.#overMs, endMs, only!);
      return;
    }
    const whole = this.#cells.take();
    for (const cell of cells) this.#cells.join(whole, cell);
    emit(slot, endMs - this.#overMs, endMs, whole);
    this.#cells.give(whole);
  }

  #drop(pane: Pane): void {
    for (const cell of pane.cellOf) if (cell !== 0) this.#cells.give(cell);
    if (pane === this.#pane) this.#startMs = NaN;
  }
}

function set(pane: Pane, slot: number, cell: number): void {
  if (slot >= pane.cellOf.length) {
    const grown = new Int32Array(Math.max(16, slot + 1, 2 * pane.cellOf.length));
    grown.set(pane.cellOf);
    pane.cellOf = grown;
  }
  pane.cellOf[slot] = cell;
}
