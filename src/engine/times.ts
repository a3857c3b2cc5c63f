import type { Meter } from '../observe/meter.ts';

/**
 * What a component may do with its time: wait for room downstream, for the outside, or for input, or be at
 * work. Where several go on at once, as in a stage that reads ahead, the time is that of the first of them.
 */
export type TimeKind = 'blockedMs' | 'waitingMs' | 'idleMs' | 'busyMs';

/** Takes the time of one component to its meter, each moment once. Times are monotonic milliseconds. */
export class Times {
  /** At work here; the meter may have work of other threads too. */
  workedMs = 0;
  readonly #meter: Meter;
  /** How many of each go on. */
  readonly #going: Record<TimeKind, number> = { blockedMs: 0, waitingMs: 0, idleMs: 0, busyMs: 0 };
  /** What the time goes to, and since when that is not in the meter. */
  #kind: TimeKind | undefined;
  #sinceMs = -Infinity;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  begin(kind: TimeKind, nowMs: number): void {
    add(this.#going, kind, 1);
    this.#take(nowMs);
  }

  end(kind: TimeKind, nowMs: number): void {
    add(this.#going, kind, -1);
    this.#take(nowMs);
  }

  /** All of them by then, with what is under way. */
  at(nowMs: number): Record<TimeKind, number> {
    const { blockedMs, waitingMs, idleMs, busyMs } = this.#meter;
    const times = { blockedMs, waitingMs, idleMs, busyMs };
    if (this.#kind !== undefined) times[this.#kind] += Math.max(0, nowMs - this.#sinceMs);
    return times;
  }

  #take(nowMs: number): void {
    if (nowMs > this.#sinceMs) {
      const ms = nowMs - this.#sinceMs;
      if (this.#kind !== undefined) add(this.#meter, this.#kind, ms);
      if (this.#kind === 'busyMs') this.workedMs += ms;
      this.#sinceMs = nowMs;
    }
    this.#kind = firstOf(this.#going);
  }
}

// By name and not by a variable, which takes three times as long: it is done for each batch.
function add(times: Record<TimeKind, number>, kind: TimeKind, by: number): void {
  if (kind === 'busyMs') times.busyMs += by;
  else if (kind === 'idleMs') times.idleMs += by;
  else if (kind === 'blockedMs') times.blockedMs += by;
  else times.waitingMs += by;
}

function firstOf({ blockedMs, waitingMs, idleMs, busyMs }: Record<TimeKind, number>) {
  if (blockedMs > 0) return 'blockedMs';
  if (waitingMs > 0) return 'waitingMs';
  if (idleMs > 0) return 'idleMs';
  return busyMs > 0 ? 'busyMs' : undefined;
}
