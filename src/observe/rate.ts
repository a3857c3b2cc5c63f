/** How much that is per second, of what came in so many milliseconds; null where no time has passed. */
export function ratePerSecond(count: number, ms: number): number | null {
  return ms > 0 ? (count * 1000) / ms : null;
}
