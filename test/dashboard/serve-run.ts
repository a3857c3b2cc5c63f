import { onTestFinished } from 'vitest';

import type { Run } from '../../src/engine/index.ts';
import { serve, type ServeOptions, type Server } from '../../src/server/index.ts';
import { adminToken, readToken } from './plant.ts';

/** The server of a run at a free port. Both are gone after the test. */
export async function serveRun(run: Run, options: ServeOptions = {}): Promise<Server> {
  const tokens = { token: adminToken, readToken };
  const server = await serve(run, { port: 0, stallDescriptor: null, ...tokens, ...options });
  onTestFinished(async () => {
    await server.close();
    await run.stop({ delayMs: 0 }).catch(() => {});
  });
  return server;
}
