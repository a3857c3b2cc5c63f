import { describe, expect, test } from 'vitest';

import { intervalSource, memorySink, pipeline } from '../../src/index.ts';
import {
  type AlertRule,
  Alerts,
  DegradationHistogram,
  MetricsRegistry,
} from '../../src/observe/index.ts';
import { problemsOf } from '../engine/config-components.ts';
import { runStats } from './run-stats.ts';

const rule: AlertRule = {
  name: 'heat',
  summary: 'It is hot.',
  unit: '°C',
  limits: { warn: 70, critical: 90, clear: 50 },
  of: { m: 2, n: 3 },
  read: () => [],
};
const invalid = (place: string): object =>
  expect.objectContaining({ code: 'ERR_CONFIG_INVALID', place });

describe('an alert rule that could not be judged by is refused', () => {
  test.each<[what: string, place: string, given: Partial<AlertRule>]>([
    ['critical below warn', 'limits', { limits: { warn: 90, critical: 10, clear: 5 } }],
    ['clear on the bad side', 'limits', { limits: { warn: 90, clear: 95 } }],
    ['a floor the wrong way round', 'limits', { bad: 'below', limits: { warn: 9, clear: 5 } }],
    ['NaN', 'limits', { limits: { warn: Number.NaN, clear: 5 } }],
    ['no limits', 'limits', { limits: { clear: 5 } }],
    ['m above n', 'of', { of: { m: 4, n: 3 } }],
    ['m of 0', 'of', { of: { m: 0, n: 3 } }],
    ['half a look', 'of', { of: { m: 1, n: 1.5 } }],
    ['a limit that is no number', 'limits', { limits: { warn: '9', clear: 5 } as never }],
    ['a limit of another name', 'limits', { limits: { warn: 9, clear: 5, fatal: 10 } as never }],
    ['nothing for limits', 'limits', { limits: undefined as never }],
    ['n of more looks than are kept', 'of', { of: { m: 1, n: 1e9 } }],
    ['of nothing', 'of', { of: undefined as never }],
    ['no time ahead', 'forecastMs', { forecastMs: 0 }],
    ['a text for a time', 'forecastMs', { forecastMs: '5' as never }],
    ['no side', 'bad', { bad: 'sideways' as never }],
    ['nothing to read', 'read', { read: undefined as never }],
    ['no unit', 'unit', { unit: undefined as never }],
    ['no summary', 'summary', { summary: ' ' }],
  ])('%s', (_, option, given) => {
    const make = (): Alerts => new Alerts({ rules: [{ ...rule, ...given }] });
    expect(make).toThrow(invalid(`alerts.heat.${option}`));
  });

  test.each([undefined, '', 5, 'Over Heat', 'heat"\n'])('the name %j', (name) => {
    const make = (): Alerts => new Alerts({ rules: [{ ...rule, name: name as string }] });
    expect(make).toThrow(invalid('alerts.name'));
  });

  test('the name of another: they would be one alert, or two that cannot be told apart', () => {
    const rules = [rule, { ...rule, limits: { warn: 5, clear: 1 } }];
    expect(() => new Alerts({ rules })).toThrow(invalid('alerts.heat'));
    const built = pipeline('p')
      .from(intervalSource({ everyMs: 1, count: 1 }))
      .to(memorySink());
    return expect(built.start({ alerts: rules })).rejects.toThrow(invalid('alerts.heat'));
  });

  test('an option that there is not, and rules that are none', () => {
    const given = { ...rule, limts: {} } as AlertRule;
    expect(() => new Alerts({ rules: [given] })).toThrow('limts');
    for (const rules of [undefined, 5, [null], ['heat']]) {
      expect(() => new Alerts({ rules: rules as never })).toThrow('ERR_CONFIG_INVALID');
    }
    expect(() => new Alerts({ rules: [], historymax: 5 } as never)).toThrow('historymax');
    expect(() => new Alerts({ rules: [], historyMax: -1 })).toThrow(invalid('alerts.historyMax'));
  });

  test('in a file too, as a webhook that no request could be made to', async () => {
    const problems = await problemsOf(`
name: refused
alerts:
  limits:
    queue-saturation: { warn: 90, critical: 10, clear: 95 }
    throughput-floor: { warn: 500, critical: 100, clear: 600 }
    lag-saturation: { clear: 5 }
  webhook: { url: 'http://me:secret@hook.test/', headers: { 'no header': a, good: "a\\nb", fine: c } }
source: { numbers: { count: 1 } }
sink: { log: {} }
`);
    const text = JSON.stringify(problems);
    for (const part of ['queue-saturation', 'lag-saturation', 'authorization', 'no header', 'good'])
      expect(text).toContain(part);
    for (const part of ['throughput-floor', 'me:secret', 'fine']) expect(text).not.toContain(part);
  });
});

test('a rule is judged for a thousand components at most, the worst of the others as one', () => {
  const read: AlertRule['read'] = () =>
    Array.from({ length: 1500 }, (_, at) => ({ component: `c${at}`, value: 71 + at }));
  const alerts = new Alerts({ rules: [{ ...rule, of: { m: 1, n: 1 }, read }] });
  alerts.look(runStats(0));
  expect(alerts.active).toHaveLength(1000);
  const overflow = alerts.active.find(({ component }) => component === 'overflow');
  expect(overflow).toMatchObject({ value: 1570, state: 'firing' });
});

test.each<[what: string, name: unknown, metrics: unknown]>([
  ['no name', undefined, { in: 1 }],
  ['an empty name', '', { in: 1 }],
  ['a number for a name', 5, { in: 1 }],
  ['no figures', 'a', null],
  ['a figure that there is not', 'a', { inn: 1 }],
  ['a text for a figure', 'a', { in: '5' }],
])('a registry takes nothing with %s', (_, name, metrics) => {
  const registry = new MetricsRegistry();
  expect(() => registry.register(name as string, metrics as object)).toThrow('ERR_CONFIG_INVALID');
  expect(registry.report().stages).toEqual([]);
});

test.each([-5, Number.NaN, Infinity, 1e308])('a registry takes no %s', (value) => {
  const registry = new MetricsRegistry();
  for (const figure of ['in', 'out', 'errors', 'busyMs', 'latency']) {
    expect(() => registry.register('a', { [figure]: value })).toThrow(
      invalid(`MetricsRegistry.a.${figure}`),
    );
  }
  expect(registry.report().stages).toEqual([]);
});

test('a histogram of batches takes no other word', () => {
  const histogram = new DegradationHistogram();
  expect(() => histogram.record('healthy' as never)).toThrow(
    invalid('DegradationHistogram.record'),
  );
  expect(histogram.batches).toBe(0);
});
