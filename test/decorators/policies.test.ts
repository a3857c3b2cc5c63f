import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/index.ts';
import { breakerOf, circuitBreaker, fallback, retry, timeout } from '../../src/decorators/index.ts';
import {
  circuitBreaker as createBreaker,
  consecutiveFailures,
  constant,
  lastKnownGood,
  timeout as createTimeout,
  wrap,
} from '../../src/resilience/index.ts';

const clock = new VirtualClock();

describe('policies before a method', () => {
  class Sensor {
    static readonly #scale = 2;
    readonly reads: string[] = [];
    left: number;

    constructor(failures: number) {
      this.left = failures;
    }

    @retry({ maxAttempts: 3, baseDelayMs: 10, clock })
    async read(unit: string): Promise<number> {
      this.reads.push(unit);
      if (this.left-- > 0) throw new Error('flaky');
      return Sensor.#scale * this.reads.length;
    }

    @timeout({ timeoutMs: 50, clock })
    async wait(delayMs: number, signal?: AbortSignal): Promise<string> {
      await clock.sleep(delayMs, signal === undefined ? {} : { signal });
      return 'waited';
    }

    @circuitBreaker({ opens: consecutiveFailures(2), clock })
    value(): number {
      if (this.left-- > 0) throw new Error('no value');
      return 7;
    }

    @retry({ maxAttempts: 2, baseDelayMs: 10, clock })
    @timeout({ timeoutMs: 50, clock })
    async stacked(): Promise<string> {
      this.reads.push('stacked');
      await clock.sleep(this.left-- > 0 ? 1000 : 5);
      return 'there';
    }

    @retry({ baseDelayMs: 1, clock })
    static async create(failures: number[]): Promise<Sensor> {
      if (failures.pop() !== undefined) throw new Error('not yet');
      return new Sensor(0);
    }
  }

  test('retry: the method keeps its parameters, its `this` and its private fields', async () => {
    const sensor = new Sensor(2);
    expect(await sensor.read('C')).toBe(6);
    expect(sensor.reads).toEqual(['C', 'C', 'C']);
    const text = 'ERR_RETRY_EXHAUSTED [read] failed 3 times; the last time: flaky';
    await expect(new Sensor(9).read('C')).rejects.toThrow(text);
    expect(await Sensor.create([1, 2])).toBeInstanceOf(Sensor);
  });

  test('timeout: with its own signal where the caller gives one', async () => {
    expect(await new Sensor(0).wait(49)).toBe('waited');
    const { signal } = new AbortController();
    await expect(new Sensor(0).wait(1000, signal)).rejects.toThrow('ERR_TIMEOUT [wait]');
  });

  test('circuitBreaker: synchronous, and one for each instance', () => {
    const [bad, good] = [new Sensor(9), new Sensor(0)];
    expect(breakerOf(bad, 'value')).toBeUndefined();
    for (const text of ['no value', 'no value', 'ERR_CIRCUIT_OPEN [value]']) {
      expect(() => bad.value()).toThrow(text);
    }
    expect(good.value()).toBe(7);
    expect([breakerOf(bad, 'value')?.state, breakerOf(good, 'value')?.state]).toEqual([
      'open',
      'closed',
    ]);
  });

  test('stacked: the first is outermost', async () => {
    const sensor = new Sensor(1);
    expect(await sensor.stacked()).toBe('there');
    expect(sensor.reads.length).toBe(2);
  });

  test('fallback: synchronous or not, and no instance stands in for another', async () => {
    class Probe {
      fails = false;
      readonly offset: number;

      constructor(offset: number) {
        this.offset = offset;
      }

      @fallback({ strategy: lastKnownGood({ clock }) })
      async read(): Promise<{ value: number; timeMs: number }> {
        if (this.fails) throw new Error('gone');
        return { value: this.offset, timeMs: clock.now() };
      }

      @fallback({ strategy: constant({ value: -1 }) })
      peek(): { value: number } {
        if (this.fails) throw new Error('gone');
        return { value: this.offset };
      }
    }
    const [one, other, silent] = [new Probe(1), new Probe(2), new Probe(3)];
    for (const probe of [one, other]) await probe.read();
    for (const probe of [one, other, silent]) probe.fails = true;
    expect(await one.read()).toMatchObject({ value: 1, stale: true });
    expect(await other.read()).toMatchObject({ value: 2, stale: true });
    await expect(silent.read()).rejects.toThrow('gone');
    expect(one.peek()).toMatchObject({ value: -1 });
  });

  test('a breaker made before is shared by all instances', () => {
    const breaker = createBreaker({ name: 'bus', opens: consecutiveFailures(1), clock });
    class Device {
      @circuitBreaker(breaker)
      poll(fails: boolean): string {
        if (fails) throw new Error('bus');
        return 'ok';
      }
    }
    expect(() => new Device().poll(true)).toThrow('bus');
    expect(() => new Device().poll(false)).toThrow('ERR_CIRCUIT_OPEN [bus]');
  });
});

test('an overridden method has its own breaker, and a call without an instance works', () => {
  class Base {
    @circuitBreaker({ name: 'base', clock })
    read(): number {
      return 1;
    }
  }
  class Derived extends Base {
    @circuitBreaker({ name: 'derived', clock })
    override read(): number {
      return super.read() + 1;
    }
  }
  const derived = new Derived();
  expect(derived.read()).toBe(2);
  expect(breakerOf(derived, 'read')?.name).toBe('derived');
  class Alone {
    @circuitBreaker({ clock })
    read(value: number): number {
      return value;
    }
  }
  const { read } = new Alone();
  expect(read(3)).toBe(3);
});

describe('a decorator in the wrong place is refused', () => {
  test.each([
    ['retry', retry],
    ['timeout', timeout],
    ['circuitBreaker', circuitBreaker],
    ['fallback', fallback],
  ])('@%s without its call', (name, decorator) => {
    const bare = decorator as unknown as (value: unknown, context: unknown) => void;
    expect(() => bare(async () => 1, { kind: 'method', name: 'x' })).toThrow(
      `ERR_CONFIG_INVALID [@${name}] was given a method for its options; write \`@${name}(…)\``,
    );
  });

  test.each([
    ['@retry', () => retry(createTimeout({ timeoutMs: 1 }) as never), '`timeout()` made'],
    ['@timeout', () => timeout(createBreaker() as never), 'what `circuitBreaker()` made'],
    ['@circuitBreaker', () => circuitBreaker(wrap(createBreaker()) as never), 'a policy; give'],
    ['@fallback', () => fallback(createBreaker() as never), 'or what `fallback()` made'],
    ['@retry', () => retry(null as never), 'was given null; give options'],
    ['@timeout', () => timeout(5 as never), 'was given 5'],
  ])('%s given something else: %#', (place, make, text) => {
    expect(make).toThrow(`ERR_CONFIG_INVALID [${place}] was given`);
    expect(make).toThrow(text);
  });

  const retryAny = retry() as (value: unknown, context: unknown) => void;

  test.each([
    ['a class', 'class', class {}, '@retry] stands before the class `x`; put it before a method'],
    ['a field', 'field', undefined, 'stands before the field `x`'],
    ['a getter', 'getter', () => 1, 'stands before the getter `x`'],
    ['an accessor', 'accessor', {}, 'stands before the accessor `x`'],
    ['a generator', 'method', function* () {}, 'the generator `x`, which is finished for ever'],
    ['an async generator', 'method', async function* () {}, 'put the read inside it into a method'],
  ])('%s', (_, kind, value, text) => {
    expect(() => retryAny(value, { kind, name: 'x' })).toThrow(text);
  });

  test('decorators of the older kind', () => {
    expect(() => retryAny({}, 'read')).toThrow('turn `experimentalDecorators` off');
  });

  test('bad options are refused where the class is made, not at the first call', () => {
    const context = { kind: 'method', name: 'x' };
    for (const decorator of [
      () => retry({ maxAttempts: 0 }),
      () => timeout({ timeoutMs: -1 }),
      () => circuitBreaker({ openMs: NaN }),
    ]) {
      const decorate = decorator() as (value: unknown, context: unknown) => void;
      expect(() => decorate(async () => 1, context)).toThrow('ERR_CONFIG_INVALID [x.');
    }
  });
});
