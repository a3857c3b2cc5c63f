import { totalmem } from 'node:os';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type Alert,
  alertFired,
  alertResolved,
  type AlertRule,
  Alerts,
  isEvent,
  type RunStats,
  shippedRules,
} from '../../src/observe/index.ts';
import { begunAt, collapses, firedAt } from './collapses.ts';
import { censusOf, componentStats, runStats } from './run-stats.ts';

/** A rule over one figure that is given look by look. */
function ruleOver(
  values: readonly (number | null)[],
  given: Partial<AlertRule> = {},
): { rule: AlertRule; series: RunStats[] } {
  const rule: AlertRule = {
    name: 'heat',
    summary: 'It is hot.',
    unit: '°C',
    limits: { warn: 70, critical: 90, clear: 50 },
    of: { m: 2, n: 3 },
    read: ({ stats }) => [{ component: 'oven', value: values[stats.durationMs / 1000]! }],
    ...given,
  };
  return { rule, series: values.map((_, second) => runStats(second)) };
}

/** What changed at each look: `second state severity`. */
function replay(alerts: Alerts, series: readonly RunStats[]): string[] {
  return series.flatMap((stats) =>
    alerts
      .look(stats)
      .map(({ state, severity }) => `${stats.durationMs / 1000} ${state} ${severity}`),
  );
}

function replayed(values: readonly (number | null)[], given: Partial<AlertRule> = {}): string[] {
  const { rule, series } = ruleOver(values, given);
  return replay(new Alerts({ rules: [rule] }), series);
}

describe('an alert', () => {
  test('is pending first, fires at m of n looks, and clears behind a limit of its own', () => {
    expect(replayed([20, 71, 20, 72, 60, 60, 60, 49, 60, 48, 20])).toEqual([
      '1 pending WARNING',
      '3 firing WARNING',
      '9 resolved WARNING',
    ]);
  });

  test('that is bad once and not again is forgotten without a word', () => {
    expect(replayed([20, 71, 20, 20, 20, 71, 20])).toEqual([
      '1 pending WARNING',
      '5 pending WARNING',
    ]);
  });

  test('is critical when m of n looks are, and stays so until it is resolved', () => {
    expect(replayed([71, 71, 95, 71, 95, 71, 71, 20, 20])).toEqual([
      '0 pending WARNING',
      '1 firing WARNING',
      '4 firing CRITICAL',
      '8 resolved CRITICAL',
    ]);
  });

  test('is critical at once where it begins so', () => {
    expect(replayed([95, 95])).toEqual(['0 pending CRITICAL', '1 firing CRITICAL']);
  });

  test('stays where its figure is not known any more: no data is not well', () => {
    const { rule, series } = ruleOver([95, 95, ...Array<null>(50).fill(null), 20, 20]);
    const alerts = new Alerts({ rules: [rule] });
    replay(alerts, series.slice(0, 52));
    expect(alerts.active).toMatchObject([{ state: 'firing', value: 95 }]);
    expect(replay(alerts, series.slice(52))).toEqual(['53 resolved CRITICAL']);
  });

  test('below a floor', () => {
    expect(
      replayed([900, 400, 300, 450, 600, 700], {
        bad: 'below',
        limits: { warn: 500, clear: 550 },
      }),
    ).toEqual(['1 pending WARNING', '2 firing WARNING', '5 resolved WARNING']);
  });

  test('says since when, why, with figures', () => {
    const { rule, series } = ruleOver([20, 71.239, 72, 20, 20]);
    const changed: Alert[] = [];
    const alerts = new Alerts({ rules: [rule], onChange: (alert) => changed.push(alert) });
    replay(alerts, series.slice(0, 3));
    const fired = {
      rule: 'heat',
      summary: 'It is hot.',
      component: 'oven',
      state: 'firing',
      severity: 'WARNING',
      sinceMs: series[1]!.at,
      firedMs: series[2]!.at,
      value: 72,
      limit: 70,
      unit: '°C',
      text: '72 °C, limit 70 °C',
    };
    const asFired = { severity: 'WARNING', value: 72, limit: 70, text: '72 °C, limit 70 °C' };
    expect(alerts.active).toEqual([{ ...fired, fired: asFired }]);
    replay(alerts, series.slice(3, 4));
    expect(alerts.active).toEqual([
      { ...fired, value: 20, text: '20 °C, well at 50 °C', fired: asFired },
    ]);
    replay(alerts, series.slice(4));
    const resolved = {
      ...fired,
      fired: asFired,
      state: 'resolved',
      value: 20,
      text: '20 °C, well again',
      resolvedMs: series[4]!.at,
    };
    expect(changed.map(({ text }) => text)).toEqual([
      '71.24 °C, limit 70 °C',
      '72 °C, limit 70 °C',
      '20 °C, well again',
    ]);
    expect(alerts.active).toEqual([]);
    expect(alerts.history).toEqual([resolved]);
  });

  test('that got worse remembers what it was then, also once it is well again', () => {
    const { rule, series } = ruleOver([71, 72, 95, 96, 99, 20, 20]);
    const alerts = new Alerts({ rules: [rule] });
    replay(alerts, series);
    expect(alerts.history).toMatchObject([
      {
        value: 20,
        text: '20 °C, well again',
        fired: { severity: 'CRITICAL', value: 96, limit: 90, text: '96 °C, limit 90 °C' },
      },
    ]);
  });

  test('remembers so many that were resolved and no more', () => {
    const { rule, series } = ruleOver(
      Array.from({ length: 100 }, (_, at) => (at % 2 === 0 ? 95 : 20)),
      { of: { m: 1, n: 1 } },
    );
    const alerts = new Alerts({ rules: [rule], historyMax: 5 });
    replay(alerts, series);
    expect(alerts.history.map(({ resolvedMs }) => (resolvedMs! - series[0]!.at) / 1000)).toEqual([
      91, 93, 95, 97, 99,
    ]);
  });

  test('as a slow model says, whatever the figures', () => {
    const figures = fc.array(fc.oneof(fc.constantFrom(20, 60, 71, 95), fc.constant(null)), {
      maxLength: 60,
    });
    const windows = fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }))
      .map(([m, more]) => ({ m, n: m + more }));
    fc.assert(
      fc.property(figures, windows, (values, of) => {
        expect(replayed(values, { of })).toEqual(model(values, of));
      }),
      { numRuns: process.env['MILLRACE_NIGHTLY'] ? 100_000 : 5000 },
    );
  });
});

/** The state of an alert, each time from all that came since it last changed. */
function model(
  values: readonly (number | null)[],
  { m, n }: { readonly m: number; readonly n: number },
): string[] {
  const said: string[] = [];
  let [state, severity, from] = ['well', '', 0];
  const known = values.flatMap((value, second) => (value === null ? [] : [{ value, second }]));
  for (const [at, { second, value }] of known.entries()) {
    const last = known.slice(Math.max(from, at + 1 - n), at + 1).map((look) => look.value);
    const count = (fits: (figure: number) => boolean): number => last.filter(fits).length;
    const say = (next: string, worst: string): void => {
      [state, severity] = [next, worst];
      said.push(`${second} ${next} ${worst}`);
    };
    const isCritical = count((figure) => figure > 90) >= m;
    if (state === 'firing') {
      if (count((figure) => figure <= 50) >= m) {
        say('resolved', severity);
        [state, from] = ['well', at + 1];
      } else if (severity === 'WARNING' && isCritical) say('firing', 'CRITICAL');
    } else if (count((figure) => figure > 70) >= m && value > 70) {
      say('firing', isCritical ? 'CRITICAL' : 'WARNING');
      from = at + 1;
    } else if (count((figure) => figure > 70) === 0) state = 'well';
    else if (state === 'well' && value > 70) say('pending', value > 90 ? 'CRITICAL' : 'WARNING');
  }
  return said;
}

describe('a forecast', () => {
  const forecast = { forecastMs: 60_000, limits: { warn: 70, critical: 90, clear: 50 } };

  test('fires before a limit is reached, and says when that will be', () => {
    const { rule, series } = ruleOver(
      Array.from({ length: 40 }, (_, second) => 10 + second),
      forecast,
    );
    const alerts = new Alerts({ rules: [rule] });
    const changes = replay(alerts, series.slice(0, 31));
    // 90 would be reached at 80 s: within a minute from 20 s on.
    expect(changes).toEqual(['20 pending WARNING', '21 firing WARNING']);
    expect(alerts.active[0]).toMatchObject({ value: 40, limit: 90, leftMs: 50_000 });
    expect(alerts.active[0]!.text).toBe('40 °C, limit 90 °C reached in 50 s');
  });

  test('is told of a warning too, for as long as the figure goes there', () => {
    // So slowly that 90 is more than a minute away when 70 is passed.
    const rising = Array.from({ length: 101 }, (_, second) => 60 + second * 0.2);
    const falling = Array.from({ length: 60 }, (_, second) => 80 - second * 0.2);
    const { rule, series } = ruleOver([...rising, ...falling], forecast);
    const alerts = new Alerts({ rules: [rule] });
    const texts: (string | undefined)[] = [];
    for (const stats of series) {
      alerts.look(stats);
      texts.push(alerts.active[0]?.text);
    }
    expect(texts[50]).toBe(undefined);
    expect(texts[51]).toBe('70.2 °C, limit 70 °C, 90 °C reached in 99 s');
    expect(texts[100]).toBe('80 °C, limit 70 °C, 90 °C reached in 50 s');
    expect(texts[150]).toBe('70.2 °C, limit 70 °C');
    expect(texts[155]).toBe('69.2 °C, well at 50 °C');
    expect(alerts.active[0]).not.toHaveProperty('leftMs');
  });

  test('is told of what fired and is below its limits again, but rises', () => {
    const rising = Array.from({ length: 40 }, (_, second) => 51 + second * 0.1);
    const { rule, series } = ruleOver([71, 71, ...rising], forecast);
    const alerts = new Alerts({ rules: [rule] });
    replay(alerts, series);
    expect(alerts.active).toMatchObject([
      { limit: 70, text: '54.9 °C, well at 50 °C, 90 °C reached in 6 min', leftMs: 351_000 },
    ]);
  });

  test('of a figure that is back from beyond its limit is none', () => {
    const { rule, series } = ruleOver(
      Array.from({ length: 30 }, (_, second) => 150 - second),
      forecast,
    );
    const alerts = new Alerts({ rules: [rule] });
    replay(alerts, series);
    expect(alerts.active[0]!.text).toBe('121 °C, limit 90 °C');
    expect(alerts.active[0]).not.toHaveProperty('leftMs');
  });

  test('of hours is in hours', () => {
    const { rule, series } = ruleOver(
      Array.from({ length: 30 }, (_, second) => 71 + second * 0.001),
      forecast,
    );
    const alerts = new Alerts({ rules: [rule] });
    replay(alerts, series);
    expect(alerts.active[0]!.text).toBe('71.03 °C, limit 70 °C, 90 °C reached in 5 h');
  });

  test('goes by time that only goes forward, whatever the wall clock says', () => {
    const { rule, series } = ruleOver(
      Array.from({ length: 60 }, (_, second) => 10 + second),
      forecast,
    );
    const stepped = series.map((stats, second) =>
      second < 25 ? stats : { ...stats, at: stats.at - 3_600_000 },
    );
    const alerts = new Alerts({ rules: [rule] });
    expect(replay(alerts, stepped)).toEqual(['20 pending WARNING', '21 firing WARNING']);
    expect(alerts.active[0]).toMatchObject({ value: 69, leftMs: 21_000 });
  });

  test('of what swings, or stands, or falls, is none', () => {
    const seconds = Array.from({ length: 100 }, (_, second) => second);
    expect(
      replayed(
        seconds.map((second) => 40 + 25 * Math.sin(second)),
        forecast,
      ),
    ).toEqual([]);
    expect(
      replayed(
        seconds.map(() => 69),
        forecast,
      ),
    ).toEqual([]);
    expect(
      replayed(
        seconds.map((second) => 60 - second / 2),
        forecast,
      ),
    ).toEqual([]);
  });
});

/** Figures of one component that so many records or calls go through each second. */
function trickle(
  seconds: number,
  each: (second: number) => { readonly rows: number; readonly bad: number },
): RunStats[] {
  let [rows, bad] = [0, 0];
  return Array.from({ length: seconds }, (_, second) => {
    const now = each(second);
    [rows, bad] = [rows + now.rows, bad + now.bad];
    const policy = {
      attempts: rows,
      retries: bad,
      substituted: 0,
      substitutedBy: {},
      suppressed: 0,
      breakers: censusOf(),
    };
    const counts = { in: rows, dead: bad, policy: { ...policy, calls: rows - bad } };
    return runStats(second, { components: [componentStats('s', counts)] });
  });
}

describe('shipped rules', () => {
  test.each(['constructor', 'toString', '__proto__'])('a component may be called %s', (id) => {
    const alerts = new Alerts({ rules: shippedRules() });
    const looks = Array.from({ length: 60 }, (_, second) =>
      runStats(second, { components: [componentStats(id)] }),
    );
    expect(replay(alerts, looks)).toEqual([]);
    const degraded = Object.fromEntries([[id, 'slow']]);
    const later = looks.map(({ components }, second) =>
      runStats(second + 60, { components, degraded }),
    );
    expect(replay(alerts, later)).toEqual(['91 firing WARNING']);
  });

  test.each(Object.entries(collapses))('%s fires early', (name, collapse) => {
    const fired = firedAt(name, collapse);
    expect(fired).toBeGreaterThanOrEqual(begunAt);
    expect(fired).toBeLessThanOrEqual(collapse.firesBy);
    expect(fired).toBeLessThan(collapse.brokenAt ?? Infinity);
  });

  test('a throughput below the floor that is given', () => {
    const series = Array.from({ length: 240 }, (_, second) =>
      runStats(second, {
        components: [componentStats('s', { perSecond: second < 60 ? 900 : 400 })],
      }),
    );
    const alerts = new Alerts({
      rules: shippedRules({ 'throughput-floor': { warn: 500, clear: 600 } }),
    });
    const changes = series.flatMap((stats) => alerts.look(stats));
    expect(changes.map(({ rule, state }) => [rule, state])).toEqual([
      ['throughput-floor', 'pending'],
      ['throughput-floor', 'firing'],
    ]);
  });

  /** Figures of a source that gives nothing from a second on, and how far it is behind. */
  function standing(from: number, lag: (second: number) => number, status = 'running'): RunStats[] {
    return Array.from({ length: 500 }, (_, second) => {
      const since = Math.max(0, second - from);
      const source = componentStats('in', {
        kind: 'source',
        // Over ten seconds.
        perSecond: 50 * Math.max(0, 10 - since),
        sinceProgressMs: 1000 * since,
        source: {
          isPaced: true,
          hasEnded: false,
          lag: { value: lag(second), unit: 'records' },
        },
      });
      return runStats(second, { components: [source], status } as Partial<RunStats>);
    });
  }

  function lagAlerts(series: readonly RunStats[]): (readonly [string, string, number])[] {
    const rules = shippedRules().filter(({ name }) => name === 'lag-saturation');
    const alerts = new Alerts({ rules });
    return series.flatMap((stats) =>
      alerts
        .look(stats)
        .map(({ state, severity }) => [state, severity, stats.monotonicMs / 1000] as const),
    );
  }

  test('a source that is behind and gives nothing at all', () => {
    // At its last rate it would have been done in two seconds.
    const [pending, warned, critical, ...more] = lagAlerts(standing(100, () => 100));
    expect([pending![0], warned!.slice(0, 2), critical!.slice(0, 2)]).toEqual([
      'pending',
      ['firing', 'WARNING'],
      ['firing', 'CRITICAL'],
    ]);
    expect(warned![2]).toBeGreaterThan(130);
    expect(warned![2]).toBeLessThan(140);
    expect(critical![2]).toBeLessThan(410);
    expect(more).toEqual([]);
  });

  test('a source that slowed down, and then stopped, is as far behind as it was', () => {
    const changes = lagAlerts(standing(100, (second) => (second < 100 ? 0 : 20_000)));
    expect(changes.map(([state]) => state)).not.toContain('resolved');
    expect(changes.at(-1)!.slice(0, 2)).toEqual(['firing', 'CRITICAL']);
    expect(changes.at(-1)![2]).toBeLessThan(115);
  });

  test('a source that says its lag in bytes, by how many a record has had', () => {
    // 100 records a second of 50 bytes each: 60 s.
    const source = {
      isPaced: true,
      hasEnded: false,
      lag: { value: 300_000, unit: 'bytes' },
    } as const;
    const figures = { kind: 'source', perSecond: 100, in: 1000, source } as const;
    const said = (bytes: number): unknown =>
      lagAlerts(
        Array.from({ length: 5 }, (_, second) =>
          runStats(second, { components: [componentStats('in', { ...figures, bytes })] }),
        ),
      );
    expect(said(50_000)).toEqual([
      ['pending', 'WARNING', 0],
      ['firing', 'WARNING', 2],
    ]);
    // Of one that does not count its bytes nothing is known.
    expect(said(0)).toEqual([]);
  });

  test('no source that has read all, or is paused, however long nothing comes', () => {
    expect(lagAlerts(standing(100, () => 0))).toEqual([]);
    expect(lagAlerts(standing(100, () => 100, 'paused'))).toEqual([]);
  });

  test('a few records a second are judged once enough have come', () => {
    const alerts = new Alerts({ rules: shippedRules() });
    const said = replay(
      alerts,
      trickle(600, () => ({ rows: 9, bad: 8 })),
    );
    expect(said.length).toBeGreaterThan(0);
    expect(alerts.active.map(({ rule, state, severity }) => [rule, state, severity])).toEqual([
      ['retry-rate', 'firing', 'CRITICAL'],
      ['dead-letter-growth', 'firing', 'CRITICAL'],
    ]);
    // Nine come each second: of ten it takes two seconds.
    expect(alerts.active[0]!.text).toMatch(/^\d[\d.]* % of attempts over 2 s, limit 60 % of/);
  });

  test('a few records an hour are judged after a minute, and nothing at all is not', () => {
    const rare = trickle(600, (second) => ({ rows: Number(second % 30 === 5), bad: 0 }));
    const failing = trickle(600, (second) => {
      const rows = Number(second % 30 === 5);
      return { rows, bad: rows };
    });
    const alerts = new Alerts({ rules: shippedRules() });
    expect(replay(alerts, rare)).toEqual([]);
    expect(replay(new Alerts({ rules: shippedRules() }), failing)).toContain('120 firing CRITICAL');
    const none = trickle(600, () => ({ rows: 0, bad: 0 }));
    expect(replay(new Alerts({ rules: shippedRules() }), none)).toEqual([]);
  });

  test('a burst is over once what comes after it is well, however little that is', () => {
    const alerts = new Alerts({ rules: shippedRules() });
    const burst = trickle(120, (second) =>
      second < 20 ? { rows: 100, bad: 50 } : { rows: 8, bad: 0 },
    );
    replay(alerts, burst.slice(0, 20));
    expect(alerts.active.map(({ state }) => state)).toEqual(['firing', 'firing']);
    replay(alerts, burst.slice(20));
    expect(alerts.active).toEqual([]);
  });

  test('the limit of memory is that of the machine unless given', () => {
    const of = (rules: AlertRule[]) => rules.find(({ name }) => name === 'memory-growth')!.limits;
    const MiB = (process.constrainedMemory() || totalmem()) / 1_048_576;
    const whole = Math.min(MiB, totalmem() / 1_048_576);
    expect(of(shippedRules())).toEqual({
      warn: 0.75 * whole,
      critical: 0.9 * whole,
      clear: 0.7 * whole,
    });
    expect(of(shippedRules({}, { memoryMiBMax: 100 }))).toMatchObject({ warn: 75, critical: 90 });
  });

  test('a breaker that tries again has not opened, and is not well yet', () => {
    const states = [
      'half-open',
      'closed',
      'open',
      'half-open',
      'open',
      'half-open',
      'closed',
    ] as const;
    const series = states.map((state, second) => {
      const breakers = [{ id: 'b', name: 'b', state, opens: 0, openMs: 0, refused: 0 }];
      const policy = {
        calls: 0,
        attempts: 0,
        retries: 0,
        substituted: 0,
        substitutedBy: {},
        suppressed: 0,
        breakers: censusOf(breakers),
      };
      return runStats(second, { components: [componentStats('s', { policy })] });
    });
    const alerts = new Alerts({ rules: shippedRules() });
    expect(replay(alerts, series)).toEqual(['2 firing CRITICAL', '6 resolved CRITICAL']);
  });

  test('a component that substitutes now and then is degraded all the while, as the run is', () => {
    const series = (substitutedAt: (second: number) => number): RunStats[] =>
      Array.from({ length: 240 }, (_, second) => {
        const counts = { calls: 0, attempts: 0, retries: 0, suppressed: 0, breakers: censusOf() };
        const policy = { ...counts, substituted: substitutedAt(second), substitutedBy: {} };
        return runStats(second, { components: [componentStats('s', { policy })] });
      });
    const changesOf = (stats: readonly RunStats[]): string[] =>
      replay(new Alerts({ rules: shippedRules() }), stats);
    // Every ten seconds, from the tenth to the hundredth.
    expect(changesOf(series((second) => Math.min(10, Math.floor(second / 10))))).toEqual([
      '50 firing WARNING',
      '130 resolved WARNING',
    ]);
    expect(changesOf(series((second) => (second >= 60 ? 1 : 0)))).toEqual([]);
    expect(changesOf(series((second) => Math.floor(second / 40)))).toEqual([]);
  });

  test('one that is switched off is silent', () => {
    expect(shippedRules({ 'open-breaker': false }).map(({ name }) => name)).not.toContain(
      'open-breaker',
    );
    expect(shippedRules().map(({ name }) => name)).not.toContain('throughput-floor');
  });

  test('a queue that fills slowly says how long it still has, from the warning on', () => {
    const alerts = new Alerts({ rules: shippedRules() });
    const texts: (string | undefined)[] = [];
    for (let second = 0; second < 300; second++) {
      const queue = { depth: 1, rows: 1, bytes: 1, fill: 0.003 * second, isPaced: true };
      alerts.look(runStats(second, { queues: { s: queue } }));
      texts.push(alerts.active[0]?.text);
    }
    // Of the last minute before 95 % a forecast tells by itself; 75 % comes first.
    expect(texts.findIndex((text) => text !== undefined)).toBe(251);
    expect(texts[252]).toBe('75.6 %, limit 75 %, 95 % reached in 65 s');
    expect(texts[290]).toBe('87 %, limit 75 %, 95 % reached in 27 s');
  });

  test('none fires on queues and lag of a run that reads as fast as it can', () => {
    const alerts = new Alerts({ rules: shippedRules({}, { memoryMiBMax: 1000 }) });
    for (let second = 0; second < 600; second++) {
      const queues = { s: { depth: 8, rows: 8, bytes: 8, fill: 1, isPaced: false } };
      const source = {
        isPaced: false,
        hasEnded: false,
        lag: { value: 1e9, unit: 'bytes' },
      } as const;
      const components = [componentStats('in', { kind: 'source', perSecond: 1, source })];
      const changes = alerts.look(runStats(second, { queues, components }));
      expect(changes).toEqual([]);
    }
  });
});

test('a listener asks which event it is told of', () => {
  const event = { name: 'alert.fired', level: 'WARNING', at: 0, fields: { rule: 'heat' } } as const;
  expect([isEvent(event, alertFired), isEvent(event, alertResolved)]).toEqual([true, false]);
});
