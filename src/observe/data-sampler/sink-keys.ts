import { Buffer } from 'node:buffer';

import type { Batch, Schema } from '../../batch/index.ts';
import type { AnomalyFlag } from '../../core/index.ts';

export const keysMax = 64;

const leftOutMax = 1000;

const keyLengthMax = 256;

/** For how many series more there is memory, of all sinks together. */
export interface SeriesRoom {
  left: number;
}

/** Whose the values are that come to a sink: those that came first, each with a number from 0. */
export class SinkKeys {
  /** The field that says it. */
  readonly by: string;
  readonly #at: number;
  readonly #seriesEach: number;
  readonly #room: SeriesRoom;
  readonly #kept = new Map<string, number>();
  readonly #leftOut = new Set<string>();

  /** `seriesEach`: how many fields of each key are kept. */
  constructor(schema: Schema, by: string, seriesEach: number, room: SeriesRoom) {
    this.by = by;
    this.#at = schema.indexOf(by);
    this.#seriesEach = seriesEach;
    this.#room = room;
  }

  /** In alphabetical order. */
  get kept(): string[] {
    return [...this.#kept.keys()].sort();
  }

  /** How many others were seen; not counted further than a thousand. */
  get leftOut(): number {
    return this.#leftOut.size;
  }

  /** The number of a key; undefined where it is not kept. */
  find(key: string): number | undefined {
    return this.#kept.get(key);
  }

  /** The number of the key that a stored row is of; -1 where it has none, or none that is kept. */
  of(batch: Batch, row: number): number {
    const value = batch.columns[this.#at]!.value(row);
    if (value === null) return -1;
    const key = String(value);
    return this.#kept.get(key) ?? this.#add(key);
  }

  #add(key: string): number {
    const number = this.#kept.size;
    const hasRoom = number < keysMax && this.#seriesEach <= this.#room.left;
    if (hasRoom && key.length <= keyLengthMax) {
      this.#room.left -= this.#seriesEach;
      this.#kept.set(key, number);
      return number;
    }
    if (this.#leftOut.size < leftOutMax) this.#leftOut.add(briefly(key));
    return -1;
  }
}

/** A part of a string keeps the whole of it in memory; a copy does not. */
function briefly(key: string): string {
  return key.length <= keyLengthMax ? key : Buffer.from(key.slice(0, keyLengthMax)).toString();
}

/**
 * The field that says whose values they are: what `detectAnomalies` goes by, else the first category
 * that is never null (why something is an anomaly is one as well, mostly null). Undefined where there
 * is none, or it is not for everybody.
 */
export function fieldOfKeys(schema: Schema, flags: readonly AnomalyFlag[]): string | undefined {
  const judgedBy = flags.find(({ by }) => by !== undefined)?.by;
  const field =
    judgedBy === undefined
      ? schema.fields.find(({ kind, nullable }) => kind === 'category' && !nullable)
      : schema.field(judgedBy);
  return field?.sensitive === true ? undefined : field?.name;
}
