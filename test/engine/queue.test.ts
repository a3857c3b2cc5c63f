import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Batch } from '../../src/batch/index.ts';
import { Cut, type Flow, isCut, VirtualClock } from '../../src/core/index.ts';
import { Queue } from '../../src/engine/queue.ts';
import { Meter } from '../../src/observe/meter.ts';
import { numbered, readings } from './ends.ts';

const batchOf = (rows: number) => Batch.from(numbered(rows), readings);
const reader = (clock = new VirtualClock()) => ({
  meter: new Meter(),
  get loopMs() {
    return clock.monotonic();
  },
  offeredRows: undefined,
});
const wide = { rowsMax: 1e9, bytesMax: 1e9 };

describe('a queue', () => {
  test('takes one batch however large, and no second', async () => {
    const queue = new Queue({ rowsMax: 5, bytesMax: 1e9 }, reader());
    expect(queue.push(batchOf(100))).toBeUndefined();
    const second = queue.push(batchOf(1));
    expect(second).toBeInstanceOf(Promise);
    expect(queue.depth).toBe(1);
    await queue.pop();
    await second;
    expect(queue.depth).toBe(1);
  });

  test('is bounded in bytes as well', () => {
    const queue = new Queue({ rowsMax: 1e9, bytesMax: batchOf(10).bytes * 2 }, reader());
    expect(queue.push(batchOf(10))).toBeUndefined();
    expect(queue.push(batchOf(10))).toBeUndefined();
    expect(queue.push(batchOf(1))).toBeInstanceOf(Promise);
  });

  test('measures how long each batch waited in it, and no cut', async () => {
    const clock = new VirtualClock();
    const observed = reader(clock);
    const queue = new Queue(wide, observed);
    void queue.push(batchOf(1));
    await clock.sleep(2000);
    void queue.push(new Cut(1));
    void queue.push(batchOf(1));
    await clock.sleep(1000);
    for (let flow = 0; flow < 3; flow++) void queue.pop();
    const { count, sum, max } = observed.meter.wait;
    expect({ count, sum, max }).toEqual({ count: 2, sum: 4, max: 3 });
  });

  test('lets a cut in although it is full', () => {
    const queue = new Queue({ rowsMax: 1, bytesMax: 1e9 }, reader());
    void queue.push(batchOf(1));
    expect(queue.push(new Cut(1))).toBeUndefined();
  });

  test('gives what is in it after it was closed, then the end', async () => {
    const queue = new Queue(wide, reader());
    void queue.push(batchOf(1));
    queue.close();
    expect(isCut((await queue.pop()) as Flow)).toBe(false);
    expect(await queue.pop()).toBeUndefined();
  });

  test('releases what is in it when it is discarded, and what comes later', async () => {
    const queue = new Queue({ rowsMax: 1, bytesMax: 1e9 }, reader());
    const batches = [batchOf(1), batchOf(1), batchOf(1)];
    void queue.push(batches[0]!);
    const blocked = queue.push(batches[1]!);
    queue.discard();
    await blocked;
    await queue.push(batches[2]!);
    expect(batches.map((batch) => batch.holders)).toEqual([0, 0, 0]);
    expect(await queue.pop()).toBeUndefined();
  });

  test('keeps order and limits whatever the turns of its two ends', async () => {
    const turns = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant('pop' as const)));
    await fc.assert(
      fc.asyncProperty(turns, async (steps) => {
        const queue = new Queue({ rowsMax: 20, bytesMax: 1e9 }, reader());
        const pushed: Flow[] = [];
        const popped: (Flow | undefined)[] = [];
        const producer = (async () => {
          for (const step of steps) {
            if (step === 'pop') continue;
            const batch = batchOf(step);
            pushed.push(batch);
            await queue.push(batch);
            expect(queue.rows).toBeLessThanOrEqual(20);
          }
          queue.close();
        })();
        const consumer = (async () => {
          for (;;) {
            const flow = await queue.pop();
            if (flow === undefined) return;
            popped.push(flow);
          }
        })();
        await Promise.all([producer, consumer]);
        expect(popped).toEqual(pushed);
      }),
      { numRuns: 200 },
    );
  });
});
