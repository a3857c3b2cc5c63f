/** Milliseconds, with a fraction: a float64 has no room for the nanoseconds of today. */
export function ofNanoseconds(nanoseconds: bigint): number {
  const milliseconds = nanoseconds / 1_000_000n;
  return Number(milliseconds) + Number(nanoseconds - milliseconds * 1_000_000n) / 1e6;
}
