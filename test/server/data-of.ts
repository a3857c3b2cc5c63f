import { onTestFinished } from 'vitest';

import type { Run } from '../../src/engine/index.ts';
import { observationRoutes } from '../../src/server/index.ts';

interface Asked {
  readonly status: number;
  readonly body: unknown;
}

/** Asks `/api/v1/data` as `read`, unless another role is given. */
export type Ask = (query: string, role?: 'read' | 'admin') => Promise<Asked>;

/** The data of a run as each role is given it, at its end; watched from the first record on. */
export async function dataOf(run: Run): Promise<Ask> {
  const routes = observationRoutes(run, {
    authorize: ({ headers }) => headers.get('x-role') as 'read',
  });
  onTestFinished(() => routes[Symbol.dispose]());
  await run.done;
  return async (query, role = 'read') => {
    const headers = { 'x-role': role };
    const answer = await routes(new Request(`http://host/api/v1/data${query}`, { headers }));
    return { status: answer.status, body: await answer.json() };
  };
}

export function noAnswer(code: string, message: unknown): unknown {
  return { error: { code, message } };
}
