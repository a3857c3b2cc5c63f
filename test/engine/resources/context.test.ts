import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { describe, expect, test, vi } from 'vitest';

import { type LogLevel, VirtualClock } from '../../../src/core/index.ts';
import { type Tier, TieredPipelineContext } from '../../../src/engine/resources/index.ts';
import { lines } from './lines.ts';
import { directory, FarEnd, realTiers } from './real.ts';
import { tiered, type Tiers } from './tiered.ts';

const keep = (value: number): number | undefined => (value > 50 ? value : undefined);
const double = (value: number): number => value * 2;

/** A tier that says when it is opened and closed. */
function scripted(name: string, seen: string[], failing: { open?: Error; close?: Error } = {}) {
  return {
    open: (): string => {
      seen.push(`open ${name}`);
      if (failing.open !== undefined) throw failing.open;
      return name;
    },
    close: () => {
      seen.push(`close ${name}`);
      if (failing.close !== undefined) throw failing.close;
    },
  } satisfies Tier<string>;
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a database, a log file and a socket', () => {
  test('are opened in order, used by their types, and closed in reverse', async () => {
    const [path, far] = [directory(), await FarEnd.listen()];
    const log = lines();
    let summary;
    {
      await using context = await tiered('boiler', realTiers(path, far.port), {
        log,
      }).open();
      const { database, log: file, output } = context.resources;
      const insert = database.prepare('INSERT INTO readings VALUES (?)');
      const store = async (value: number): Promise<number> => {
        insert.run(value);
        await file.write(`${value}\n`);
        output.write(`${value};`);
        return value;
      };
      expect(await context.run([keep, double, store], [10, 60, 50, 70])).toEqual([120, 140]);
      expect(
        (await context.health()).map(({ tier, state, reason }) => [tier, state, reason]),
      ).toEqual(['database', 'log', 'output'].map((tier) => [tier, 'open', null]));
      summary = context.summary();
      expect(Object.isFrozen(summary)).toBe(true);
    }
    expect(summary).toMatchObject({
      pipelineId: 'boiler',
      recordsIn: 4,
      recordsOut: 2,
      tiersOpened: ['database', 'log', 'output'],
      failedTier: null,
    });
    expect(log.of('tier.closed')).toEqual([
      ['INFO', { tier: 'output' }],
      ['INFO', { tier: 'log' }],
      ['INFO', { tier: 'database' }],
    ]);
    expect(log.of('tier.opened').map(([level, { tier }]) => [level, tier])).toEqual(
      ['database', 'log', 'output'].map((tier) => ['DEBUG' satisfies LogLevel, tier]),
    );
    await vi.waitFor(() => expect(far).toMatchObject({ text: '120;140;', connections: 0 }));
    expect(readFileSync(join(path, 'run.log'), 'utf8')).toBe('120\n140\n');
    using database = new DatabaseSync(join(path, 'readings.db'));
    expect(database.prepare('SELECT value FROM readings').all()).toEqual([
      { value: 120 },
      { value: 140 },
    ]);
  });

  test('are closed when a stage fails, and say which; its error goes on as it is', async () => {
    const [path, far] = [directory(), await FarEnd.listen()];
    const log = lines();
    const boom = new Error('boom');
    const burst = (value: number): number => {
      if (value > 65) throw boom;
      return value;
    };
    let context: TieredPipelineContext | undefined;
    const running = async (): Promise<void> => {
      await using opened = await tiered('boiler', realTiers(path, far.port), {
        log,
      }).open();
      context = opened;
      await opened.run([keep, burst], [10, 60, 70, 80]);
    };
    expect(await failureOf(running())).toBe(boom);
    expect(context!.summary()).toMatchObject({ recordsIn: 3, recordsOut: 1, failedTier: 'burst' });
    expect(log.of('tier.closed')).toEqual(
      ['output', 'log', 'database'].map((tier) => ['INFO', { tier, failedTier: 'burst' }]),
    );
    await vi.waitFor(() => expect(far.connections).toBe(0));
  });

  test('that cannot all be opened: those before are closed, none is left', async () => {
    const [path, far] = [directory(), await FarEnd.listen()];
    const { port } = far;
    await far.refuse();
    const log = lines();
    const tiers = realTiers(path, port);
    let database: DatabaseSync | undefined;
    const watched: typeof tiers = {
      ...tiers,
      database: {
        ...tiers.database,
        open: async (signal, opened) => (database = await tiers.database.open(signal, opened)),
      },
    };
    const context = tiered('boiler', watched, { log });
    const failure = await failureOf(context.open());
    expect(failure).toMatchObject({ code: 'ECONNREFUSED' });
    expect(database!.isOpen).toBe(false);
    expect(context.summary()).toMatchObject({
      tiersOpened: ['database', 'log'],
      failedTier: 'output',
    });
    // It was told already.
    await context.close();
    expect(log.of('tier.failed')).toEqual([['WARNING', { tier: 'output', error: failure }]]);
    expect(log.of('tier.closed')).toEqual(
      ['log', 'database'].map((tier) => ['INFO', { tier, failedTier: 'output' }]),
    );
  });

  test('say which of them is not well any more', async () => {
    const [path, far] = [directory(), await FarEnd.listen()];
    await using context = await tiered('boiler', realTiers(path, far.port)).open();
    await vi.waitFor(() => expect(far.connections).toBe(1));
    context.resources.database.close();
    far.reset();
    await vi.waitFor(async () =>
      expect((await context.health()).map(({ tier, reason }) => [tier, reason])).toEqual([
        ['database', 'is closed'],
        ['log', null],
        ['output', 'takes nothing any more'],
      ]),
    );
    // As closing it again would fail.
    const failure = (await failureOf(context.close())) as Error;
    expect(failure.message).toContain('database is not open');
  });
});

describe('an error while closing never hides the first', () => {
  const [first, second, third] = [new Error('first'), new Error('second'), new Error('third')];

  test('of a stage', async () => {
    const seen: string[] = [];
    const running = async (): Promise<void> => {
      await using context = await tiered('p', {
        a: scripted('a', seen, { close: third }),
        b: scripted('b', seen, { close: second }),
        c: scripted('c', seen),
      }).open();
      const burst = (): never => {
        throw first;
      };
      await context.run([burst], [1]);
    };
    const failure = await failureOf(running());
    expect(failure).toBeInstanceOf(SuppressedError);
    expect(failure).toMatchObject({
      suppressed: first,
      error: {
        error: third,
        suppressed: second,
        message: expect.stringContaining('`a`') as string,
      },
    });
    expect(seen.slice(3)).toEqual(['close c', 'close b', 'close a']);
  });

  test('of opening', async () => {
    const seen: string[] = [];
    const log = lines();
    const tiers = {
      a: scripted('a', seen, { close: second }),
      b: scripted('b', seen),
      c: scripted('c', seen, { open: first }),
      d: scripted('d', seen),
    };
    const failure = await failureOf(tiered('p', tiers, { log }).open());
    expect(failure).toBeInstanceOf(SuppressedError);
    expect(failure).toMatchObject({ error: second, suppressed: first });
    expect((failure as Error).message).toBe('could not close `a` (second) after: first');
    expect(seen).toEqual(['open a', 'open b', 'open c', 'close b', 'close a']);
    expect(log.of('tier.closed')).toEqual([['INFO', { tier: 'b', failedTier: 'c' }]]);
    expect(log.of('tier.close-failed')).toEqual([
      ['WARNING', { tier: 'a', failedTier: 'c', error: second }],
    ]);
  });

  test('and one alone is the first: it names its tier to those that are closed later', async () => {
    const log = lines();
    const tiers = { a: scripted('a', []), b: scripted('b', [], { close: first }) };
    const context = await tiered('p', tiers, { log }).open();
    expect(await failureOf(context.close())).toBe(first);
    await context.close();
    expect(context.summary().failedTier).toBe('b');
    expect(log.of('tier.close-failed')).toEqual([
      ['WARNING', { tier: 'b', failedTier: 'b', error: first }],
    ]);
    expect(log.of('tier.closed')).toEqual([['INFO', { tier: 'a', failedTier: 'b' }]]);
  });
});

describe('limits of time', () => {
  const never = (): Promise<never> => new Promise(() => {});

  test('one that does not open is given up; what it gives later is closed at once', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const { promise, resolve } = Promise.withResolvers<string>();
    let signal: AbortSignal | undefined;
    const slow: Tier<string> = {
      open: (given) => {
        signal = given;
        return promise;
      },
      close: (name) => void seen.push(`close ${name}`),
      openMsMax: 1000,
    };
    const opening = tiered('p', { a: scripted('a', seen), slow }, { clock }).open();
    expect(await failureOf(opening)).toMatchObject({
      code: 'ERR_TIMEOUT',
      place: 'slow',
      fact: 'did not open within 1000 ms',
    });
    expect(clock.monotonic()).toBe(1000);
    expect(signal!.aborted).toBe(true);
    expect(seen).toEqual(['open a', 'close a']);
    resolve('late');
    await vi.waitFor(() => expect(seen).toEqual(['open a', 'close a', 'close late']));
  });

  test('30 s and 5 s unless given; one that does not close keeps no other open', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const stuck: Tier<string> = { open: () => 'stuck', close: never };
    const tiers = { a: scripted('a', seen), stuck };
    const context = await tiered('p', tiers, { clock }).open();
    expect(await failureOf(context.close())).toMatchObject({
      code: 'ERR_TIMEOUT',
      place: 'stuck',
      fact: 'did not close within 5000 ms',
    });
    expect(seen).toEqual(['open a', 'close a']);
    expect(context.summary()).toMatchObject({ durationMs: 5000, failedTier: 'stuck' });
    const hung = { stuck: { ...stuck, open: never } };
    await failureOf(tiered('p', hung, { clock }).open());
    expect(clock.monotonic()).toBe(35_000);
  });

  test('an abort gives opening up, and is no failure of a tier', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const aborting = new AbortController();
    const { signal } = aborting;
    const slow = {
      open: (given: AbortSignal) => clock.sleep(60_000, { signal: given }),
      close: () => {},
    };
    const log = lines();
    const tiers = { a: scripted('a', seen), slow, c: scripted('c', seen) };
    const opening = failureOf(tiered('p', tiers, { clock, signal, log }).open());
    await clock.sleep(10);
    const reason = new Error('enough');
    aborting.abort(reason);
    expect(await opening).toBe(reason);
    expect(seen).toEqual(['open a', 'close a']);
    expect(log.of('tier.failed')).toEqual([]);
    expect(log.of('tier.closed')).toEqual([['INFO', { tier: 'a' }]]);
  });

  test('nothing of a context stays on the signal of its caller', async () => {
    const { signal } = new AbortController();
    for (let at = 0; at < 20; at++) {
      const tiers = { a: scripted('a', []), b: scripted('b', []) };
      await using context = await tiered('p', tiers, { signal }).open();
      await context.run([double], [1]);
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('a check that hangs is told of, and holds up no other for ever', async () => {
    const clock = new VirtualClock();
    const tiers: Tiers<{ a: string; b: string; c: string }> = {
      a: { ...scripted('a', []), check: never },
      b: {
        ...scripted('b', []),
        check: () => {
          throw new Error('ill');
        },
      },
      c: { ...scripted('c', []), check: () => 5 as never },
    };
    await using context = await tiered('p', tiers, { clock }).open();
    const [a, b, c] = await context.health();
    expect(c!.reason).toBe('its `check` gave something that is no text');
    expect(a).toMatchObject({ tier: 'a', state: 'open' });
    expect(a!.reason).toContain('did not check within 5000 ms');
    expect(b).toMatchObject({ tier: 'b', state: 'open', reason: 'ill' });
  });
});

describe('what is asked wrongly', () => {
  test.each<[string, object | null, string]>([
    ['no `close`', { open: () => 1 }, '`a` has no `close`'],
    ['nothing', null, '`a` has no `open`; `a` has no `close`'],
    ['a limit of 0', { ...scripted('a', []), openMsMax: 0 }, '`a` has a `openMsMax`'],
    ['a check that is none', { ...scripted('a', []), check: 7 }, '`a` has a `check`'],
  ])('%s is refused at once, and the context is as it was', async (_, wrong, fact) => {
    const context = new TieredPipelineContext('p').tier('first', scripted('first', []));
    expect(() => context.tier('a', wrong as Tier<string>)).toThrow(
      expect.objectContaining({
        code: 'ERR_TIER_INVALID',
        place: 'p',
        fact: expect.stringContaining(fact) as string,
      }),
    );
    await using opened = await context.open();
    expect(opened.resources).toEqual({ first: 'first' });
  });

  test('a name twice, and a tier behind the opening', async () => {
    await using context = tiered('p', { a: scripted('a', []) });
    expect(() => context.tier('a', scripted('a', []))).toThrow('`a` is there already');
    await context.open();
    expect(() => context.tier('b', scripted('b', []))).toThrow('`b` comes after `open`');
  });

  test.each<[string, unknown]>([
    ['``', ''],
    ['`  `', '  '],
    ['`5`', 5],
    ['`Symbol(a)`', Symbol('a')],
    ['`undefined`', undefined],
  ])('%s as a name', (shown, name) => {
    const context = new TieredPipelineContext('p');
    expect(() => context.tier(name as string, scripted('a', []))).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_INVALID', fact: `${shown} is no name` }),
    );
  });

  test('resources and a run before they are open', async () => {
    await using context = tiered('p', { a: scripted('a', []) });
    expect(() => context.resources).toThrow('its tiers are not open');
    await expect(context.run([double], [1])).rejects.toMatchObject({ code: 'ERR_RUN_CLOSED' });
    expect(context.summary()).toMatchObject({ durationMs: 0, tiersOpened: [], failedTier: null });
  });

  test('a run behind the end', async () => {
    const context = await tiered('p', { a: scripted('a', []) }).open();
    await context.close();
    const running = context.run([double], [1]);
    await expect(running).rejects.toMatchObject({ code: 'ERR_RUN_CLOSED', place: 'p' });
    // What there was is closed too.
    expect(() => context.resources).toThrow('ERR_RUN_CLOSED [p] its tiers are closed');
  });

  test('a context that was never open took no time', async () => {
    const clock = new VirtualClock();
    const context = tiered('p', { a: scripted('a', []) }, { clock });
    await context.close();
    await clock.sleep(30);
    expect(context.summary().durationMs).toBe(0);
    await expect(context.open()).rejects.toMatchObject({ code: 'ERR_RUN_CLOSED' });
    await clock.sleep(30);
    expect(context.summary().durationMs).toBe(0);
  });

  test('names that objects have anyway are names', async () => {
    const tiers = { ['__proto__']: scripted('y', []), constructor: scripted('x', []) };
    await using context = await tiered('p', tiers).open();
    expect(context.summary().tiersOpened).toEqual(['__proto__', 'constructor']);
    expect(Object.entries(context.resources)).toEqual([
      ['__proto__', 'y'],
      ['constructor', 'x'],
    ]);
  });
});

describe('run', () => {
  test('takes what comes one by one, and stages that wait', async () => {
    await using context = await tiered('p', {}).open();
    async function* records() {
      yield 30;
      yield 60;
    }
    const later = async (value: number): Promise<number> => value + 1;
    expect(await context.run([later, keep], records())).toEqual([61]);
    expect(await context.run([double], new Set([1, 2]))).toEqual([2, 4]);
    expect(context.summary()).toMatchObject({ recordsIn: 4, recordsOut: 3, tiersOpened: [] });
  });

  test('names a stage without a name by its place, and an input that fails', async () => {
    const boom = new Error('boom');
    const stages = [
      double,
      (): never => {
        throw boom;
      },
    ];
    const failed = async (records: Iterable<number>): Promise<string | null> => {
      await using context = await tiered('p', {}).open();
      expect(await failureOf(context.run(stages, records))).toBe(boom);
      return context.summary().failedTier;
    };
    expect(await failed([1])).toBe('stage 2');
    const broken = {
      [Symbol.iterator]: (): Iterator<number> => {
        throw boom;
      },
    };
    expect(await failed(broken)).toBe('records');
  });

  test.each<[string, unknown, string]>([
    ['an object', [double, {}], 'stage 2'],
    ['nothing', [undefined], 'stage 1'],
    ['a gap', Object.assign([double], { 2: double }), 'stage 2'],
    ['no list', undefined, 'stages'],
    ['a text', 'abc', 'stages'],
  ])('refuses %s among its stages before the first record', async (_, stages, failedTier) => {
    await using context = await tiered('p', {}).open();
    for (const records of [[1], []]) {
      await expect(context.run(stages as [], records)).rejects.toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        place: 'p',
        fact:
          failedTier === 'stages' ? 'was given no list of stages' : `${failedTier} is no function`,
      });
    }
    expect(context.summary()).toMatchObject({ failedTier, recordsIn: 0 });
  });

  test('names a stage whose name is no text by its place', async () => {
    const odd = Object.defineProperty(() => Promise.reject(new Error('boom')), 'name', {
      value: 5,
    });
    await using context = await tiered('p', {}).open();
    await failureOf(context.run([odd], [1]));
    expect(context.summary().failedTier).toBe('stage 1');
  });

  test('a later tier sees what was opened before it, and nothing else', async () => {
    const seen: object[] = [];
    await using context = await new TieredPipelineContext('p')
      .tier('2', scripted('a', []))
      .tier('1', {
        open: (_, opened) => {
          seen.push(opened);
          return opened[2].length;
        },
        close: (length) => void length.toFixed(),
      })
      .tier('c', scripted('c', []))
      .open();
    const length: number = context.resources[1];
    expect(length).toBe(1);
    expect(seen).toEqual([{ 2: 'a' }]);
    expect(context.summary().tiersOpened).toEqual(['2', '1', 'c']);
    // @ts-expect-error there is no such tier
    expect(context.resources.d).toBeUndefined();
    const other = new TieredPipelineContext('p').tier('a', scripted('a', []));
    const close = (): void => {};
    // @ts-expect-error nothing before it is called `nope`
    other.tier('b', { open: (_, { nope }: { a: string; nope: Date }) => nope, close });
    // @ts-expect-error what is closed is what was opened
    other.tier('c', { open: () => 1, close: (given: string) => void given });
  });

  test('closing ends it before the next record, and waits for the one in hand', async () => {
    const seen: string[] = [];
    const context = await tiered('p', { a: scripted('a', seen) }).open();
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = async (value: number): Promise<number> => {
      await promise;
      seen.push(`took ${value}`);
      return value;
    };
    const running = failureOf(context.run([slow], [1, 2]));
    await new Promise(setImmediate);
    const closing = context.close();
    await new Promise(setImmediate);
    expect(seen).toEqual(['open a']);
    resolve();
    await closing;
    expect(seen).toEqual(['open a', 'took 1', 'close a']);
    expect(await running).toMatchObject({ code: 'ERR_RUN_CLOSED', place: 'p' });
    expect(context.summary()).toMatchObject({ recordsIn: 1, recordsOut: 1, failedTier: null });
  });

  test('a record that does not end holds closing up for a while, and that is told', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const context = await tiered('p', { a: scripted('a', seen) }, { clock }).open();
    void context.run([(): Promise<never> => new Promise(() => {})], [1]);
    await clock.sleep(1);
    expect(await failureOf(context.close())).toMatchObject({
      code: 'ERR_TIMEOUT',
      fact: 'did not end the record in hand within 5000 ms',
    });
    expect(seen).toEqual(['open a', 'close a']);
  });

  test('closing aborts nothing that is open', async () => {
    let given: AbortSignal | undefined;
    const open = (signal: AbortSignal): string => {
      given = signal;
      return 'a';
    };
    await (await tiered('p', { a: { open, close: () => {} } }).open()).close();
    expect(given!.aborted).toBe(false);
  });

  test('closing while it opens gives that up', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const slow = {
      open: (signal: AbortSignal) => clock.sleep(60_000, { signal }),
      close: () => {},
    };
    const tiers = { a: scripted('a', seen), slow, c: scripted('c', seen) };
    const context = tiered('p', tiers, { clock });
    const opening = failureOf(context.open());
    await clock.sleep(10);
    await context.close();
    expect(await opening).toMatchObject({ code: 'ERR_RUN_CLOSED' });
    expect(seen).toEqual(['open a', 'close a']);
  });

  test('a stage that fails by itself has failed, also after an abort', async () => {
    const aborting = new AbortController();
    const failedTier = async (error: Error): Promise<string | null> => {
      const { signal } = aborting;
      await using context = await tiered('p', {}, { signal }).open();
      const burst = (): never => {
        aborting.abort(new Error('enough'));
        throw error;
      };
      expect(await failureOf(context.run([burst], [1]))).toBe(error);
      return context.summary().failedTier;
    };
    expect(await failedTier(new Error('boom'))).toBe('burst');
  });

  test('a logger that throws costs its lines alone', async () => {
    const broken = (): never => {
      throw new Error('no more lines');
    };
    const levels = { debug: broken, info: broken, warning: broken, error: broken };
    const log = { ...levels, critical: broken, bindContext: broken };
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const seen: string[] = [];
    {
      await using context = await tiered('p', { a: scripted('a', seen) }, { log }).open();
      expect(await context.run([double], [1])).toEqual([2]);
    }
    expect(seen).toEqual(['open a', 'close a']);
    expect(warned).toHaveBeenCalledTimes(1);
    warned.mockRestore();
  });
});
