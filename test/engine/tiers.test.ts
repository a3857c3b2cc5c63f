import { describe, expect, test } from 'vitest';

import { PipelineError } from '../../src/errors.ts';
import { retry } from '../../src/resilience/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { VirtualFiles } from '../../src/testing/virtual-files.ts';
import { numbered, readings, scriptedSink, scriptedSource, stageOf, testPipeline } from './ends.ts';
import { lines } from './resources/lines.ts';

const hang = (): Promise<never> => new Promise(() => {});
/** Says when it is closed. */
function countingCloses(seen: string[]): { closed?: number } {
  return {
    set closed(_: number) {
      seen.push('close');
    },
  };
}

const boom = new Error('boom');
const refuse = (): Promise<never> => Promise.reject(boom);

describe('the connectors of a run are tiers', () => {
  test('closed in reverse of their opening: optional sinks, sources, sinks, dead letters, the lock', async () => {
    const log = lines();
    const outside = { ...virtualOutside(), files: new VirtualFiles() };
    const builder = testPipeline({}, [], outside);
    const source = builder.from(scriptedSource({ schema: readings, batches: [numbered(3)] }), {
      id: 'in',
    });
    source.to(scriptedSink({}), { id: 'first' });
    source.to(scriptedSink({}), { id: 'second' });
    source.to(scriptedSink({}), {
      id: 'side',
      required: false,
      overflow: { spill: { bytesMax: 2 ** 20 } },
    });
    builder.deadLetters(scriptedSink({}), { id: 'dead' });
    const run = await builder.start({ log });
    await run.done;
    const order = ['state', 'dead', 'first', 'second', 'in', 'side'];
    expect(log.of('tier.opened').map(([, { tier }]) => tier)).toEqual(order);
    expect(log.of('tier.closed')).toEqual(
      order.toReversed().map((tier) => ['INFO', { tier }] as const),
    );
    expect(run.stats().resources.map(({ tier, state }) => [tier, state])).toEqual(
      order.map((tier) => [tier, 'closed']),
    );
  });

  test('after a failure each line of their closing names the component that failed', async () => {
    const log = lines();
    const builder = testPipeline()
      .from(scriptedSource({ schema: readings, batches: [numbered(3)] }), { id: 'in' })
      .to(scriptedSink({ answer: refuse, close: refuse }), { id: 'out' });
    await expect(builder.run({ log })).rejects.toMatchObject({
      place: 'out',
      fact: 'could not write: boom',
    });
    expect(log.of('tier.closed')).toEqual([['INFO', { tier: 'in', failedTier: 'out' }]]);
    expect(log.of('tier.close-failed')).toEqual([
      ['WARNING', { tier: 'out', failedTier: 'out', error: expect.any(Error) as Error }],
    ]);
  });

  test('a stage that throws is named itself, in a chain and whatever place its error says', async () => {
    const log = lines();
    const blaming = (): never => {
      throw new PipelineError({ code: 'ERR_STAGE_FAILED', place: 'out', fact: 'its fault' });
    };
    const builder = testPipeline()
      .from(scriptedSource({ schema: readings, batches: [numbered(3)] }), { id: 'in' })
      .through(
        stageOf(() => (batch) => batch),
        { id: 'first' },
      )
      .through(
        stageOf(() => blaming),
        { id: 'second' },
      )
      .to(scriptedSink({}), { id: 'out' });
    await expect(builder.run({ log })).rejects.toMatchObject({ fact: 'its fault' });
    const failed = log.of('tier.closed').map(([, { failedTier }]) => failedTier);
    expect(new Set(failed)).toEqual(new Set(['second']));
  });

  test('one that does not open in its time fails the run, by name, and is closed', async () => {
    const log = { closed: 0 };
    const outside = virtualOutside();
    const builder = testPipeline({ openMsMax: 2000 }, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(3)], open: hang, log }), {
        id: 'in',
      })
      .to(scriptedSink({}));
    await expect(builder.run()).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      place: 'in',
      fact: 'did not open within 2000 ms',
      remedy: 'raise `openMsMax`, or see why it takes so long',
    });
    expect(log.closed).toBe(1);
    expect(outside.clock.monotonic()).toBeLessThan(4000);
  });

  test.each(['source', 'sink', 'optional sink'])(
    'a %s that opens when it was given up is closed again',
    async (late) => {
      const outside = virtualOutside();
      const { clock } = outside;
      const seen: string[] = [];
      const log = lines();
      const slow = async (): Promise<void> => {
        await clock.sleep(60_000);
        seen.push('open');
      };
      const close = async (): Promise<void> => void seen.push('close');
      const source = scriptedSource({
        schema: readings,
        batches: [numbered(3)],
        ...(late === 'source' && { open: slow, log: countingCloses(seen) }),
      });
      const builder = testPipeline({ openMsMax: 2000 }, [], outside);
      const flow = builder.from(source, { id: 'in' });
      flow.to(scriptedSink(late === 'sink' ? { open: slow, close } : {}), { id: 'out' });
      if (late === 'optional sink') {
        const optional = { required: false, overflow: 'dropNewest' } as const;
        flow.to(scriptedSink({ open: slow, close }), { id: 'side', ...optional });
      }
      const run = await builder.start({ log });
      const failed = late !== 'optional sink';
      expect(
        await run.done.then(
          () => false,
          () => true,
        ),
      ).toBe(failed);
      expect(seen).toEqual(['close']);
      await clock.sleep(100_000);
      expect(seen).toEqual(['close', 'open', 'close']);
      const id = { source: 'in', sink: 'out' }[late] ?? 'side';
      const { tier, state } = run.stats().resources.find(({ tier }) => tier === id)!;
      expect([tier, state]).toEqual([id, 'closed']);
    },
  );

  test('one that waits under its policy has no such limit, and says why it waits', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const open = (): Promise<void> => (clock.monotonic() < 600_000 ? refuse() : Promise.resolve());
    const policy = retry({ maxAttempts: 1000, baseDelayMs: 1000, delayMsMax: 1000, clock });
    const run = await testPipeline({ openMsMax: 2000 }, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(3)] }), { id: 'in' })
      .to(scriptedSink({ open }), { id: 'out', policy })
      .start();
    await clock.sleep(10_000);
    expect(run.stats().resources).toMatchObject([
      { tier: 'out', state: 'waiting', reason: 'could not open: boom' },
      { tier: 'in', state: 'open', reason: null },
    ]);
    expect(await run.done).toMatchObject({ status: 'done', recordsOut: 3 });
  });

  test('one that does not close in its time fails the run, and keeps no other open', async () => {
    const log = { closed: 0 };
    const builder = testPipeline({ closeMsMax: 300 })
      .from(scriptedSource({ schema: readings, batches: [numbered(3)], log }), { id: 'in' })
      .to(scriptedSink({ close: hang }), { id: 'out' });
    await expect(builder.run()).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      place: 'out',
      fact: 'did not close within 300 ms',
    });
    expect(log.closed).toBe(1);
  });

  test('a stop while a source opens gives that up, and it is never open', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const open = (signal: AbortSignal): Promise<void> => clock.sleep(50_000, { signal });
    const log = lines();
    const run = await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(3)], open }), { id: 'in' })
      .to(scriptedSink({}), { id: 'out' })
      .start({ log });
    await clock.sleep(1000);
    expect(await run.stop()).toMatchObject({ status: 'stopped', recordsIn: 0 });
    expect(clock.monotonic()).toBe(1000);
    expect(log.of('tier.opened').map(([, { tier }]) => tier)).toEqual(['out']);
    expect(log.of('tier.failed')).toEqual([]);
  });
});
