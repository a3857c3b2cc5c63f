import type { Hash } from 'node:crypto';

/** SHA-256. Loaded when first used: it takes longer to load than a third of all else. */
export function createSha256(): Hash {
  return process.getBuiltinModule('node:crypto').createHash('sha256');
}
