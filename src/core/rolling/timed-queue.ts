/** When the numbers of one key count, `head … tail` in the order they came. */
export interface TimedQueue {
  times: Float64Array;
  head: number;
  tail: number;
  /** The latest time of its rows, also of those without a number. */
  latest: number;
}

/** Turns a queue to the time of a row; false where a number of that time is too old to count. */
export function advance(queue: TimedQueue, time: number, windowMs: number): boolean {
  if (!(time > queue.latest - windowMs)) return false;
  queue.latest = Math.max(time, queue.latest);
  return true;
}

/** Whether the oldest number is too old by now. */
export function isOldestOver({ times, head, tail, latest }: TimedQueue, windowMs: number): boolean {
  return head < tail && times[head]! <= latest - windowMs;
}

/** How long the arrays are to be where `tail` is at their end: as they are, where half has gone. */
export function roomFor({ times, head }: TimedQueue): number {
  const isHalfGone = head > 0 && head >= times.length / 2;
  return isHalfGone ? times.length : Math.max(4, 2 * times.length);
}
