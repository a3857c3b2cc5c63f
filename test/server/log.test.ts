import { Writable } from 'node:stream';

import { expect, onTestFinished, test, vi } from 'vitest';

import { BufferedStructuredLogger } from '../../src/observe/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import { serve } from '../../src/server/index.ts';
import { numbered, readings, scriptedSink, scriptedSource } from '../engine/ends.ts';
import { admin, patience } from './served.ts';

test('a run that is served waits for a log that takes no more, and goes on when it does', async () => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  let lines = 0;
  const stream = new Writable({
    write: (chunk: Buffer, _, taken) => {
      lines += chunk.toString().split('\n').length - 1;
      void opened.then(() => taken());
    },
  });
  const log = new BufferedStructuredLogger({ stream });
  const message = 'x'.repeat(500);
  const rows = Array.from({ length: 100 }, (_, row) => ({ row, reason: 'odd', message }));
  const run = await pipeline('waiting', { onRowError: 'drop' })
    .from(
      scriptedSource({
        schema: readings,
        batches: Array.from({ length: 100 }, () => numbered(100)),
      }),
    )
    .to(scriptedSink({ answer: () => ({ failed: rows }) }))
    .start({ log });
  await using server = await serve(run, { port: 0, token: admin, stallDescriptor: null, log });
  onTestFinished(open);
  await vi.waitFor(() => expect(log.blocked).toBeDefined(), patience);
  const headers = { authorization: `Bearer ${admin}` };
  // The server answers meanwhile, and has the lines that nobody else takes.
  const answer = await fetch(`${server.url}/api/v1/log?lines=1000`, { headers });
  expect(JSON.stringify(await answer.json())).toContain('record.failed');
  const read = run.stats().recordsIn;
  expect(read).toBeLessThan(5000);
  open();
  const { recordsIn } = await run.done;
  await log.flush();
  expect(recordsIn).toBe(10_000);
  expect(lines).toBeGreaterThan(10_000);
  expect(log.droppedLines).toBe(0);
});
