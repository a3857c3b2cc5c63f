import type { JsonValue } from '../../batch/index.ts';
import { decodeNumbers, encodeNumbers, type KeyedState, type StateTable } from '../keyed.ts';
import type { StageReport } from '../context.ts';
import { type Part, parts } from './parts.ts';
import { advance, isOldestOver, roomFor, type TimedQueue } from './timed-queue.ts';

/**
 * Of one key so many numbers are kept; for one more the oldest goes before its time, and is counted
 * as `window.forgotten`.
 */
export const timedNumbersMax = 1_000_000;

// In front of the records of the numbers: that of those behind `middle`, and of all.
const back = 0;
const whole = 1;
const ahead = 2;

/** The numbers of one key. Those before `middle` have the record from them to it. */
interface Queue extends TimedQueue {
  records: Float64Array;
  middle: number;
}

/**
 * A statistic of the numbers that are less than `windowMs` older than the latest row of their key: a
 * queue of two stacks, in three joins a number on the average, whatever the window. A number counts
 * at the time of the latest before it where it is older than that, and not at all where it is
 * older than the window.
 */
export class TimedStatistic implements StateTable {
  readonly name: string;
  readonly #windowMs: number;
  readonly #part: Part;
  readonly #queues: Queue[] = [];
  readonly #report: Pick<StageReport, 'counted'>;

  constructor(
    state: KeyedState,
    of: keyof typeof parts,
    windowMs: number,
    report: Pick<StageReport, 'counted'>,
  ) {
    this.name = `${of}/${windowMs}ms`;
    this.#windowMs = windowMs;
    this.#part = parts[of];
    this.#report = report;
    state.add(this);
  }

  /**
   * Takes in `numbers[0 … count)` at `times[0 … count)` and writes what holds so far to
   * `results[rows[at]]`. Without a number (NaN) only time goes on, without a time nothing does.
   */
  run(
    numbers: Float64Array,
    times: Float64Array,
    slots: Int32Array | null,
    rows: Uint32Array,
    count: number,
    results: Float64Array,
  ): void {
    let forgotten = 0;
    for (let at = 0; at < count; at++) {
      let slot = slots === null ? 0 : slots[at]!;
      if (slot < 0) {
        slot = ~slot;
        this.#queues[slot] = this.#createQueue();
      }
      const queue = (this.#queues[slot] ??= this.#createQueue());
      const number = numbers[at]!;
      const time = times[at]!;
      if (this.#reaches(queue, time) && number === number) forgotten += this.#take(queue, number);
      results[rows[at]!] = queue.head === queue.tail ? NaN : this.#result(queue);
    }
    this.#report.counted('window.forgotten', forgotten);
  }

  reserve(): void {}

  encode(slots: number): JsonValue {
    const { width } = this.#part;
    return Array.from({ length: slots }, (_, slot) => {
      const queue = this.#queues[slot] ?? this.#createQueue();
      const { times, records, head, middle, tail, latest } = queue;
      const last = records.slice(back * width, ahead * width);
      const ofNumbers = records.slice((ahead + head) * width, (ahead + tail) * width);
      return [
        middle - head,
        encodeNumbers(Float64Array.of(latest)),
        encodeNumbers(times.slice(head, tail)),
        encodeNumbers(last),
        encodeNumbers(ofNumbers),
      ];
    });
  }

  decode(saved: JsonValue | undefined, slots: number): boolean {
    if (!Array.isArray(saved) || saved.length !== slots) return false;
    const { width } = this.#part;
    return (saved as readonly JsonValue[]).every((entry, slot) => {
      const [middle, ...texts] = Array.isArray(entry) ? (entry as readonly JsonValue[]) : [];
      const [latest, times, last, ofNumbers] = texts.map(decodeNumbers);
      const isWhole =
        latest?.length === 1 &&
        times !== undefined &&
        last?.length === ahead * width &&
        ofNumbers?.length === times.length * width &&
        Number.isSafeInteger(middle);
      if (!isWhole) return false;
      const records = new Float64Array((ahead + times.length) * width);
      records.set(last);
      records.set(ofNumbers, ahead * width);
      const tail = times.length;
      const at = { head: 0, middle: middle as number, tail };
      this.#queues[slot] = { times, records, ...at, latest: latest[0]! };
      return true;
    });
  }

  #createQueue(): Queue {
    const records = new Float64Array((ahead + 4) * this.#part.width);
    const times = new Float64Array(4);
    return { times, records, head: 0, middle: 0, tail: 0, latest: -Infinity };
  }

  /** Lets go what is too old at a time; false where a number of that time is too old itself. */
  #reaches(queue: Queue, time: number): boolean {
    if (!advance(queue, time, this.#windowMs)) return false;
    while (isOldestOver(queue, this.#windowMs)) this.#dropOldest(queue);
    return true;
  }

  /** Gives how many had to go before their time. */
  #take(queue: Queue, number: number): number {
    const { width } = this.#part;
    const at = queue.latest;
    const isFull = queue.tail - queue.head >= timedNumbersMax;
    if (isFull) this.#dropOldest(queue);
    if (queue.tail === queue.times.length) makeRoom(queue, width);
    const place = (ahead + queue.tail) * width;
    queue.times[queue.tail] = at;
    this.#part.of(queue.records, place, number, at);
    if (queue.tail === queue.middle) queue.records.copyWithin(back, place, place + width);
    else this.#part.join(queue.records, back, place);
    queue.tail++;
    return isFull ? 1 : 0;
  }

  #dropOldest(queue: Queue): void {
    if (queue.head === queue.middle) {
      const { width } = this.#part;
      for (let at = queue.tail - 2; at >= queue.head; at--) {
        this.#part.join(queue.records, (ahead + at) * width, (ahead + at + 1) * width);
      }
      queue.middle = queue.tail;
    }
    queue.head++;
  }

  #result({ records, head, middle, tail }: Queue): number {
    const { width } = this.#part;
    if (head === middle) return this.#part.result(records, back);
    const first = (ahead + head) * width;
    if (middle === tail) return this.#part.result(records, first);
    const place = whole * width;
    records.copyWithin(place, first, first + width);
    this.#part.join(records, place, back);
    return this.#part.result(records, place);
  }
}

/** At the end of the arrays: what has gone makes room, or they grow. */
function makeRoom(queue: Queue, width: number): void {
  const { times, records, head, middle, tail } = queue;
  const size = tail - head;
  const room = roomFor(queue);
  if (room > times.length) {
    queue.times = new Float64Array(room);
    queue.records = new Float64Array((ahead + room) * width);
    queue.records.set(records.subarray(0, ahead * width));
  }
  queue.times.set(times.subarray(head, tail));
  queue.records.set(
    records.subarray((ahead + head) * width, (ahead + tail) * width),
    ahead * width,
  );
  queue.head = 0;
  queue.middle = middle - head;
  queue.tail = size;
}
