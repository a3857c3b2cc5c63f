import type { Lag } from '../core/index.ts';
import { brokenPromise } from './protocol.ts';

/** A copy of what a source gave as its lag. Throws where that is none. */
export function readLag(id: string, given: unknown): Lag | undefined {
  if (given === undefined || given === null) return undefined;
  const { value, unit } = given as Partial<Lag>;
  if (isNumber(value) && (unit === 'records' || unit === 'bytes')) return { value, unit };
  const remedy = 'give `{ value, unit }`: a number, and `records` or `bytes`; or null';
  throw brokenPromise(id, 'gave a lag that is none', remedy);
}

/** The rows that a stage says it holds. Throws where that is no number. */
export function readHeld(id: string, given: unknown): number | null {
  if (given === undefined) return 0;
  if (given === null || isNumber(given)) return given;
  throw brokenPromise(id, 'held what is no number of rows', 'give a number, or null');
}

export function isNumber(given: unknown): given is number {
  return Number.isFinite(given);
}
