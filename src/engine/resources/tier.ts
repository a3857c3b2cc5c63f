import { PipelineError } from '../../errors.ts';

/** One resource of a run: how it is opened, closed and looked at. */
export interface Tier<T> {
  /**
   * Gives the resource. `opened`: those of the tiers before, by name; say what you need of them as the
   * type of the parameter. What comes after `openMsMax` or an abort is closed at once.
   */
  open(signal: AbortSignal, opened: object): T | Promise<T>;
  /** Called once for what `open` gave. */
  close(resource: T): void | Promise<void>;
  /** Says what is wrong with the resource, or throws that; nothing where all is well. */
  check?(resource: T): string | void | Promise<string | void>;
  /** Milliseconds that opening may take; 30,000 unless given. */
  readonly openMsMax?: number;
  /** Milliseconds that closing may take; 5,000 unless given. */
  readonly closeMsMax?: number;
}

/** A tier for each resource, by its name, in the order in which they are opened. */
export type TiersOf<R> = { readonly [Name in keyof R]: Tier<R[Name]> };

/** How long a tier may take to open, and to close, unless it says so itself. */
export const tierDefaults = { openMsMax: 30_000, closeMsMax: 5000 } as const;

/** Throws `ERR_TIER_INVALID` with all that is wrong with tiers as they are described. */
export function checkTiers(pipelineId: string, tiers: object): void {
  const wrong = Object.entries(tiers).flatMap(([name, tier]) =>
    problemsOf(name, tier).map((problem) => `\`${name}\` ${problem}`),
  );
  if (wrong.length === 0) return;
  throw new PipelineError({
    code: 'ERR_TIER_INVALID',
    place: pipelineId,
    fact: wrong.join('; '),
    remedy: 'give each tier as `{ open, close }`, by a name that is no number',
  });
}

function problemsOf(name: string, tier: unknown): string[] {
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
  // Such names come first in every object, whatever was written first.
  if (/^\d+$/.test(name)) problems.push('is a number: it would not stay in its place');
  return problems;
}
