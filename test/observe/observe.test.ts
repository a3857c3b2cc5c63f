import { describe, expect, expectTypeOf, test } from 'vitest';

import { Batch, schema } from '../../src/batch/index.ts';
import { Cut, type Flow, type Stage, VirtualClock } from '../../src/core/index.ts';
import { MetricsRegistry, metricsRegistry, observe } from '../../src/observe/index.ts';
import type { StageMetricsReport } from '../../src/observe/metrics-registry.ts';

const clock = new VirtualClock();
const readings = schema({ value: 'float64' });

function batchOf(...values: number[]): Batch {
  return Batch.from(
    values.map((value) => ({ value })),
    readings,
  ) as unknown as Batch;
}

function only(registry: MetricsRegistry): StageMetricsReport {
  const { stages } = registry.report();
  expect(stages.length).toBe(1);
  return stages[0]!;
}

describe('functions', () => {
  test('a synchronous one stays so, with its `this`, its name and its errors', () => {
    const registry = new MetricsRegistry({ clock });
    const scale = observe(
      function scale(this: { factor: number }, value: number): number {
        if (value < 0) throw new RangeError('negative');
        return value * this.factor;
      },
      { registry },
    );
    expectTypeOf(scale).toEqualTypeOf<(this: { factor: number }, value: number) => number>();
    expect(registry.report().stages).toEqual([]);
    expect([scale.name, scale.length, scale.call({ factor: 3 }, 2)]).toEqual(['scale', 1, 6]);
    expect(() => scale.call({ factor: 3 }, -1)).toThrow(RangeError);
    expect(only(registry)).toMatchObject({ name: 'scale', in: 2, out: 1, errors: 1, ratio: 0.5 });
    expect(only(registry)).toMatchObject({ count: 2 });
  });

  test('an asynchronous one is timed until its promise settles', async () => {
    const registry = new MetricsRegistry({ clock });
    const fetchReading = observe(
      async (delayMs: number) => {
        await clock.sleep(delayMs);
        if (delayMs > 100) throw new Error('late');
        return delayMs;
      },
      { name: 'fetch', registry },
    );
    expect(fetchReading.constructor.name).toBe('AsyncFunction');
    expect(await fetchReading(50)).toBe(50);
    await expect(fetchReading(150)).rejects.toThrow('late');
    expect(only(registry)).toMatchObject({ in: 2, out: 1, errors: 1, meanMs: 100, maxMs: 150 });
    expect(only(registry).throughput).toBe(5);
  });

  test('time counts once where calls overlap', async () => {
    const registry = new MetricsRegistry({ clock });
    const call = observe(() => clock.sleep(100), { name: 'call', registry });
    await Promise.all([call(), call(), call(), call()]);
    expect(only(registry)).toMatchObject({ out: 4, meanMs: 100, throughput: 40 });
  });

  test.each<[what: string, ...calls: (readonly [startMs: number, endMs: number])[]]>([
    ['one inside another', [0, 400], [200, 220]],
    ['several inside one, with time between', [0, 400], [50, 100], [300, 390]],
    ['one that begins inside another', [0, 100], [50, 400]],
    ['none at a time', [0, 100], [200, 500]],
  ])('time that is covered counts once: %s', async (_, ...calls) => {
    const registry = new MetricsRegistry({ clock });
    const call = observe((ms: number) => clock.sleep(ms), { name: 'call', registry });
    const made = calls.map(async ([startMs, endMs]) => {
      await clock.sleep(startMs);
      await call(endMs - startMs);
    });
    await Promise.all(made);
    expect(only(registry).busyMs).toBe(400);
  });

  test('a function of batches counts their rows', () => {
    const registry = new MetricsRegistry({ clock });
    const split = observe(
      (batch: Batch) => ({ high: batchOf(...Array(batch.length - 1).keys()), low: batchOf(1) }),
      { name: 'split', registry },
    );
    split(batchOf(1, 2, 3, 4));
    expect(only(registry)).toMatchObject({ in: 4, out: 4, count: 1 });
  });

  test('what has no name, or is nothing, is refused; the default is the registry of the process', () => {
    expect(() => observe(() => 1)).toThrow('ERR_CONFIG_INVALID [observe]');
    expect(() => observe({} as never, { name: 'x' })).toThrow('neither a function nor a stage');
    observe(() => 1, { name: 'of-the-process' })();
    expect(metricsRegistry.report().stages.map(({ name }) => name)).toContain('of-the-process');
  });
});

describe('what is refused, where it is written', () => {
  test.each<[what: string, subject: unknown]>([
    ['a class', class Odd {}],
    ['a class of the platform', Map],
    ['a number', 5],
    ['null', null],
  ])('%s', (_, subject) => {
    expect(() => observe(subject as never, { name: 'x' })).toThrow(
      'neither a function nor a stage',
    );
  });

  test.each<[option: string, given: object]>([
    ['registry', { registry: {} }],
    ['registry', { registry: null }],
    ['regsitry', { regsitry: new MetricsRegistry() }],
    ['counts', { counts: 1 }],
    ['times', { times: 'no' }],
  ])('the option `%s` of %j', (option, given) => {
    expect(() => observe(() => 1, { name: 'x', ...given })).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG_INVALID',
        message: expect.stringContaining(option),
      }),
    );
  });

  test('a function that is made with `new` stays one', () => {
    const registry = new MetricsRegistry({ clock });
    function Point(this: { x: number }, x: number): void {
      this.x = x;
    }
    const Observed = observe(Point, { registry }) as unknown as new (x: number) => { x: number };
    expect(new Observed(3).x).toBe(3);
    expect(only(registry)).toMatchObject({ in: 1 });
  });
});

describe('generators', () => {
  test('count what they take and yield, and register when they end', () => {
    const registry = new MetricsRegistry({ clock });
    const evens = observe(
      function* evens(values: readonly number[]): Generator<number, string, void> {
        for (const value of values) if (value % 2 === 0) yield value;
        return `of ${values.length}`;
      },
      { registry },
    );
    const run = evens([1, 2, 3, 4]);
    expect(run.next()).toEqual({ done: false, value: 2 });
    expect(registry.report().stages).toEqual([]);
    expect([run.next().value, run.next()]).toEqual([4, { done: true, value: 'of 4' }]);
    expect(only(registry)).toMatchObject({ in: 4, out: 2, ratio: 0.5, count: 2, errors: 0 });
    expect(run.next()).toEqual({ done: true, value: undefined });
    const more = evens([2, 4]).map((value) => value + 1);
    expect([...more]).toEqual([3, 5]);
    expect(only(registry)).toMatchObject({ in: 6, out: 4 });
    expect(evens.constructor.name).toBe('GeneratorFunction');
    expect(evens([])).toBeInstanceOf(evens);
  });

  test('register when the consumer leaves, and when they throw', () => {
    const registry = new MetricsRegistry({ clock });
    let isClosed = false;
    const parse = observe(
      function* parse(texts: Iterable<string>): Generator<number> {
        try {
          for (const text of texts) yield JSON.parse(text) as number;
        } finally {
          isClosed = true;
        }
      },
      { registry },
    );
    for (const value of parse(['1', '2', '3'])) if (value === 2) break;
    expect(isClosed).toBe(true);
    expect(only(registry)).toMatchObject({ in: 2, out: 2, errors: 0 });
    expect(() => [...parse(['1', '{'])]).toThrow(SyntaxError);
    expect(only(registry)).toMatchObject({ in: 4, out: 3, errors: 1 });
    // Left before its first step it took nothing.
    parse(['1']).return(0);
    expect(only(registry)).toMatchObject({ in: 4, out: 3 });
  });

  test('a source takes nothing: its ratio is null', () => {
    const registry = new MetricsRegistry({ clock });
    const ticks = observe(
      function* ticks(count: number): Generator<number> {
        for (let at = 0; at < count; at++) yield at;
      },
      { registry },
    );
    expect([...ticks(3)]).toEqual([0, 1, 2]);
    expect(only(registry)).toMatchObject({ in: 0, out: 3, ratio: null });
  });

  test('are talked to as before, and their input is what it was', () => {
    const registry = new MetricsRegistry({ clock });
    const echo = observe(
      function* echo(seen: Set<number>): Generator<number | string, void, string> {
        let sent = yield seen.size;
        while (true) {
          try {
            sent = yield `${sent} ${[...seen].join()}`;
          } catch (error) {
            sent = String(error);
          }
        }
      },
      { registry },
    );
    const run = echo(new Set([7, 8]));
    const said = [run.next(), run.next('a'), run.throw('b'), run.return()];
    expect(said.map(({ value }) => value)).toEqual([2, 'a 7,8', 'b 7,8', undefined]);
    expect(only(registry)).toMatchObject({ in: 4, out: 3 });
  });

  test('time between yields is without that of the input and of the consumer', async () => {
    const registry = new MetricsRegistry({ clock });
    async function* slowly(): AsyncGenerator<number> {
      for (let at = 0; at < 4; at++) {
        await clock.sleep(1000);
        yield at;
      }
    }
    const work = observe(
      async function* work(values: AsyncIterable<number>): AsyncGenerator<number> {
        for await (const value of values) {
          await clock.sleep(10);
          yield value;
        }
      },
      { registry },
    );
    for await (const _ of work(slowly())) await clock.sleep(500);
    expect(only(registry)).toMatchObject({ in: 4, out: 4, count: 4, maxMs: 10 });
    // Four outputs in 4 × (1000 + 10 + 500) ms.
    expect(only(registry).throughput).toBeCloseTo(4 / 6.04, 6);
  });

  test('asked for several at once, each of an asynchronous one is timed from the one before', async () => {
    const registry = new MetricsRegistry({ clock });
    const pace = observe(
      async function* pace(): AsyncGenerator<number> {
        for (let at = 0; at < 3; at++) {
          await clock.sleep(20);
          yield at;
        }
      },
      { registry },
    );
    const run = pace();
    await Promise.all([run.next(), run.next(), run.next(), run.next()]);
    expect(only(registry)).toMatchObject({ out: 3, count: 3, maxMs: 20, meanMs: 20 });
  });
});

describe('stages of the engine', () => {
  class Pairs implements Stage {
    #held = 0;
    readonly label = 'pairs';

    async *transform(stream: AsyncIterable<Flow>): AsyncIterable<Flow> {
      for await (const flow of stream) {
        this.#held += flow instanceof Cut ? 0 : flow.length;
        yield flow;
      }
    }

    held(): number {
      return this.#held;
    }
  }

  test('the general form: rows in and out, and everything else its own', async () => {
    const registry = new MetricsRegistry({ clock });
    const stage = observe(new Pairs(), { registry });
    expectTypeOf(stage).toEqualTypeOf<Pairs>();
    async function* flows(): AsyncGenerator<Flow> {
      yield batchOf(1, 2, 3);
      yield new Cut(1);
      yield batchOf(4);
    }
    for await (const _ of stage.transform(flows())) continue;
    expect(only(registry)).toMatchObject({ name: 'Pairs', in: 4, out: 4, count: 2 });
    expect([stage.held(), stage.label, stage instanceof Pairs]).toEqual([4, 'pairs', true]);
  });

  test('one that is observed twice under one name is counted once; what was left out is added', () => {
    const registry = new MetricsRegistry({ clock });
    class Keep {
      process(batch: Batch): Batch {
        return batch;
      }
    }
    const keep = { name: 'keep', registry };
    const counted = observe(observe(new Keep(), { ...keep, times: false }), keep);
    counted.process(batchOf(1));
    expect(only(registry)).toMatchObject({ in: 1, out: 1, count: 1 });
    observe(counted, { name: 'other', registry }).process(batchOf(1));
    expect(registry.report().stages.map((stage) => [stage.name, stage.in])).toEqual([
      ['keep', 2],
      ['other', 1],
    ]);
  });

  test('one with state, frozen too', () => {
    const registry = new MetricsRegistry({ clock });
    const stage = Object.freeze({
      process: (batch: Batch) => batch,
      snapshot: () => 5,
      restore: () => {},
    });
    const observed = observe(stage, { name: 'keep', registry });
    observed.process(batchOf(1, 2));
    expect(observed.snapshot()).toBe(5);
    expect(only(registry)).toMatchObject({ name: 'keep', in: 2, out: 2 });
    expect(() => observe(stage)).toThrow('has no name');
  });
});
