import { join } from 'node:path';

import { stateDirectory } from '../../core/state-directory.ts';

/** Where the dead letters of a pipeline go that names no sink for them. */
export function deadLetterPath(pipeline: string): string {
  return join(stateDirectory(process.env, pipeline), 'dead-letters.ndjson');
}
