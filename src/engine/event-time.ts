import type { Batch, JsonValue } from '../batch/index.ts';
import { PipelineError } from '../errors.ts';
import { type EventTimeSettings, RowTimes } from './event-time/row-times.ts';
import type { Tally } from './report.ts';

/** Of so many partitions it is known how far they are; the one that is known longest goes first. */
const partitionsMax = 10_000;

interface Partition {
  /** The greatest event time that it has given, or where it began. */
  latestMs: number;
  /** For how long its source had been read when it last gave a row. */
  readMs: number;
}

/** When a batch was read. */
export interface AsRead {
  /** By the clock. */
  readonly nowMs: number;
  /** For how long its source has been read. */
  readonly readMs: number;
  /** What the source says of the partitions that it reads. */
  readonly partitions: readonly string[] | undefined;
}

/** Rows of one partition whose times were looked at before it was their turn. */
export interface LookedAt {
  readonly partition: string;
  readonly rows: number;
  /** The greatest event time in them; −Infinity where there is none. */
  readonly latestMs: number;
}

/** What the times of the rows of a source go through as they are read. */
export interface SourceTimes {
  /** Takes over the hold on a batch that was read, and gives what goes on of it. */
  take(batch: Batch, asRead: AsRead): Batch;
  /** How far it is as the cut of that number enters its stream; undefined where others find that. */
  watermark(readMs: number, cut: number): number | undefined;
  /** What is saved with a cut; undefined where others save it. */
  snapshot(): JsonValue | undefined;
}

/**
 * How far the event time of one source is: the least over its partitions of their latest time less
 * `lateMs`. A row that comes behind the watermark of its own partition is marked with it, so that
 * which rows are late hangs on their order in the partition alone, and not on batches, cuts or
 * other partitions. A partition that is new, or was idle, begins where the watermark is.
 */
export class EventTime implements SourceTimes {
  readonly #settings: EventTimeSettings;
  readonly #report: Pick<Tally, 'counted'>;
  readonly #rows: RowTimes;
  readonly #partitions = new Map<string, Partition>();
  /** Those that the source reads, as it said last. */
  #listed: readonly string[] = [];
  #read: ReadonlySet<string> = new Set();
  #watermark = -Infinity;

  constructor(settings: EventTimeSettings, report: Pick<Tally, 'failed' | 'counted'>) {
    this.#settings = settings;
    this.#report = report;
    this.#rows = new RowTimes(settings, report);
  }

  /**
   * Takes note of the rows of a batch that was read, and gives it without those that are too far
   * ahead of the clock, which failed. Takes over the hold on it.
   */
  take(batch: Batch, asRead: AsRead): Batch {
    const { length: rows, origin } = batch;
    const partition = this.#begin(origin.partition, rows, asRead);
    const before = partition?.latestMs ?? -Infinity;
    const looked = this.#rows.look(batch, asRead.nowMs, before);
    if (partition !== undefined) partition.latestMs = looked.latestMs;
    this.#end(origin.partition, asRead);
    return looked.batch;
  }

  /** Takes note of rows that were looked at before. Gives the latest time of their partition before them. */
  note({ partition: name, rows, latestMs }: LookedAt, asRead: AsRead): number {
    const partition = this.#begin(name, rows, asRead);
    const before = partition?.latestMs ?? -Infinity;
    if (partition !== undefined) partition.latestMs = Math.max(before, latestMs);
    this.#end(name, asRead);
    return before;
  }

  /** The partition of rows that are its next, where there are any. */
  #begin(name: string, rows: number, { readMs, partitions }: AsRead): Partition | undefined {
    const isNews = partitions !== undefined && !this.#isKnown(partitions, name);
    if (isNews) {
      // One that it has read for long may have been idle, and is waited for no more.
      for (const one of partitions) if (!this.#read.has(one)) this.#partitionOf(one, readMs);
    }
    if (rows === 0) return undefined;
    const partition = this.#partitionOf(name, readMs);
    partition.readMs = readMs;
    // What it has done with holds up nothing that these rows tell, also where they are its last.
    if (isNews) this.#keepOnly(new Set([...partitions, name]));
    return partition;
  }

  #end(name: string, { partitions }: AsRead): void {
    if (partitions === undefined || this.#isKnown(partitions, name)) return;
    this.#listed = partitions;
    this.#read = new Set(partitions);
    this.#keepOnly(this.#read);
  }

  #isKnown(partitions: readonly string[], name: string): boolean {
    return partitions === this.#listed && this.#read.has(name);
  }

  /** The event time that it gives nothing before any more. */
  watermark(readMs: number): number {
    const { idleAfterMs } = this.#settings;
    const idle = [...this.#partitions].filter(([, one]) => readMs - one.readMs >= idleAfterMs);
    // Where nothing comes at all, what is the latest holds.
    if (idle.length === this.#partitions.size) this.#advance(Math.max);
    for (const [name] of idle) this.#partitions.delete(name);
    this.#advance();
    return this.#watermark;
  }

  snapshot(): JsonValue {
    const partitions = [...this.#partitions].map(([name, { latestMs }]): JsonValue => [
      name,
      asJson(latestMs),
    ]);
    return { watermark: asJson(this.#watermark), partitions };
  }

  /** Throws `ERR_SNAPSHOT_INVALID` where the state is none of a source with event time. */
  restore(state: JsonValue): void {
    const { watermark = null, partitions } = (state ?? {}) as Record<string, JsonValue>;
    const isState = isTime(watermark) && Array.isArray(partitions) && partitions.every(isSaved);
    if (!isState) throw misfit();
    this.#watermark = (watermark as number | null) ?? -Infinity;
    for (const [name, latestMs] of partitions as [string, number | null][]) {
      this.#partitions.set(name, { latestMs: latestMs ?? -Infinity, readMs: 0 });
    }
  }

  #keepOnly(partitions: ReadonlySet<string>): void {
    const done = [...this.#partitions.keys()].filter((name) => !partitions.has(name));
    if (done.length === 0) return;
    this.#advance();
    for (const name of done) this.#partitions.delete(name);
  }

  #partitionOf(name: string, readMs: number): Partition {
    const known = this.#partitions.get(name);
    if (known !== undefined) return known;
    this.#advance();
    if (this.#partitions.size >= partitionsMax) {
      this.#partitions.delete(this.#partitions.keys().next().value!);
      this.#report.counted('partitions.forgotten', 1);
    }
    const partition = { latestMs: this.#watermark + this.#settings.lateMs, readMs };
    this.#partitions.set(name, partition);
    return partition;
  }

  #advance(of: (...times: readonly number[]) => number = Math.min): void {
    let reached: number | undefined;
    for (const { latestMs } of this.#partitions.values()) {
      reached = reached === undefined ? latestMs : of(reached, latestMs);
    }
    if (reached === undefined) return;
    this.#watermark = Math.max(this.#watermark, reached - this.#settings.lateMs);
  }
}

function isSaved(entry: JsonValue): boolean {
  return (
    Array.isArray(entry) &&
    entry.length === 2 &&
    typeof entry[0] === 'string' &&
    isTime(entry[1] as JsonValue)
  );
}

/** A time before all others is null: JSON has no infinity. */
function asJson(time: number): number | null {
  return time === -Infinity ? null : time;
}

function isTime(saved: JsonValue): boolean {
  return saved === null || typeof saved === 'number';
}

function misfit(): PipelineError {
  return new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: 'eventTime',
    fact: 'the saved state is none of a source with event time',
    remedy: 'start without it',
  });
}
