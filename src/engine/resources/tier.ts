/** One resource of a run: how it is opened, closed and looked at. `Opened`: what there is before it. */
export interface Tier<T, Opened extends object = object> {
  /**
   * Gives the resource. `opened`: those of the tiers before, by name. What comes after `openMsMax` or
   * an abort is closed at once.
   */
  readonly open: (signal: AbortSignal, opened: Readonly<Opened>) => T | Promise<T>;
  /** Called once for what `open` gave. */
  readonly close: (resource: T) => void | Promise<void>;
  /** Says what is wrong with the resource, or throws that; nothing where all is well. */
  readonly check?: (resource: T) => string | void | Promise<string | void>;
  /** Milliseconds that opening may take; 30,000 unless given. */
  readonly openMsMax?: number;
  /** Milliseconds that closing may take; 5,000 unless given. */
  readonly closeMsMax?: number;
}

/** How long a tier may take to open, and to close, unless it says so itself. */
export const tierDefaults = { openMsMax: 30_000, closeMsMax: 5000 } as const;

/** All that is wrong with a tier as it is described. */
export function tierProblems(tier: unknown): string[] {
  const given = Object(tier) as Readonly<Record<string, unknown>>;
  const problems = ['open', 'close']
    .filter((method) => typeof given[method] !== 'function')
    .map((method) => `has no \`${method}\``);
  if (!['undefined', 'function'].includes(typeof given['check'])) {
    problems.push('has a `check` that is no function');
  }
  for (const limit of ['openMsMax', 'closeMsMax']) {
    const ms = given[limit];
    if (ms === undefined || (typeof ms === 'number' && ms > 0)) continue;
    problems.push(`has a \`${limit}\` that is no number above 0`);
  }
  return problems;
}
