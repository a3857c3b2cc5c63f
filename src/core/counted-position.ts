import { PipelineError } from '../errors.ts';
import type { Position } from './cut.ts';

/**
 * A saved position of a source that counts what it gives, 0 where there is none. `what` it counts is
 * for the message of `ERR_SNAPSHOT_INVALID`, thrown where the position is another's.
 */
export function countedPosition(from: Position | undefined, id: string, what: string): number {
  if (from === undefined) return 0;
  if (Number.isSafeInteger(from) && (from as number) >= 0) return from as number;
  throw new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: id,
    fact: `the saved position is not a number of ${what}`,
    remedy: 'start without it',
  });
}
