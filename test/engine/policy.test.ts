import { describe, expect, test } from 'vitest';

import { type Policy, systemClock } from '../../src/core/index.ts';
import { memoryCheckpoints } from '../../src/engine/index.ts';
import {
  bulkhead,
  circuitBreaker,
  hedge,
  rateLimit,
  resilient,
  retry,
  timeout,
  wrap,
} from '../../src/resilience/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

/** Tries again after a second, a few times, and notes what it saw. */
function retrying(outside: ReturnType<typeof virtualOutside>, seen: string[]): Policy {
  return {
    async execute(attempt, signal) {
      for (let tries = 1; ; tries++) {
        try {
          return await attempt(signal);
        } catch (error) {
          seen.push((error as Error).message);
          if (tries === 3) throw error;
          await outside.clock.sleep(1000, { signal });
        }
      }
    },
  };
}

/** Throws on its first calls. */
function failing(what: string, times: number): () => Promise<void> {
  let calls = 0;
  return () =>
    ++calls <= times ? Promise.reject(new Error(`${what} ${calls}`)) : Promise.resolve();
}

describe('a policy', () => {
  test('stands around open, read, write and commit', async () => {
    const outside = virtualOutside();
    const seen: string[] = [];
    const rows: Record<string, unknown>[] = [];
    const policy = retrying(outside, seen);
    const write = failing('write', 2);
    const commit = failing('commit', 1);
    const builder = testPipeline({ checkpoint: { everyMs: 3_600_000 } }, [], outside);
    builder
      .from(
        scriptedSource({
          schema: readings,
          batches: [numbered(3)],
          before: failing('read', 2),
        }),
        { policy },
      )
      .to(
        scriptedSink({
          rows,
          open: failing('open', 1),
          answer: () => write(),
          commit: () => commit(),
        }),
        { policy },
      );
    const report = await builder.run();
    expect(seen).toEqual(['open 1', 'read 1', 'read 2', 'write 1', 'write 2', 'commit 1']);
    expect(rows).toEqual(numbered(3));
    expect(report.durationMs).toBe(6000);
  });

  test('that gives up fails the run with the last error', async () => {
    const outside = virtualOutside();
    const seen: string[] = [];
    const source = scriptedSource({ schema: readings, batches: [], before: failing('read', 99) });
    const running = testPipeline({}, [], outside)
      .from(source, { policy: retrying(outside, seen) })
      .to(scriptedSink({}))
      .run();
    await expect(running).rejects.toThrow('read 3');
    expect(seen).toHaveLength(3);
  });

  describe('that resolves where no attempt has succeeded fails the run, and is named', () => {
    const lenient = {
      name: 'lenient',
      execute: <T>(attempt: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) =>
        attempt(signal).catch(() => undefined as T),
    };
    const source = (hooks: object) =>
      scriptedSource({ schema: readings, batches: [numbered(3)], ...hooks });

    test.each(['open', 'write', 'commit'] as const)('%s of a sink', async (what) => {
      const outside = virtualOutside();
      const fail = failing(what, 99);
      const hook = { open: { open: fail }, write: { answer: fail }, commit: { commit: fail } }[
        what
      ];
      const policies = [lenient, wrap(lenient, circuitBreaker({ clock: outside.clock }))];
      for (const policy of policies) {
        const run = await testPipeline({}, [], outside)
          .from(source({}))
          .to(scriptedSink(hook), { id: 'store', policy })
          .start();
        await expect(run.done).rejects.toMatchObject({
          code: 'ERR_CONNECTOR_PROTOCOL',
          place: 'store',
          fact: expect.stringMatching(
            new RegExp(`^its policy \`lenient.*\` let ${what} pass that no attempt has done`),
          ),
        });
        expect(run.stats().recordsOut).toBe(0);
      }
    });

    test.each(['open', 'read'] as const)('%s of a source', async (what) => {
      const fail = failing(what, 99);
      const hooks = what === 'open' ? { open: fail } : { before: fail };
      const running = testPipeline()
        .from(source(hooks), { id: 'in', policy: lenient })
        .to(scriptedSink({}))
        .run();
      await expect(running).rejects.toMatchObject({ code: 'ERR_CONNECTOR_PROTOCOL', place: 'in' });
    });

    test('acknowledge of a source', async () => {
      const running = testPipeline()
        .from(source({ acknowledge: failing('acknowledge', 99) }), { id: 'in', policy: lenient })
        .to(scriptedSink({}))
        .run({ store: memoryCheckpoints() });
      await expect(running).rejects.toMatchObject({ code: 'ERR_CONNECTOR_PROTOCOL', place: 'in' });
    });
  });

  test('without one, an error of a connector fails the run at once', async () => {
    const source = scriptedSource({ schema: readings, batches: [], before: failing('read', 1) });
    await expect(testPipeline().from(source).to(scriptedSink({})).run()).rejects.toThrow('read 1');
  });
});

describe('a watcher', () => {
  test('sees each batch that a sink is given, by the name of the sink', async () => {
    const seen: [string, number][] = [];
    const builder = testPipeline();
    const flow = builder.from(
      scriptedSource({ schema: readings, batches: [numbered(3), numbered(2)] }),
    );
    flow.to(scriptedSink({}), { id: 'left' });
    flow.to(scriptedSink({}), { id: 'right' });
    await builder.run({ watch: (sink, batch) => void seen.push([sink, batch.length]) });
    expect(seen.toSorted()).toEqual([
      ['left', 2],
      ['left', 3],
      ['right', 2],
      ['right', 3],
    ]);
  });
});

describe('a policy that tells time by another clock than a run in virtual time', () => {
  const planned = async (policy: Policy, outside = virtualOutside()): Promise<unknown> =>
    testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [] }), { id: 'in', policy })
      .to(scriptedSink({}))
      .plan();

  test.each<[string, Policy]>([
    ['svc', circuitBreaker({ name: 'svc' })],
    ['retry', retry()],
    ['slow', timeout({ name: 'slow', timeoutMs: 10 })],
    ['rate', rateLimit({ name: 'rate', callsMax: 1, perMs: 1 })],
    ['hedge', hedge({ afterMs: 1 })],
    ['other', circuitBreaker({ name: 'other', clock: virtualOutside().clock })],
    ['many', resilient({ name: 'many', breaker: {} })],
  ])('%s: is refused, and named', async (name, policy) => {
    await expect(planned(policy)).rejects.toMatchObject({
      problems: [
        {
          text: `the policy \`${name}\` of \`in\` tells time by another clock than the run, whose time is virtual; give it \`clock\`, and \`random\`, of the run's \`outside\``,
        },
      ],
    });
  });

  test('not where it is that of the run, tells no time, or is one of your own', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const own: Policy = { execute: (attempt, signal) => attempt(signal) };
    for (const policy of [
      resilient({ breaker: {}, retry: {}, clock }),
      bulkhead({ concurrentMax: 1 }),
      own,
    ]) {
      await planned(policy, outside);
    }
  });

  test('nor in a run in real time', async () => {
    const { clock: _, ...outside } = virtualOutside();
    await planned(retry(), { ...outside, clock: { ...systemClock } } as never);
  });
});
