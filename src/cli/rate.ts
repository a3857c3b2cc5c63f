import type { RunStats } from '../observe/snapshot.ts';

/** Records that all sources gave in a second, over the last ten. */
export function recordsPerSecond({ components }: RunStats): number {
  return components
    .filter(({ kind }) => kind === 'source')
    .reduce((sum, { perSecond }) => sum + perSecond, 0);
}
