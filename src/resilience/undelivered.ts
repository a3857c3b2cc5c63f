const reasons = new WeakMap<object, string>();

/** Notes that a fallback had nothing to deliver for this error, and why. */
export function markUndelivered(error: unknown, reason: string): void {
  if (typeof error === 'object' && error !== null) reasons.set(error, reason);
}

/** Why a fallback had nothing to deliver for an error; undefined where none was asked. */
export function dropReasonOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null ? reasons.get(error) : undefined;
}
