import type { JsonValue } from '../../batch/index.ts';
import type { StageReport } from '../context.ts';
import { decodeNumbers, encodeNumbers, type KeyedState, type StateTable } from '../keyed.ts';
import { SortedNumbers } from './sorted.ts';
import { advance, isOldestOver, roomFor, type TimedQueue } from './timed-queue.ts';

/**
 * Of one key so many numbers are kept in order; for one more the oldest goes before its time, and is
 * counted as `window.forgotten`.
 */
export const medianNumbersMax = 10_000;

/** The numbers of one key, in the order they came and in ascending order. */
interface Queue extends TimedQueue {
  numbers: Float64Array;
  sorted: Float64Array;
}

/**
 * The numbers in order that are less than `windowMs` older than the latest row of their key. A number
 * counts at the time of the latest before it where it is older than that, and not at all where it is
 * older than the window.
 */
export class TimedMedian implements StateTable {
  readonly name: string;
  /** Those of the slot that was opened last. */
  readonly numbers: SortedNumbers = new SortedNumbers();
  readonly #windowMs: number;
  readonly #queues: Queue[] = [];
  readonly #report: Pick<StageReport, 'counted'>;
  #queue: Queue = createQueue();

  constructor(state: KeyedState, windowMs: number, report: Pick<StageReport, 'counted'>) {
    this.name = `median/${windowMs}ms`;
    this.#windowMs = windowMs;
    this.#report = report;
    state.add(this);
  }

  /** Turns to a slot, given as by `KeyedState.slots`; what follows is about its numbers. */
  open(slot: number): void {
    const index = slot < 0 ? ~slot : slot;
    if (slot < 0) this.#queues[index] = createQueue();
    const queue = (this.#queues[index] ??= createQueue());
    this.#queue = queue;
    this.numbers.turnTo(queue.sorted, 0, queue.tail - queue.head);
  }

  /** Lets go what is too old at a time; false where a number of that time is too old itself. */
  reaches(time: number): boolean {
    if (!advance(this.#queue, time, this.#windowMs)) return false;
    while (isOldestOver(this.#queue, this.#windowMs)) this.#dropOldest();
    return true;
  }

  /** Milliseconds from the oldest of the numbers to the latest row; 0 where there are none. */
  get spanMs(): number {
    const { head, tail, times, latest } = this.#queue;
    return head === tail ? 0 : latest - times[head]!;
  }

  /** Takes a number in, of a time that it `reaches`. */
  add(number: number): void {
    const queue = this.#queue;
    if (queue.tail - queue.head === medianNumbersMax) {
      this.#dropOldest();
      this.#report.counted('window.forgotten', 1);
    }
    if (queue.tail === queue.times.length) {
      makeRoom(queue);
      this.numbers.turnTo(queue.sorted, 0, queue.tail - queue.head);
    }
    queue.times[queue.tail] = queue.latest;
    queue.numbers[queue.tail] = number;
    queue.tail++;
    this.numbers.add(number);
  }

  reserve(): void {}

  encode(slots: number): JsonValue {
    return Array.from({ length: slots }, (_, slot) => {
      const { times, numbers, head, tail, latest } = this.#queues[slot] ?? createQueue();
      const last = encodeNumbers(Float64Array.of(latest));
      return [
        last,
        encodeNumbers(times.slice(head, tail)),
        encodeNumbers(numbers.slice(head, tail)),
      ];
    });
  }

  decode(saved: JsonValue | undefined, slots: number): boolean {
    if (!Array.isArray(saved) || saved.length !== slots) return false;
    return (saved as readonly JsonValue[]).every((entry, slot) => {
      const texts = Array.isArray(entry) ? (entry as readonly JsonValue[]) : [];
      const [latest, times, numbers] = texts.map(decodeNumbers);
      if (latest?.length !== 1 || times === undefined || numbers === undefined) return false;
      if (numbers.length !== times.length || numbers.length > medianNumbersMax) return false;
      const sorted = Float64Array.from(numbers).sort();
      const at = { head: 0, tail: numbers.length, latest: latest[0]! };
      this.#queues[slot] = { times, numbers, sorted, ...at };
      return true;
    });
  }

  #dropOldest(): void {
    this.numbers.remove(this.#queue.numbers[this.#queue.head++]!);
  }
}

function createQueue(): Queue {
  const [times, numbers, sorted] = [new Float64Array(4), new Float64Array(4), new Float64Array(4)];
  return { times, numbers, sorted, head: 0, tail: 0, latest: -Infinity };
}

/** At the end of the arrays: what has gone makes room, or they grow. */
function makeRoom(queue: Queue): void {
  const { times, numbers, sorted, head, tail } = queue;
  const size = tail - head;
  const room = roomFor(queue);
  if (room > times.length) {
    queue.times = new Float64Array(room);
    queue.numbers = new Float64Array(room);
    queue.sorted = new Float64Array(room);
    queue.sorted.set(sorted.subarray(0, size));
  }
  queue.times.set(times.subarray(head, tail));
  queue.numbers.set(numbers.subarray(head, tail));
  queue.head = 0;
  queue.tail = size;
}
