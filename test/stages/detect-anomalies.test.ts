import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { Batch, Schema, schema } from '../../src/batch/index.ts';
import {
  type Logger,
  normalDeviate,
  seededRandom,
  silentLogger,
  type StageContext,
} from '../../src/core/index.ts';
import { detectAnomalies, type Detectors } from '../../src/stages/detect-anomalies.ts';
import { stageSuite } from '../../src/testing/stage-suite.ts';
import { createStage } from '../../src/testing/stage.ts';

const input = schema({ sensor: 'category', at: 'timestamp?', value: 'float64?' });
const rowsOf = (
  values: readonly (number | null)[],
  sensor: (at: number) => string = () => 'a',
): { sensor: string; at: number; value: number | null }[] =>
  values.map((value, at) => ({ sensor: sensor(at), at: at * 1000, value }));

type Judgement = [flag: boolean, score: number, reason: string | null];

async function judge(
  detectors: Detectors<'at'>,
  records: ReturnType<typeof rowsOf>,
  by?: 'sensor',
): Promise<Judgement[]> {
  const stage = createStage(detectAnomalies({ field: 'value', detectors, by }), input);
  const rows = await stage.rows(records);
  return rows.map(
    (row) => [row['anomaly'], row['anomalyScore'], row['anomalyReason']] as Judgement,
  );
}

const wave = Array.from({ length: 24 }, (_, at) =>
  at === 15 ? 500 : at === 4 ? null : at === 9 ? NaN : 20 + 5 * Math.sin(at),
);
const all: Detectors<'at'> = {
  robustZ: { window: 6 },
  ewma: { baseline: 8 },
  stuck: { countMax: 2, tolerance: 0.5 },
  range: { min: 0, max: 100 },
  silent: { time: 'at', afterMs: 1500 },
};

for (const { name, run } of stageSuite(detectAnomalies, [
  {
    name: 'with defaults',
    component: detectAnomalies({ field: 'value' }),
    input,
    records: rowsOf(wave),
  },
  {
    name: 'with every detector, by sensor',
    component: detectAnomalies({ field: 'value', by: 'sensor', detectors: all, into: 'odd' }),
    input,
    records: rowsOf(wave, (at) => (at % 3 === 0 ? 'a' : 'b')),
  },
])) {
  test(name, run);
}

describe('robustZ', () => {
  test('by hand: 0.6745 · |x − median| / MAD of the values before, over the limit', async () => {
    // Before 9: 1 2 3 4, median 2.5, distances 1.5 0.5 0.5 1.5, MAD 1.
    const found = await judge({ robustZ: { window: 4, limit: 2 } }, rowsOf([1, 2, 3, 4, 9, 3]));
    expect(found.slice(0, 2)).toEqual([
      [false, 0, null],
      [false, 0, null],
    ]);
    expect(found[4]![1]).toBeCloseTo((0.6745 * 6.5) / 1 / 2, 12);
    expect(found[4]).toMatchObject([true, expect.any(Number), 'robustZ']);
    // The window is now 2 3 4 9: median 3.5, MAD 1.
    expect(found[5]![1]).toBeCloseTo((0.6745 * 0.5) / 1 / 2, 12);
  });

  test('a value does not hide itself, in however small a window', async () => {
    const found = await judge({ robustZ: { window: 2 } }, rowsOf([1, 1.1, 1e6]));
    expect(found[2]![0]).toBe(true);
  });

  test('where more than half are equal the mean deviation stands in', async () => {
    // Median 5, MAD 0, mean distance 0.25.
    const found = await judge({ robustZ: { window: 4, limit: 1 } }, rowsOf([5, 5, 5, 6, 7]));
    expect(found[4]![1]).toBeCloseTo(2 / (1.253314 * 0.25), 12);
  });

  test('without any scatter any distance is beyond measure, unless a least scatter is set', async () => {
    const records = rowsOf([5, 5, 5, 5, 5, 5.1, 5]);
    expect((await judge({ robustZ: { window: 4 } }, records))[5]).toEqual([true, 1e6, 'robustZ']);
    const patient = await judge({ robustZ: { window: 4, deviationMin: 0.1 } }, records);
    expect(patient[5]![0]).toBe(false);
  });

  test('finds a spike in noise and little else', async () => {
    const random = seededRandom('noise');
    const values = Array.from(
      { length: 2000 },
      (_, at) => normalDeviate(random) + (at === 1500 ? 12 : 0),
    );
    const found = await judge({ robustZ: {} }, rowsOf(values));
    expect(found[1500]![0]).toBe(true);
    expect(found.filter(([flag]) => flag).length).toBeLessThan(20);
  });
});

describe('ewma', () => {
  test('by hand, around a fixed mean', async () => {
    const found = await judge(
      { ewma: { lambda: 0.5, limit: 1, mean: 0, stdDev: 1 } },
      rowsOf([1, 1, -3]),
    );
    // Averages 0.5, 0.75, −1.125; widths √(1/3 · (1 − 0.25^t)).
    const widths = [1, 2, 3].map((t) => Math.sqrt((1 / 3) * (1 - 0.25 ** t)));
    for (const [at, average] of [0.5, 0.75, 1.125].entries()) {
      expect(found[at]![1]).toBeCloseTo(average / widths[at]!, 12);
    }
    expect(found.map(([flag]) => flag)).toEqual([false, true, true]);
  });

  test('the example of the NIST handbook, 6.3.2.4, is in control throughout', async () => {
    // λ 0.3, mean 50, s 2.0539: the handbook gives limits 47.4115 and 52.5884 for many values.
    const values = [52, 47, 53, 49.3, 50.1, 47, 51, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8];
    values.push(51.2, 52.6, 52.4, 53.6, 52.1);
    const found = await judge(
      { ewma: { lambda: 0.3, limit: 3, mean: 50, stdDev: 2.0539 } },
      rowsOf(values),
    );
    expect(found.every(([flag]) => !flag)).toBe(true);
    expect(found[19]![1] * (52.5884 - 50)).toBeCloseTo(51.99 - 50, 1);
  });

  test('learns its baseline, then finds a small shift that lasts', async () => {
    const random = seededRandom('shift');
    const values = Array.from(
      { length: 400 },
      (_, at) => 50 + normalDeviate(random) + (at >= 300 ? 1.5 : 0),
    );
    const found = await judge({ ewma: { baseline: 200 } }, rowsOf(values));
    expect(found.slice(0, 200).every(([, score]) => score === 0)).toBe(true);
    expect(found.slice(200, 300).filter(([flag]) => flag).length).toBeLessThan(5);
    expect(found.slice(310).filter(([flag]) => flag).length).toBeGreaterThan(70);
  });

  test('says nothing where the baseline has no scatter', async () => {
    const found = await judge({ ewma: { baseline: 3 } }, rowsOf([1, 1, 1, 100, 100]));
    expect(found.every(([flag, score]) => !flag && score === 0)).toBe(true);
  });
});

test('stuck: more than so many values near the first of the run; null is none', async () => {
  const values = [1, 1, 1.05, null, 1.1, 1.2, 7, 7, 7];
  const found = await judge({ stuck: { countMax: 2, tolerance: 0.1001 } }, rowsOf(values));
  const scores = [0.5, 1, 1.5, 0, 2, 0.5, 0.5, 1, 1.5];
  expect(found).toEqual(scores.map((score) => [score > 1, score, score > 1 ? 'stuck' : null]));
});

test('range: inclusive bounds, infinities outside, null and NaN nowhere', async () => {
  const values = [-1, 0, 5, 10, 10.5, Infinity, -Infinity, NaN, null];
  const found = await judge({ range: { min: 0, max: 10 } }, rowsOf(values));
  expect(found.map(([flag]) => flag)).toEqual([
    true,
    false,
    false,
    false,
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(found.map(([, score]) => score)).toEqual([2, 0, 0, 0, 1.5, 1e6, 1e6, 0, 0]);
});

describe('silent', () => {
  const silent = { silent: { time: 'at', afterMs: 1000 } } as const;

  test('the first row after more than so long, whatever its value', async () => {
    const times = [0, 1000, 2001, 2500, null, 1500, 9500];
    const records = times.map((at) => ({ sensor: 'a', at, value: null }));
    const found = await judge(silent, records as never);
    expect(found.map(([, score]) => score)).toEqual([0, 1, 1.001, 0.499, 0, 0, 7]);
    expect(found.map(([flag]) => flag)).toEqual([false, false, true, false, false, false, true]);
  });

  class Lines implements Logger {
    readonly lines: [string, unknown][] = [];
    debug = silentLogger.debug;
    info = silentLogger.info;
    error = silentLogger.error;
    critical = silentLogger.critical;
    bindContext = (): Logger => this;
    warning = (event: string, fields?: Readonly<Record<string, unknown>>): void => {
      this.lines.push([event, fields]);
    };
  }

  /** Batches of `sensor@time`, and the keys that are logged as silent behind each. */
  async function keysLogged(
    batches: string[][],
    afterMs = 1000,
    sensitive: readonly string[] = [],
  ): Promise<unknown[][]> {
    const log = new Lines();
    const { spec } = detectAnomalies;
    const options = spec.options(z).parse({
      field: 'value',
      by: 'sensor',
      detectors: { silent: { time: 'at', afterMs } },
    }) as never;
    const report = { counted() {} };
    const fields = input.fields.map((field) =>
      sensitive.includes(field.name) ? { ...field, sensitive: true as const } : field,
    );
    const given = new Schema(fields);
    const context = { input: given, output: spec.output(given, options), report, log };
    const instance = spec.create(options, context as unknown as StageContext);
    const { process } = instance as unknown as { process: (batch: Batch) => Batch };
    return batches.map((texts) => {
      const records = texts.map((text) => {
        const [sensor, at] = text.split('@');
        return { sensor: sensor!, at: Number(at), value: 1 };
      });
      process(Batch.from(records, input));
      return log.lines.splice(0).map(([event, fields]) => {
        expect(event).toBe('sensor.silent');
        return Object.values(fields as object).join(' ');
      });
    });
  }

  test('a silence that other keys show is logged, once', async () => {
    expect(
      await keysLogged([
        ['a@0', 'b@0', 'c@0'],
        ['a@1000', 'b@900'],
        ['a@1001'],
        ['a@1500', 'b@1500'],
        ['c@1600', 'b@1700'],
        ['b@2700'],
        ['b@2701'],
      ]),
    ).toEqual([[], [], ['c 0 1001'], [], [], ['a 1500 1200', 'c 1600 1100'], []]);
  });

  test('of a sensitive field nothing is logged but that it is silent', async () => {
    const batches = [['a@0', 'b@0'], ['b@1001']];
    expect(await keysLogged(batches, 1000, ['sensor'])).toEqual([[], ['[secret] 0 1001']]);
    expect(await keysLogged(batches, 1000, ['at'])).toEqual([[], ['a [secret] 1001']]);
  });

  test('also of a key that came late', async () => {
    const logged = await keysLogged([['a@0'], ['a@5000'], ['b@4500'], ['a@5600']]);
    expect(logged).toEqual([[], [], [], ['b 4500 1100']]);
  });

  test('at most 20 behind one batch, the others behind the next', async () => {
    const many = Array.from({ length: 50 }, (_, at) => `s${at}@0`);
    const logged = await keysLogged([many, ['x@5000'], ['x@5001'], ['x@5002'], ['x@5003']]);
    expect(logged.map((lines) => lines.length)).toEqual([0, 20, 20, 10, 0]);
  });
});

test('the greatest score gives the reason; of equal ones the first detector', async () => {
  const detectors = { range: { max: 10 }, stuck: { countMax: 1 } };
  const found = await judge(detectors, rowsOf([11, 11, 11, 12]));
  expect(found).toEqual([
    [true, 2, 'range'],
    [true, 2, 'range'],
    [true, 3, 'stuck'],
    [true, 3, 'range'],
  ]);
});

test('keys are judged apart', async () => {
  const records = rowsOf([1, 100, 1, 100, 1, 100, 1, 100], (at) => (at % 2 === 0 ? 'a' : 'b'));
  const together = await judge({ stuck: { countMax: 2 } }, records);
  const apart = await judge({ stuck: { countMax: 2 } }, records, 'sensor');
  expect(together.some(([flag]) => flag)).toBe(false);
  expect(apart.map(([flag]) => flag)).toEqual([false, false, false, false, true, true, true, true]);
});

describe('is refused', () => {
  const options = detectAnomalies.spec.options(z);
  test.each([
    [{}, 'name at least one detector'],
    [{ robustZ: { window: 1 } }, '>=2'],
    [{ robustZ: { limit: 0 } }, '>0'],
    [{ range: {} }, 'give `min`, `max` or both'],
    [{ range: { min: 2, max: 1 } }, '`min` is greater than `max`'],
    [{ ewma: { lambda: 1.5 } }, '<=1'],
    [{ ewma: { mean: 1 } }, 'give both `mean` and `stdDev`'],
    [{ silent: { time: 'at' } }, 'received undefined'],
    [{ spike: {} }, 'spike'],
  ])('%o', (detectors, text) => {
    const { error } = options.safeParse({ field: 'value', detectors });
    expect(error?.issues.map(({ message }) => message).join()).toContain(text);
  });

  test('a field that is missing or of the wrong kind', () => {
    const plan = (given: object) => () => createStage(detectAnomalies(given as never), input);
    expect(plan({ field: 'vlaue' })).toThrow(
      'field `vlaue` does not exist here; fields: sensor, at',
    );
    expect(plan({ field: 'sensor' })).toThrow('`sensor` is category, not float64');
    expect(plan({ field: 'value', detectors: { silent: { time: 'value', afterMs: 1 } } })).toThrow(
      '`value` is float64, not timestamp',
    );
  });
});
