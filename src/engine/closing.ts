import type { Clock } from '../core/index.ts';
import { withinLimit } from './limit.ts';

/** How long each component may take to close. */
const closeMsMax = 5000;

/** Something with an end, and its id. */
export interface Closable {
  readonly id: string;
  close(): Promise<void>;
}

/** Closes all, in order, whatever fails; gives what failed to `failed`. */
export async function closeAll(
  closables: readonly Closable[],
  clock: Clock,
  failed: (error: unknown) => void,
): Promise<void> {
  for (const closable of closables) {
    try {
      const { id } = closable;
      const limit = { id, what: 'close', limitMs: closeMsMax, clock };
      await withinLimit(() => closable.close(), limit);
    } catch (error) {
      failed(error);
    }
  }
}
