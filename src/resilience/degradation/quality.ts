import type { Quality } from './strategy.ts';

/** The name of the strategy that gives substitutes of a quality. */
export const strategyOfQuality: Readonly<Record<Quality, string>> = {
  stale: 'last-known-good',
  interpolated: 'interpolated',
  constant: 'constant',
};
