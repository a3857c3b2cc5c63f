import { giveValues, type TakeValues, takeValues } from './buffers.ts';
import { createSha256 } from './hash.ts';
import type { JsonValue } from './schema.ts';
import { Shared } from './shared.ts';

/**
 * Where the rows of a batch came from: a source, its partition, and one position per stored row (a
 * byte offset for files, a sequence number elsewhere). Rows made from one row share its position
 * and differ by their ordinals, one for each expanding stage, so a replay gives the same ids. Every
 * batch made with it holds it; who made it may release it then, so that its positions are reused.
 */
export class Origin extends Shared {
  /** The id of the source. */
  readonly source: string;
  /** The part of the source, as the path of a file; empty where it has none. */
  readonly partition: string;
  /** When the source gave it, in milliseconds of the run's monotonic clock; the engine says it. */
  readMs: number | undefined;
  /** What the spans of its batch belong to; null where it is not to be traced. The engine says it. */
  trace: object | null | undefined;
  /**
   * By stored row, how far the watermark of its partition was when it came; NaN where it was not ahead
   * of the row, undefined where of none. The engine says it, of a source with `eventTime`.
   */
  watermarks: Float64Array | undefined;
  readonly #positions: number | Float64Array;
  readonly #ordinals: readonly Int32Array[];
  readonly #keys: readonly JsonValue[] | undefined;

  /**
   * `positions`: one per row, or the first of consecutive ones. `keys`: one per row, where rows of
   * one position are told apart by a key.
   */
  constructor(
    source: string,
    partition: string,
    positions: number | Float64Array,
    ordinals: readonly Int32Array[] = [],
    keys?: readonly JsonValue[],
  ) {
    super();
    this.source = source;
    this.partition = partition;
    this.#positions = positions;
    this.#ordinals = ordinals;
    this.#keys = keys;
  }

  /** The position of a stored row: a byte offset, or a sequence number. */
  position(row: number): number {
    this.assertHeld();
    const positions = this.#positions;
    return typeof positions === 'number' ? positions + row : positions[row]!;
  }

  /** The place of a row among the rows made from the same one, for each expanding stage passed. */
  ordinals(row: number): number[] {
    return this.#ordinals.map((ordinals) => ordinals[row]!);
  }

  /** The origin of a batch made of the given rows, in that order. `take`: where their positions are to be. */
  gather(rows: Uint32Array, count: number, take: TakeValues = takeValues): Origin {
    const positions = take(Float64Array, count);
    for (let at = 0; at < count; at++) positions[at] = this.position(rows[at]!);
    const ordinals = this.#ordinals.map((from) => {
      const to = new Int32Array(count);
      for (let at = 0; at < count; at++) to[at] = from[rows[at]!]!;
      return to;
    });
    const keys = this.#keys && Array.from({ length: count }, (_, at) => this.#keys![rows[at]!]!);
    const made = new Origin(this.source, this.partition, positions, ordinals, keys);
    made.watermarks = this.watermarks && gatherNumbers(this.watermarks, rows, count);
    return this.#readWith(made);
  }

  /** The origin of rows made from `parents`, each the n-th (`ordinals`) product of its parent. */
  expand(parents: Uint32Array, ordinals: Int32Array, count: number): Origin {
    const gathered = this.gather(parents, count);
    const made = new Origin(
      this.source,
      this.partition,
      gathered.#positions,
      [...gathered.#ordinals, ordinals.slice(0, count)],
      gathered.#keys,
    );
    made.watermarks = gathered.watermarks;
    return this.#readWith(made);
  }

  #readWith(made: Origin): Origin {
    made.readMs = this.readMs;
    made.trace = this.trace;
    return made;
  }

  /** A stable id of one record: the same after a replay, different for every other record. */
  recordId(row: number): string {
    const place = this.#keys === undefined ? [] : [this.#keys[row]!];
    const identity = [
      this.source,
      this.partition,
      ...place,
      this.position(row),
      ...this.ordinals(row),
    ];
    return createSha256().update(JSON.stringify(identity)).digest('base64url').slice(0, 22);
  }

  protected free(): void {
    if (typeof this.#positions !== 'number') giveValues(this.#positions);
  }

  /** The parts, for a transfer to another thread. */
  toParts(): {
    source: string;
    partition: string;
    positions: number | Float64Array;
    ordinals: Int32Array[];
    keys: readonly JsonValue[] | undefined;
    watermarks: Float64Array | undefined;
  } {
    return {
      source: this.source,
      partition: this.partition,
      positions: this.#positions,
      ordinals: [...this.#ordinals],
      keys: this.#keys,
      watermarks: this.watermarks,
    };
  }

  /** The origin of these parts. */
  static ofParts(parts: ReturnType<Origin['toParts']>): Origin {
    const { source, partition, positions, ordinals, keys, watermarks } = parts;
    const origin = new Origin(source, partition, positions, ordinals, keys);
    origin.watermarks = watermarks;
    return origin;
  }
}

function gatherNumbers(from: Float64Array, rows: Uint32Array, count: number): Float64Array {
  const to = new Float64Array(count);
  for (let at = 0; at < count; at++) to[at] = from[rows[at]!]!;
  return to;
}
