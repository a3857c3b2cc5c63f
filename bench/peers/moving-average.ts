/** The mean of the last `window` numbers given: a ring and a running sum, as fast as it gets. */
export function createMovingAverage(window: number): (value: number) => number {
  const ring = new Float64Array(window);
  let next = 0;
  let count = 0;
  let sum = 0;
  return (value) => {
    sum += value - ring[next]!;
    ring[next] = value;
    next = next + 1 === window ? 0 : next + 1;
    if (count < window) count++;
    return sum / count;
  };
}
