import type { Clock } from '../core/index.ts';
import { PipelineError } from '../errors.ts';

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
      await withinLimit(closable, clock);
    } catch (error) {
      failed(error);
    }
  }
}

async function withinLimit(closable: Closable, clock: Clock): Promise<void> {
  const closed = new AbortController();
  const limit = clock.sleep(closeMsMax, { signal: closed.signal }).then(
    () => {
      throw new PipelineError({
        code: 'ERR_TIMEOUT',
        place: closable.id,
        fact: `did not close within ${closeMsMax} ms`,
      });
    },
    () => {},
  );
  try {
    await Promise.race([closable.close(), limit]);
  } finally {
    closed.abort();
  }
}
