import type { JsonValue } from '../../batch/index.ts';

/** The rows of a batch, as far as windows look at them. */
export interface Arrived {
  /** Event times in the order of the rows; none is finite where there is none. */
  readonly times: Float64Array;
  /** As `KeyedState.slots` gives them. */
  readonly slots: Int32Array | null;
  readonly rows: Uint32Array;
  readonly length: number;
  /** As `Origin.watermarks`. */
  readonly watermarks: Float64Array | undefined;
}

/** What windows ask and tell while rows are assigned to them. */
export interface Assigning {
  /** The cell of each row so far; 0 for one that was refused. */
  readonly cells: Int32Array;
  /** The row at that place has no time, or comes too late. */
  refuse(at: number, reason: 'time.missing' | 'late'): void;
  /** Another key begins at that slot: what the slot has is to be let go. */
  replaced(slot: number): void;
  /** Adds the rows before that place to their cells now. */
  addBefore(at: number): void;
}

/** The slot of a row. `replaced` is told where another key begins there. */
export function slotOf(
  slots: Int32Array | null,
  at: number,
  replaced: Assigning['replaced'],
): number {
  const slot = slots === null ? 0 : slots[at]!;
  if (slot >= 0) return slot;
  replaced(~slot);
  return ~slot;
}

/** When a window begins and ends. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** A window of the key at a slot. Its cell is given back to the pool behind the call, not before. */
export type EmitWindow = (slot: number, span: Span, cell: number) => void;

/** How rows are gathered into windows. */
export interface Windows {
  assign(arrived: Arrived, assigning: Assigning): void;
  /**
   * Gives, and forgets, the windows of the first `slots` slots that end at the watermark or before:
   * by end, then by slot, however many batches and cuts their rows came in.
   */
  close(watermark: number, slots: number, emit: EmitWindow): void;
  /** Takes out the windows of a slot. What is returned gives them, and must be called. */
  detach(slot: number): (emit: EmitWindow) => void;
  snapshot(): JsonValue;
  /** False where the state is of other windows. */
  restore(state: JsonValue | undefined): boolean;
}
