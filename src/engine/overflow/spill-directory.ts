import { join } from 'node:path';

import { stateDirectory } from '../../core/state-directory.ts';

/** Where a sink's batches go that memory has no room for. */
export function spillDirectory(pipeline: string, sink: string): string {
  const name = sink.replaceAll(/[^A-Za-z0-9_-]/g, (sign) => encodeURIComponent(sign));
  return join(stateDirectory(process.env, pipeline), 'spill', name);
}
