import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { inspect, isDeepStrictEqual, promisify } from 'node:util';

import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';

import {
  audited,
  changedBy,
  type ChangeLog,
  defineAttributes,
  defineAudited,
  diffStageSnapshots,
  getChangeLog,
  jsonSchemaOf,
  nonEmptyString,
  optional,
  positiveInt,
  rangeFloat,
  rulesOf,
  withDefault,
} from '../../src/attributes/index.ts';

class Decorated {
  @audited accessor count: number | null = 0;
  @audited @rangeFloat(0, 10) accessor level = 1;
  @nonEmptyString @audited accessor name: string;

  constructor(name: string) {
    this.name = name;
  }
}

class Defined {
  declare count: number | null;
  declare level: number;
  declare name: string;

  constructor(name: string) {
    this.name = name;
    this.count = 0;
  }
}
defineAudited(Defined, ['name']);
defineAttributes(Defined, { level: withDefault(rangeFloat(0, 10), 1), name: nonEmptyString });
defineAudited(Defined, ['count', 'level']);

const clockAt = (now: number) => ({ clock: { now: () => now } });
const pairs = <T>({ entries }: ChangeLog<T>): [T, T][] => entries.map(({ from, to }) => [from, to]);

describe.each([
  ['@audited', Decorated],
  ['defineAudited', Defined],
])('%s', (_how, Stage) => {
  test('logs when, from, to and by whom', () => {
    const stage = new Stage('a');
    changedBy('anna', () => (stage.level = 3), clockAt(1000));
    changedBy('ben', () => (stage.level = 4), clockAt(2000));
    expect(getChangeLog(stage, 'level')).toEqual({
      entries: [
        { at: 1000, from: 1, to: 3, by: 'anna' },
        { at: 2000, from: 3, to: 4, by: 'ben' },
      ],
      changes: 2,
      discarded: 0,
    });
  });

  test('the initial value is no change, nor is the same one', () => {
    const stage = new Stage('a');
    for (const name of ['count', 'level', 'name'] as const) {
      expect(getChangeLog(stage, name)).toEqual({ entries: [], changes: 0, discarded: 0 });
    }
    [stage.count, stage.level, stage.name] = [0, 1, ' a '];
    expect(getChangeLog(stage, 'level').changes + getChangeLog(stage, 'name').changes).toBe(0);
    stage.count = -0;
    stage.count = NaN;
    stage.count = NaN;
    expect(pairs(getChangeLog(stage, 'count'))).toEqual([
      [0, -0],
      [-0, NaN],
    ]);
  });

  test('logs what the rule keeps, and nothing that it refuses', () => {
    const stage = new Stage('a');
    stage.name = ' b ';
    expect(() => (stage.name = ' ')).toThrow('nonEmptyString');
    expect(() => (stage.level = 11)).toThrow('rangeFloat');
    expect(pairs(getChangeLog(stage, 'name'))).toEqual([['a', 'b']]);
    expect(getChangeLog(stage, 'level').changes).toBe(0);
    expect(Object.keys(rulesOf(Stage)).sort()).toEqual(['level', 'name']);
  });

  test('each instance has its own, and nobody else sees it', () => {
    const [a, b] = [new Stage('a'), new Stage('b')];
    const untouched = new Stage('c');
    const ofClass = Reflect.ownKeys(Stage);
    a.level = 2;
    expect([getChangeLog(a, 'level').changes, getChangeLog(b, 'level').changes]).toEqual([1, 0]);
    expect(Object.keys(a)).toEqual(Object.keys(untouched));
    expect(JSON.stringify(a)).toBe(JSON.stringify(untouched));
    expect(isDeepStrictEqual(structuredClone(a), structuredClone(untouched))).toBe(true);
    expect(Reflect.ownKeys(Stage)).toEqual(ofClass);
  });

  test('a log is a frozen copy', () => {
    const stage = new Stage('a');
    stage.level = 2;
    const log = getChangeLog(stage, 'level');
    for (let level = 0; level < 3000; level++) stage.level = level % 7;
    expect(pairs(log)).toEqual([[1, 2]]);
    expect([log, log.entries, log.entries[0]].every((one) => Object.isFrozen(one))).toBe(true);
  });

  test('keeps the newest thousand, and counts exactly', () => {
    const stage = new Stage('a');
    for (let count = 1; count <= 2500; count++) stage.count = count;
    const { entries, changes, discarded } = getChangeLog(stage, 'count');
    expect([entries.length, changes, discarded]).toEqual([1000, 2500, 1500]);
    expect(entries.map(({ to }) => to)).toEqual(Array.from({ length: 1000 }, (_, at) => 1501 + at));
  });

  test('agrees with a model, whatever is set', () => {
    const value = fc.oneof(
      fc.constantFrom(null, 0, -0, NaN, 1),
      fc.double(),
      fc.integer({ min: 0, max: 3 }),
    );
    const author = fc.constantFrom(undefined, 'anna', 'ben');
    const step = fc.record({ value, author, repeat: fc.nat({ max: 400 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const stage = new Stage('a');
        const all: object[] = [];
        let [current, at]: [number | null, number] = [0, 0];
        for (const { value: given, author: by, repeat } of steps) {
          for (let turn = 0; turn <= repeat; turn++) {
            const to = given !== null && turn > 0 ? given + turn : given;
            const set = (): void => void (stage.count = to);
            at++;
            if (by === undefined) changedBy('model', set, clockAt(at));
            else changedBy(by, set, clockAt(at));
            if (!Object.is(current, to)) all.push({ at, from: current, to, by: by ?? 'model' });
            current = to;
          }
        }
        const { entries, changes, discarded } = getChangeLog(stage, 'count');
        expect(changes).toBe(all.length);
        expect(discarded).toBe(Math.max(0, all.length - 1000));
        expect(isDeepStrictEqual(entries, all.slice(-1000))).toBe(true);
      }),
      { numRuns: process.env['MILLRACE_NIGHTLY'] ? 5000 : 100 },
    );
  });
});

test('all holds where the runtime lets no code be generated', async () => {
  const entry = JSON.stringify(join(import.meta.dirname, '../../src/attributes/index.ts'));
  const code = `
    const { defineAttributes, defineAudited, getChangeLog, rangeFloat } = await import(${entry});
    class Stage { constructor() { this.level = 1; } }
    defineAudited(defineAttributes(Stage, { level: rangeFloat(0, 9) }), ['level']);
    const stage = new Stage();
    stage.level = 2;
    stage.level = 2;
    try { stage.level = 10; } catch (error) { console.log(error.message); }
    const { entries, changes } = getChangeLog(stage, 'level');
    console.log(stage.level, changes, entries[0].from, entries[0].to);`;
  const args = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', code];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout.split('\n')).toEqual([
    expect.stringContaining('[Stage.level] was given 10; `rangeFloat` takes'),
    '2 1 1 2',
    '',
  ]);
});

describe('who made a change', () => {
  test('is nobody unless said, and the inner one where one is within another', () => {
    const stage = new Decorated('a');
    stage.level = 2;
    changedBy('outer', () => {
      stage.level = 3;
      changedBy('inner', () => (stage.level = 4));
      stage.level = 5;
    });
    stage.level = 6;
    const by = getChangeLog(stage, 'level').entries.map((entry) => entry.by);
    expect(by).toEqual([null, 'outer', 'inner', 'outer', null]);
  });

  test('goes along with what is awaited, beside others', async () => {
    const stage = new Decorated('a');
    const change = async (name: string, level: number): Promise<string> => {
      await setImmediate();
      stage.level = level;
      return name;
    };
    const made = ['anna', 'ben'].map((name, at) => changedBy(name, () => change(name, 5 + at)));
    expect(await Promise.all(made)).toEqual(['anna', 'ben']);
    const by = getChangeLog(stage, 'level').entries.map((entry) => entry.by);
    expect(by).toEqual(['anna', 'ben']);
  });

  test('must have a name', () => {
    expect(() => changedBy('', () => 1)).toThrow('[changedBy] was given no name');
  });
});

describe('times', () => {
  afterEach(() => vi.useRealTimers());

  function changeEvery300Ms(count: number): number[] {
    const stage = new Decorated('a');
    for (let change = 0; change < count; change++) {
      vi.setSystemTime(1000 + 300 * change);
      stage.level = 2 + (change % 2);
    }
    return getChangeLog(stage, 'level').entries.map(({ at }) => at);
  }

  test('share a reading without a wait between changes, 64 at most, and none across one', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1000 });
    await Promise.resolve();
    const times = changeEvery300Ms(200);
    expect(times).toEqual(
      Array.from({ length: 200 }, (_, change) => 1000 + 300 * (change - (change % 64))),
    );
    await Promise.resolve();
    expect(changeEvery300Ms(1)).toEqual([1000]);
  });

  test('are read for each change where a clock is given', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1000 });
    const times = changedBy('anna', () => changeEvery300Ms(200), { clock: Date });
    expect(times).toEqual(Array.from({ length: 200 }, (_, change) => 1000 + 300 * change));
  });
});

test('undefined is the absence of a first value, and a value after it', () => {
  class Stage {
    @audited accessor note: string | undefined;
  }
  const stage = new Stage();
  stage.note = undefined;
  stage.note = 'first';
  stage.note = undefined;
  stage.note = 'third';
  expect(pairs(getChangeLog(stage, 'note'))).toEqual([
    ['first', undefined],
    [undefined, 'third'],
  ]);
});

test('an object that has no room for a log refuses the change, and stays', () => {
  class Stage {
    @audited accessor level = 1;
    @audited accessor note: string | undefined;
  }
  const stage = Object.seal(new Stage());
  expect(() => (stage.level = 2)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_INVALID', place: 'Stage' }),
  );
  expect([stage.level, getChangeLog(stage, 'level').changes]).toEqual([1, 0]);
  stage.note = 'first';
  expect(() => (stage.note = 'second')).toThrow('cannot keep a log of its changes');
  expect(stage.note).toBe('first');

  const later = new Stage();
  later.level = 2;
  Object.seal(later).level = 3;
  expect(getChangeLog(later, 'level').changes).toBe(2);
});

test('the change from a default is logged, whichever comes first', () => {
  const rule = withDefault(rangeFloat(0, 9), 5);
  class Outside {
    @audited @rule accessor level!: number;
  }
  class Inside {
    @rule @audited accessor level!: number;
  }
  class Functions {
    declare level: number;
  }
  defineAttributes(defineAudited(Functions, ['level']), { level: rule });
  for (const Stage of [Outside, Inside, Functions]) {
    const stage = new Stage();
    stage.level = 5;
    stage.level = 6;
    stage.level = 7;
    expect(pairs(getChangeLog(stage, 'level'))).toEqual([
      [5, 6],
      [6, 7],
    ]);
  }
});

test('the log of a child begins with its own default, not with that of its parent', () => {
  const rule = withDefault(rangeFloat(0, 9), 5);
  class Outside {
    @audited @rule accessor level!: number;
  }
  class Inside {
    @rule @audited accessor level!: number;
  }
  class Functions {
    declare level: number;
  }
  defineAudited(defineAttributes(Functions, { level: rule }), ['level']);
  for (const Parent of [Outside, Inside, Functions]) {
    class Child extends Parent {}
    class Grandchild extends Child {}
    defineAttributes(Child, { level: withDefault(rangeFloat(0, 3), 1) });
    defineAttributes(Grandchild, { level: withDefault(rangeFloat(0, 3), 3) });
    for (const [stage, first] of [
      [new Child(), 1],
      [new Grandchild(), 3],
      [new Parent(), 5],
    ] as const) {
      stage.level = first;
      stage.level = 2;
      expect(pairs(getChangeLog(stage, 'level'))).toEqual([[first, 2]]);
    }
  }
});

test('static, inherited and symbolic accessors have logs as well', () => {
  const key = Symbol('key');
  class Parent {
    @audited static accessor made = 0;
    @audited accessor level = 0;
    @audited accessor [key] = 'a';
  }
  class Child extends Parent {}
  Parent.made = 1;
  const child = new Child();
  child.level = 1;
  child[key] = 'b';
  expect(getChangeLog(Parent, 'made').changes).toBe(1);
  expect(getChangeLog(child, 'level').changes).toBe(1);
  expect(pairs(getChangeLog(child, key))).toEqual([['a', 'b']]);
});

test('an accessor that changes by itself is logged from what it was', () => {
  class Counter {
    #count = 0;
    get count(): number {
      return this.#count;
    }
    set count(value: number) {
      this.#count = value;
    }
    double(): void {
      this.#count *= 2;
    }
  }
  defineAudited(Counter, ['count']);
  const counter = new Counter();
  for (let count = 1; count <= 1100; count++) {
    counter.count = count;
    counter.double();
  }
  const { entries, discarded } = getChangeLog(counter, 'count');
  expect([entries.length, discarded]).toEqual([1000, 99]);
  const expected = Array.from({ length: 1000 }, (_, at) => [2 * (100 + at), 101 + at]);
  expect(entries.map(({ from, to }) => [from, to])).toEqual(expected);
});

class Drifting {
  #level: number | string = 1;
  get level(): number | string {
    return this.#level;
  }
  set level(value: number | string) {
    this.#level = value;
  }
  drift(value: number | string): void {
    this.#level = value;
  }
}
defineAudited(Drifting, ['level']);

test('a zero that changes its sign by itself is logged as what it was', () => {
  const stage = new Drifting();
  stage.level = 0;
  stage.drift(-0);
  stage.level = 2;
  expect(pairs(getChangeLog(stage, 'level'))).toEqual([
    [1, 0],
    [-0, 2],
  ]);
});

test('agrees with a model, whoever sets it, and where it changes by itself', () => {
  const step = fc.record({
    value: fc.constantFrom(0, -0, NaN, 1, 2, 0.5, 'a'),
    by: fc.constantFrom(undefined, undefined, undefined, 'anna', 'itself'),
    repeat: fc.constantFrom(1, 1, 1, 1100),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const stage = new Drifting();
      const all: object[] = [];
      for (const { value, by, repeat } of steps) {
        for (let turn = 1; turn <= repeat; turn++) {
          const [from, to] = [stage.level, turn < repeat ? turn : value];
          if (by === 'itself') stage.drift(to);
          else if (by === undefined) stage.level = to;
          else changedBy(by, () => (stage.level = to));
          if (by !== 'itself' && !Object.is(from, to)) all.push({ from, to, by: by ?? null });
        }
      }
      const { entries, changes, discarded } = getChangeLog(stage, 'level');
      expect([changes, discarded]).toEqual([all.length, Math.max(0, all.length - 1000)]);
      const told = entries.map(({ from, to, by }) => ({ from, to, by }));
      expect(isDeepStrictEqual(told, all.slice(-1000))).toBe(true);
    }),
    { numRuns: process.env['MILLRACE_NIGHTLY'] ? 5000 : 200 },
  );
});

describe('defineAudited', () => {
  test('audits what a parent declares, for the child alone', () => {
    class Parent {
      @rangeFloat(0, 9) accessor level = 1;
    }
    class Child extends Parent {}
    expect(defineAudited(Child, ['level'])).toBe(Child);
    const child = new Child();
    child.level = 2;
    expect(() => (child.level = 10)).toThrow('[Child.level]');
    expect(pairs(getChangeLog(child, 'level'))).toEqual([[1, 2]]);
    expect(() => getChangeLog(new Parent(), 'level')).toThrow('no audited attribute');
  });

  test('refuses what is no attribute, what is audited, and leaves the class as it was', () => {
    class Stage {
      declare level: number;
      @audited accessor count = 0;
      read(): number {
        return 1;
      }
    }
    expect(() => defineAudited(Stage, ['level', 'read'])).toThrow('`read` is a method or value');
    expect(() => defineAudited(Stage, ['level', 'count'])).toThrow('`count` is audited already');
    expect(() => defineAudited(5 as never, [])).toThrow('[defineAudited] was given no class');
    expect('level' in Stage.prototype).toBe(false);
  });
});

test('@audited is refused before anything but an accessor, and before a private one', () => {
  const decorate = audited as unknown as (target: unknown, context: unknown) => unknown;
  const isInvalid = expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }) as unknown;
  expect(() => decorate(undefined, { kind: 'field', name: 'level' })).toThrow(isInvalid);
  expect(() => decorate({}, { kind: 'accessor', name: '#level', private: true })).toThrow(
    isInvalid,
  );
  expect(() => decorate({}, undefined)).toThrow(isInvalid);
});

test('defineAudited takes a list of names, and a class that it can change', () => {
  class Stage {
    declare level: number;
  }
  const before = Reflect.ownKeys(Stage.prototype);
  for (const names of ['level', ['level', null], [Symbol('level')], ['__proto__'], null, 5]) {
    expect(() => defineAudited(Stage, names as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', place: 'defineAudited' }),
    );
  }
  expect(Reflect.ownKeys(Stage.prototype)).toEqual(before);
  Object.freeze(Stage.prototype);
  expect(() => defineAudited(Stage, ['level'])).toThrow('`level` cannot be defined on `Stage`');
});

test('getChangeLog says where a field stands in front of what is audited', () => {
  class Stage {
    declare level: number;
    constructor() {
      // As compilers write a field for older targets.
      Object.defineProperty(this, 'level', { value: 1, writable: true });
    }
  }
  defineAudited(Stage, ['level']);
  expect(() => getChangeLog(new Stage(), 'level')).toThrow(
    '`level` is a field in front of the audited attribute; only `declare` it in the class',
  );
});

test.each([
  [
    'defineAttributes',
    (one: new () => { level: number }) => defineAttributes(one, { level: rangeFloat(0, 9) }),
  ],
  ['defineAudited', (one: new () => { level: number }) => defineAudited(one, ['level'])],
])('%s refuses a name that is a field of the class, or of its parent', (place, define) => {
  class Stage {
    level = 1;
  }
  class Child extends Stage {}
  for (const one of [Stage, Child]) {
    expect(() => define(one)).toThrow(
      `[${place}] \`level\` is a field of \`${one.name}\`, and would stand before the accessor; ` +
        'only `declare` it, and set it in the constructor',
    );
    expect('level' in one.prototype).toBe(false);
  }
});

test('a prototype is given no value of an attribute', () => {
  class Stage {
    declare level: number;
  }
  defineAttributes(Stage, { level: rangeFloat(0, 9) });
  expect(() => (Stage.prototype.level = 5)).toThrow(
    '[Stage.level] was set on a prototype, whose value all instances would share; ' +
      'set it on an instance, or give a default by `withDefault`',
  );
  const stage = new Stage();
  stage.level = 7;
  expect([stage.level, new Stage().level]).toEqual([7, undefined]);
  expect(inspect(stage, { showHidden: false })).toBe('Stage {}');
});

test('getChangeLog refuses a name that is not audited', () => {
  class Stage {
    @audited accessor level = 0;
    accessor other = 0;
    plain = 0;
  }
  const stage = new Stage();
  expect(() => getChangeLog(null as never, 'level' as never)).toThrow('no audited attribute');
  for (const name of ['other', 'plain', 'toString', 'none'] as never[]) {
    expect(() => getChangeLog(stage, name)).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', place: 'getChangeLog' }),
    );
  }
});

describe('diffStageSnapshots', () => {
  class Stage {
    @audited accessor level: number | undefined;
    @audited accessor unit: string | null = 'C';
  }

  test('gives both values, and the second less the first', () => {
    const [a, b] = [new Stage(), new Stage()];
    expect(diffStageSnapshots(a, b, 'level')).toEqual({ stageA: null, stageB: null, delta: null });
    a.level = 5;
    expect(diffStageSnapshots(a, b, 'level')).toEqual({ stageA: 5, stageB: null, delta: null });
    b.level = 3;
    expect(diffStageSnapshots(a, b, 'level')).toEqual({ stageA: 5, stageB: 3, delta: -2 });
    expect(diffStageSnapshots(a, b, 'unit')).toEqual({ stageA: 'C', stageB: 'C', delta: null });
  });

  test('has no difference of what has none', () => {
    const [a, b] = [new Stage(), new Stage()];
    for (const [first, second] of [
      [Infinity, Infinity],
      [NaN, 1],
    ] as const) {
      [a.level, b.level] = [first, second];
      expect(diffStageSnapshots(a, b, 'level').delta).toBe(null);
    }
    [a.level, b.level] = [1, Infinity];
    expect(diffStageSnapshots(a, b, 'level').delta).toBe(Infinity);
  });

  test('refuses what is no object', () => {
    const isInvalid = expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }) as unknown;
    expect(() => diffStageSnapshots(1 as never, {}, 'a' as never)).toThrow(isInvalid);
    expect(() => diffStageSnapshots({ a: 1 }, null as never, 'a' as never)).toThrow(isInvalid);
  });

  test('refuses a name that one of them does not have', () => {
    const [a, b] = [new Stage(), { unit: 'C' }];
    expect(() => diffStageSnapshots(a, b, 'level' as 'unit')).toThrow('attribute of the second');
    expect(() => diffStageSnapshots(b, a, 'level' as 'unit')).toThrow('attribute of the first');
  });
});

test('each object has a log of its own, also below one that has one', () => {
  class Stage {
    declare level: number;
  }
  defineAudited(Stage, ['level']);
  const [a, b] = [new Stage(), new Stage()];
  for (const level of [2, 10]) a.level = level;
  for (const level of [2, 20]) b.level = level;
  const derived = Object.create(a) as Stage;
  derived.level = 99;
  const logs = [a, b, derived, new Stage()].map((one) => pairs(getChangeLog(one, 'level')));
  expect(logs).toEqual([[[2, 10]], [[2, 20]], [[10, 99]], []]);
});

test('a log stays that of its object where it is set through a proxy', () => {
  class Stage {
    declare level: number;
  }
  defineAudited(Stage, ['level']);
  const stage = new Stage();
  for (let level = 0; level <= 5; level++) stage.level = level;
  const proxy = new Proxy(stage, {});
  proxy.level = 6;
  stage.level = 7;
  proxy.level = 7;
  for (const one of [stage, proxy]) {
    expect(getChangeLog(one, 'level')).toMatchObject({ changes: 7, discarded: 0 });
    expect(pairs(getChangeLog(one, 'level')).at(-1)).toEqual([6, 7]);
  }
  // One that is set through a proxy first, and what inherits from one.
  const first = new Proxy(new Stage(), {});
  for (const level of [1, 2, 3]) first.level = level;
  const derived = Object.create(first) as Stage;
  for (const level of [4, 5]) derived.level = level;
  first.level = 6;
  expect(pairs(getChangeLog(first, 'level'))).toEqual([
    [1, 2],
    [2, 3],
    [3, 6],
  ]);
  expect(pairs(getChangeLog(derived, 'level'))).toEqual([
    [3, 4],
    [4, 5],
  ]);
});

test('the log of a parent goes on below the rule of its child, in either order', () => {
  class Outside {
    @audited @rangeFloat(0, 9) accessor level = 1;
  }
  class Inside {
    @rangeFloat(0, 9) @audited accessor level = 1;
  }
  for (const Parent of [Outside, Inside]) {
    class Child extends Parent {}
    class Grandchild extends Child {}
    defineAttributes(Child, { level: rangeFloat(0, 20) });
    defineAttributes(Grandchild, { level: rangeFloat(0, 30) });
    for (const Stage of [Child, Grandchild]) {
      const stage = new Stage();
      stage.level = 15;
      expect(() => (stage.level = 31)).toThrow('was given 31');
      expect(pairs(getChangeLog(stage, 'level'))).toEqual([[1, 15]]);
    }
    expect(() => (new Parent().level = 15)).toThrow('to 9');
  }
});

test('an optional attribute can be unset again', () => {
  class Probe {
    declare level?: number | undefined;
    @optional(positiveInt) accessor count: number | undefined;
  }
  defineAudited(defineAttributes(Probe, { level: optional(positiveInt) }), ['level', 'count']);
  const probe = new Probe();
  expect([probe.level, probe.count]).toEqual([undefined, undefined]);
  for (const level of [undefined, 5, undefined, 6]) probe.level = probe.count = level;
  for (const name of ['level', 'count'] as const) {
    expect(pairs(getChangeLog(probe, name))).toEqual([
      [5, undefined],
      [undefined, 6],
    ]);
    expect(() => (probe[name] = 0)).toThrow(`[Probe.${name}] was given 0`);
  }
  expect(jsonSchemaOf(Probe)).toMatchObject({ required: [] });
});

describe('a setter that does more than store', () => {
  class Climbing {
    #level = 0;
    get level(): number {
      return this.#level;
    }
    set level(value: number) {
      this.#level = value;
      if (value < 3) changedBy('inner', () => (this.level = value + 1), clockAt(value));
      if (value === 1) this.#level = 7;
    }
  }
  defineAudited(Climbing, ['level']);

  test('logs the changes that one makes in their order, each with who made it', () => {
    const stage = new Climbing();
    changedBy('outer', () => (stage.level = 1), clockAt(0));
    const { entries } = getChangeLog(stage, 'level');
    expect(entries).toEqual([
      { at: 0, from: 0, to: 1, by: 'outer' },
      { at: 1, from: 1, to: 2, by: 'inner' },
      { at: 2, from: 2, to: 3, by: 'inner' },
      { at: 0, from: 3, to: 7, by: 'outer' },
    ]);
    stage.level = 8;
    expect(pairs(getChangeLog(stage, 'level')).at(-1)).toEqual([7, 8]);
  });

  test('logs what it stored before it threw', () => {
    class Throwing {
      #level = 0;
      get level(): number {
        return this.#level;
      }
      set level(value: number) {
        this.#level = value;
        throw new Error('too late');
      }
    }
    defineAudited(Throwing, ['level']);
    const stage = new Throwing();
    for (const level of [9, 10]) expect(() => (stage.level = level)).toThrow('too late');
    expect(pairs(getChangeLog(stage, 'level'))).toEqual([
      [0, 9],
      [9, 10],
    ]);
  });
});

test('a change that has no time is not made', () => {
  const stage = new Decorated('a');
  const now = (): number => {
    throw new Error('no time');
  };
  const change = (): number => (stage.level = 2);
  expect(() => changedBy('anna', change, { clock: { now } })).toThrow('no time');
  expect(() => changedBy('anna', change, { clock: {} as never })).toThrow(
    '[changedBy] was given a clock that has no `now`',
  );
  expect(() => changedBy('anna', 5 as never)).toThrow('[changedBy] was given no function');
  expect([stage.level, getChangeLog(stage, 'level').changes]).toEqual([1, 0]);
});
