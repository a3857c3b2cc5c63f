import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { countedStage, measuredStage, retry, timedStage } from '../../src/decorators/index.ts';
import { MetricsRegistry } from '../../src/observe/index.ts';

const clock = new VirtualClock();
const registry = new MetricsRegistry({ clock });

class Stages {
  static readonly #scale = 2;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  @countedStage('counted', { registry })
  *counted(values: Iterable<number>): Generator<number> {
    for (const value of values) if (value < this.#limit) yield value * Stages.#scale;
  }

  @timedStage('timed', { registry })
  async *timed(values: Iterable<number>): AsyncGenerator<number> {
    for (const value of values) {
      await clock.sleep(value);
      yield value;
    }
  }

  @measuredStage('measured', { registry })
  *measured(values: Iterable<number>): Generator<number> {
    yield* values;
  }

  @countedStage('one', { registry })
  @timedStage('one', { registry })
  async *countedFirst(values: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const value of values) {
      await clock.sleep(5);
      yield value;
    }
  }

  @timedStage('other', { registry })
  @countedStage('other', { registry })
  @measuredStage('other', { registry })
  async *timedFirst(values: Iterable<number>): AsyncGenerator<number> {
    for (const value of values) {
      await clock.sleep(7);
      yield value;
    }
  }
}

function entry(name: string) {
  return registry.report().stages.filter((stage) => stage.name === name);
}

async function drain(values: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of values) continue;
}

describe('before a generator method', () => {
  const stages = new Stages(3);

  test('countedStage counts and does not time', () => {
    expect([...stages.counted([1, 2, 3])]).toEqual([2, 4]);
    expect(entry('counted')).toMatchObject([{ in: 3, out: 2, ratio: 2 / 3, p50Ms: null }]);
  });

  test('timedStage times and does not count', async () => {
    await drain(stages.timed([10, 20, 30]));
    expect(entry('timed')).toMatchObject([{ in: null, out: null, count: 3, meanMs: 20 }]);
  });

  test('measuredStage does both', () => {
    expect([...stages.measured([1, 2])]).toEqual([1, 2]);
    expect(entry('measured')).toMatchObject([{ in: 2, out: 2, count: 2, meanMs: 0 }]);
  });

  test('stacked in any order they make one entry, in which nothing counts twice', async () => {
    await drain(stages.countedFirst(stages.timedFirst([1, 2, 3])));
    expect(entry('one')).toMatchObject([{ in: 3, out: 3, count: 3, meanMs: 5, maxMs: 5 }]);
    expect(entry('other')).toMatchObject([{ in: 3, out: 3, count: 3, meanMs: 7, maxMs: 7 }]);
  });

  test('the entry is there when it ends by return and by throw, too', async () => {
    class Ends {
      @measuredStage('ends', { registry })
      async *run(values: Iterable<number>): AsyncGenerator<number> {
        for (const value of values) {
          if (value < 0) throw new Error('negative');
          yield value;
        }
      }
    }
    const run = new Ends().run([1, 2, 3]);
    await run.next();
    expect(entry('ends')).toEqual([]);
    await run.return(undefined);
    expect(entry('ends')).toMatchObject([{ in: 1, out: 1, errors: 0 }]);
    await expect(drain(new Ends().run([1, -1]))).rejects.toThrow('negative');
    expect(entry('ends')).toMatchObject([{ in: 3, out: 2, errors: 1 }]);
    await new Ends().run([]).return(undefined);
    expect(entry('ends')).toMatchObject([{ in: 3, out: 2 }]);
  });
});

describe('elsewhere each is refused', () => {
  test('before a method that is no generator, or written without a call', () => {
    const place = { kind: 'method', name: 'read' } as never;
    expect(() => measuredStage('x')((() => []) as never, place)).toThrow(
      'ERR_CONFIG_INVALID [@measuredStage] stands before `read`, which is no generator',
    );
    expect(() =>
      timedStage('x')(undefined as never, { kind: 'field', name: 'f' } as never),
    ).toThrow('stands before the field `f`');
    expect(() => countedStage(function* () {} as never)).toThrow("write `@countedStage('name')`");
  });

  test('a policy before a measured generator is still refused', () => {
    const wrapped = measuredStage('x', { registry })(
      function* (): Generator<number> {} as never,
      { kind: 'method', name: 'read' } as never,
    );
    expect(() => retry({})(wrapped as never, { kind: 'method', name: 'read' } as never)).toThrow(
      'stands before the generator `read`',
    );
  });
});

test('an option that there is not is refused where it is written', () => {
  const decorate = (): unknown =>
    countedStage('x', { regsitry: registry } as object)(function* () {}, {
      kind: 'method',
      name: 'x',
    } as never);
  expect(decorate).toThrow('regsitry');
});
