/** What a loop goes over. `rows[0 … count)` are stored rows, and every array is indexed by them. */
export interface Scope {
  readonly rows: Uint32Array;
  readonly count: number;
  readonly rowsStored: number;
}

/**
 * A truth is 0 (false), 1 (null) or 2 (true), so that Kleene's logic is: and = the lesser, or = the
 * greater, not = 2 − x.
 */
export const truth = { no: 0, unknown: 1, yes: 2 } as const;

/** Truths by stored row. */
export type Truths = Uint8Array;
