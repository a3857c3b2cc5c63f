import type { JsonValue } from '../../batch/index.ts';
import type { Cells } from './cells.ts';
import { SlotCells } from './slot-cells.ts';
import {
  type Arrived,
  type Assigning,
  type EmitWindow,
  slotOf,
  type Span,
  type Windows,
} from './windows.ts';

/** A stretch of time that is in the same windows from end to end. */
interface Pane {
  readonly startMs: number;
  /** Of the keys that have rows in it. */
  readonly cells: SlotCells;
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
    for (let at = 0; ; at++) {
      at = this.#follow(arrived, at, cells);
      if (at === length) break;
      const slot = slotOf(slots, at, replaced);
      const time = times[at]!;
      cells[at] = 0;
      if (!(time >= this.#startMs && time < this.#endMs)) {
        if (time - time !== 0) {
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
      const cell = this.#pane?.cells.of(slot) ?? 0;
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
      this.#emit(endMs, slots, emit);
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
    for (const { startMs, cells } of this.#panes) {
      const cell = cells.of(slot);
      if (cell === 0) continue;
      parts.push({ startMs, cell });
      cells.delete(slot);
    }
    const closedMs = this.#closedMs;
    return (emit) => {
      const [first, last] = [parts[0], parts.at(-1)];
      if (first === undefined || last === undefined) return;
      const lastEndMs = last.startMs + this.#overMs;
      let endMs = Math.max(first.startMs, closedMs) + this.#everyMs;
      for (; endMs <= lastEndMs; endMs += this.#everyMs) {
        const span = this.#spanTo(endMs);
        const cells = parts
          .filter(({ startMs }) => startMs < endMs && startMs >= span.startMs)
          .map(({ cell }) => cell);
        if (cells.length > 0) this.#emitJoined(cells, slot, span, emit);
        // Where there is nothing for long, the next window is that of the next part.
        else endMs = parts.find(({ startMs }) => startMs >= endMs)!.startMs;
      }
      for (const { cell } of parts) this.#cells.give(cell);
    };
  }

  snapshot(): JsonValue {
    const cells: number[] = [];
    const slots: number[] = [];
    const panes = this.#panes.map((pane) => {
      const before = cells.length;
      pane.cells.each((slot, cell) => {
        cells.push(cell);
        slots.push(slot);
      });
      return [pane.startMs, cells.length - before];
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
      const pane = { startMs, cells: new SlotCells() };
      for (const end = at + count; at < end; at++) {
        pane.cells.set(loaded.names[at]!, loaded.cells[at]!);
      }
      this.#panes.push(pane);
    }
    return at === loaded.cells.length;
  }

  get #name(): string {
    return `every ${this.#everyMs} over ${this.#overMs}`;
  }

  /**
   * Assigns rows from a place on while they are in the pane of the last one, in time, and their keys
   * have a cell in it; gives the place of the first that is not so.
   */
  #follow(
    { times, slots, rows, length, watermarks }: Arrived,
    from: number,
    to: Int32Array,
  ): number {
    const cells = this.#pane?.cells.bySlot;
    const [startMs, endMs] = [this.#startMs, this.#endMs];
    if (cells === undefined || endMs <= this.#closedMs) return from;
    let at = from;
    for (; at < length; at++) {
      const time = times[at]!;
      const slot = slots === null ? 0 : slots[at]!;
      if (!(time >= startMs && time < endMs) || slot < 0 || slot >= cells.length) break;
      if (watermarks !== undefined && endMs <= watermarks[rows[at]!]!) break;
      const cell = cells[slot]!;
      if (cell === 0) break;
      to[at] = cell;
    }
    return at;
  }

  #turnTo(time: number): void {
    let startMs = Math.floor(time / this.#everyMs) * this.#everyMs;
    // The quotient may have been rounded up.
    if (startMs > time) startMs -= this.#everyMs;
    this.#startMs = startMs;
    this.#endMs = startMs + this.#everyMs;
    const pane = this.#panes[this.#placeOf(startMs)];
    this.#pane = pane?.startMs === startMs ? pane : undefined;
  }

  /** Where a pane that begins then is, or would be. */
  #placeOf(startMs: number): number {
    let [from, to] = [0, this.#panes.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#panes[middle]!.startMs < startMs) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #begin(slot: number): number {
    if (this.#pane === undefined) {
      this.#pane = { startMs: this.#startMs, cells: new SlotCells() };
      this.#panes.splice(this.#placeOf(this.#startMs), 0, this.#pane);
    }
    const cell = this.#cells.take();
    this.#pane.cells.set(slot, cell);
    return cell;
  }

  #spanTo(endMs: number): Span {
    return { startMs: endMs - this.#overMs, endMs };
  }

  /** Gives the windows that end then. `slots`: how many there are. */
  #emit(endMs: number, slots: number, emit: EmitWindow): void {
    const span = this.#spanTo(endMs);
    const within = this.#panes.slice(0, this.#placeOf(endMs));
    const [only] = within;
    if (within.length === 1) {
      only!.cells.each((slot, cell) => emit(slot, span, cell));
      return;
    }
    for (const slot of slotsOf(within, slots)) {
      const cells: number[] = [];
      for (const pane of within) {
        const cell = pane.cells.of(slot);
        if (cell !== 0) cells.push(cell);
      }
      if (cells.length > 0) this.#emitJoined(cells, slot, span, emit);
    }
  }

  /** Gives a window that these cells are the parts of. */
  #emitJoined(cells: readonly number[], slot: number, span: Span, emit: EmitWindow): void {
    if (cells.length === 1) {
      emit(slot, span, cells[0]!);
      return;
    }
    const whole = this.#cells.take();
    for (const cell of cells) this.#cells.join(whole, cell);
    emit(slot, span, whole);
    this.#cells.give(whole);
  }

  #drop(pane: Pane): void {
    pane.cells.each((_slot, cell) => this.#cells.give(cell));
    if (pane === this.#pane) this.#startMs = NaN;
  }
}

/** The slots that may have rows in any of these, in ascending order. `slots`: how many there are. */
function slotsOf(panes: readonly Pane[], slots: number): Iterable<number> {
  const cells = panes.reduce((sum, pane) => sum + pane.cells.count, 0);
  // Where many have, looking at each costs less than finding which do.
  if (slots <= cells) return new Array(slots).keys();
  const found = new Set(panes.flatMap((pane) => pane.cells.slots()));
  return [...found].sort((a, b) => a - b);
}
