import type { JsonValue } from '../../batch/index.ts';
import { type Cells, firstAt, lastAt } from './cells.ts';
import {
  type Arrived,
  type Assigning,
  type EmitWindow,
  slotOf,
  type Span,
  type Windows,
} from './windows.ts';

/**
 * Windows of a key that last as long as its rows are less than `gapMs` apart; they end that long after
 * the last. A row that comes behind the watermark is late: a session that it belonged to may have
 * been given.
 */
export class Sessions implements Windows {
  readonly #gapMs: number;
  readonly #cells: Cells;
  /** By slot the cell of one session, and by cell that of another of the same key; 0 for none. */
  #headOf: Int32Array = new Int32Array(16);
  #nextOf: Int32Array = new Int32Array(16);
  /** No session that ends here or before is given any more, and none ends before `#dueMs`. */
  #closedMs = -Infinity;
  #dueMs = Infinity;

  constructor(cells: Cells, gapMs: number) {
    this.#cells = cells;
    this.#gapMs = gapMs;
  }

  assign(arrived: Arrived, { cells, refuse, replaced, addBefore }: Assigning): void {
    const { times, slots, rows, length, watermarks } = arrived;
    for (let at = 0; at < length; at++) {
      const slot = slotOf(slots, at, replaced);
      const time = times[at]!;
      cells[at] = 0;
      if (time - time !== 0) {
        refuse(at, 'time.missing');
      } else if (
        time < this.#closedMs ||
        (watermarks !== undefined && time < watermarks[rows[at]!]!)
      ) {
        refuse(at, 'late');
      } else {
        cells[at] = this.#cellOf(slot, time, () => addBefore(at));
      }
    }
  }

  close(watermark: number, slots: number, emit: EmitWindow): void {
    if (watermark >= this.#dueMs) {
      const due: (Span & { slot: number; cell: number })[] = [];
      this.#dueMs = Infinity;
      for (let slot = 0; slot < Math.min(slots, this.#headOf.length); slot++) {
        for (const cell of this.#sessionsOf(slot)) {
          const span = this.#spanOf(cell);
          if (span.endMs <= watermark) due.push({ slot, cell, ...span });
          else this.#dueMs = Math.min(this.#dueMs, span.endMs);
        }
      }
      due.sort((a, b) => a.endMs - b.endMs || a.slot - b.slot);
      for (const session of due) {
        const { slot, cell } = session;
        emit(slot, session, cell);
        this.#unlink(slot, cell);
        this.#cells.give(cell);
      }
    }
    if (Number.isFinite(watermark)) this.#closedMs = Math.max(this.#closedMs, watermark);
  }

  detach(slot: number): (emit: EmitWindow) => void {
    const cells = this.#sessionsOf(slot);
    if (cells.length > 0) this.#headOf[slot] = 0;
    return (emit) => {
      for (const cell of cells) {
        emit(slot, this.#spanOf(cell), cell);
        this.#cells.give(cell);
      }
    };
  }

  snapshot(): JsonValue {
    const cells: number[] = [];
    const slots: number[] = [];
    for (let slot = 0; slot < this.#headOf.length; slot++) {
      for (const cell of this.#sessionsOf(slot)) {
        cells.push(cell);
        slots.push(slot);
      }
    }
    return {
      windows: this.#name,
      // JSON has no infinity.
      closedMs: Number.isFinite(this.#closedMs) ? this.#closedMs : null,
      cells: this.#cells.save(cells, slots),
    };
  }

  restore(state: JsonValue | undefined): boolean {
    const { windows, closedMs, cells } = (state ?? {}) as Record<string, JsonValue>;
    if (windows !== this.#name) return false;
    const loaded = this.#cells.load(cells);
    if (loaded === undefined) return false;
    this.#closedMs = typeof closedMs === 'number' ? closedMs : -Infinity;
    // Each is put before those that are there.
    for (let at = loaded.cells.length - 1; at >= 0; at--) {
      this.#link(loaded.names[at]!, loaded.cells[at]!);
    }
    return true;
  }

  get #name(): string {
    return `gap ${this.#gapMs}`;
  }

  /** The session that a row belongs to. `settle` adds the rows before it to theirs. */
  #cellOf(slot: number, time: number, settle: () => void): number {
    const gapMs = this.#gapMs;
    const { values, width } = this.#cells;
    let found = 0;
    for (let cell = this.#headOf[slot] ?? 0; cell !== 0; cell = this.#nextOf[cell]!) {
      const first = cell * width + firstAt;
      const last = cell * width + lastAt;
      if (time - values[last]! >= gapMs || values[first]! - time >= gapMs) continue;
      if (found !== 0) return this.#joined(slot, [found, cell], settle);
      found = cell;
      values[first] = Math.min(values[first]!, time);
      values[last] = Math.max(values[last]!, time);
    }
    if (found === 0) {
      found = this.#cells.take();
      this.#set(found, time, time);
      this.#link(slot, found);
    }
    this.#dueMs = Math.min(this.#dueMs, time + gapMs);
    return found;
  }

  /** Makes one of two sessions that a row between them connects. */
  #joined(slot: number, [into, from]: readonly [number, number], settle: () => void): number {
    settle();
    const first = Math.min(this.#at(into, firstAt), this.#at(from, firstAt));
    const last = Math.max(this.#at(into, lastAt), this.#at(from, lastAt));
    this.#cells.join(into, from);
    this.#set(into, first, last);
    this.#unlink(slot, from);
    this.#cells.give(from);
    return into;
  }

  #set(cell: number, first: number, last: number): void {
    const start = cell * this.#cells.width;
    this.#cells.values[start + firstAt] = first;
    this.#cells.values[start + lastAt] = last;
  }

  #at(cell: number, element: number): number {
    return this.#cells.values[cell * this.#cells.width + element]!;
  }

  #spanOf(cell: number): Span {
    return { startMs: this.#at(cell, firstAt), endMs: this.#at(cell, lastAt) + this.#gapMs };
  }

  #sessionsOf(slot: number): number[] {
    const cells: number[] = [];
    for (let cell = this.#headOf[slot] ?? 0; cell !== 0; cell = this.#nextOf[cell]!) {
      cells.push(cell);
    }
    return cells;
  }

  #link(slot: number, cell: number): void {
    this.#headOf = withRoom(this.#headOf, slot);
    this.#nextOf = withRoom(this.#nextOf, cell);
    this.#nextOf[cell] = this.#headOf[slot]!;
    this.#headOf[slot] = cell;
    this.#dueMs = Math.min(this.#dueMs, this.#at(cell, lastAt) + this.#gapMs);
  }

  #unlink(slot: number, gone: number): void {
    if (this.#headOf[slot] === gone) {
      this.#headOf[slot] = this.#nextOf[gone]!;
      return;
    }
    let cell = this.#headOf[slot]!;
    while (this.#nextOf[cell] !== gone) cell = this.#nextOf[cell]!;
    this.#nextOf[cell] = this.#nextOf[gone]!;
  }
}

function withRoom(array: Int32Array, index: number): Int32Array {
  if (index < array.length) return array;
  const grown = new Int32Array(Math.max(index + 1, 2 * array.length));
  grown.set(array);
  return grown;
}
