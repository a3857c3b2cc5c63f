import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

import { describe, expect, test } from 'vitest';

import { RecentRows } from '../../src/cli/top/figures.ts';
import type { Seen } from '../../src/cli/top/feed.ts';
import { keysOf } from '../../src/cli/top/keys.ts';
import { TopView } from '../../src/cli/top/view.ts';
import type { ComponentReport, RunStats } from '../../src/observe/index.ts';
import { censusOf, componentStats, runStats } from '../observe/run-stats.ts';

const latency = { count: 9, sumMs: 9, meanMs: 1, p50Ms: 1, p95Ms: 12.34, p99Ms: 20, maxMs: 30 };

/** What a server tells of a run, over the second between two looks. */
function seenOf(
  components: readonly (readonly [first: ComponentReport, second: ComponentReport])[],
  given: Partial<RunStats> = {},
  more: Partial<Seen> = {},
): Seen {
  const recent = new RecentRows();
  recent.look(runStats(9, { components: components.map(([first]) => first) }));
  const stats = runStats(10, { components: components.map(([, second]) => second), ...given });
  const rows = recent.look(stats);
  const health = {
    alive: true,
    ready: true,
    overloaded: false,
    degraded: false,
    recovering: false,
    reasons: [],
  };
  return { stats, rows, health, topology: undefined, ageMs: 100, away: null, ...more };
}

function grown(
  id: string,
  rows: number,
  given: Partial<ComponentReport> = {},
): [ComponentReport, ComponentReport] {
  return [
    componentStats(id, { ...given, busyMs: 0, blockedMs: 0, errors: {} }),
    componentStats(id, { in: rows, out: rows, work: latency, ...given }),
  ];
}

const lane = { id: 'lane', busyShare: 1, loopUtilization: 0.5, queueFill: 1, bottleneck: 'store' };
const mill: Seen = seenOf(
  [
    grown('fleet', 5000, { kind: 'source' }),
    grown('clean', 4000, { busyMs: 250, blockedMs: 500 }),
    grown('store', 1234, { kind: 'sink', busyMs: 1000, errors: { timeout: 7 } }),
  ],
  {
    pipeline: 'mill',
    lanes: [lane],
    queues: { store: { depth: 9, rows: 99, bytes: 999, fill: 0.5, isPaced: true } },
  },
);

const plain = (): TopView => new TopView((_, text) => text);

function pictureOf(view: TopView, seen: Seen, columns = 80, rows = 24): string[] {
  return view.lines(seen, { columns, rows });
}

/** The ids in the order of the table. */
function orderOf(view: TopView): string[] {
  const ids = mill.rows.map(({ report }) => report.id);
  return pictureOf(view, mill).flatMap((line) => {
    const id = /^[> ][◆! ](\w+) /.exec(line)?.[1];
    return id !== undefined && ids.includes(id) ? [id] : [];
  });
}

test('at 80 columns it shows the run, and of each component all there is', () => {
  const lines = pictureOf(plain(), mill);
  expect(lines[0]).toBe('mill · running · HEALTHY · up 10 s');
  expect(lines[1]).toBe('5,000 in/s · 1,234 out/s · ledger closed · memory 100 MB · loop 50 %');
  expect(lines[2]).toBe('bottleneck ◆ store');
  expect(lines.slice(4, 8)).toEqual([
    '  component   kind      in/s   out/s   p95 ms   errors  queue   state',
    '> fleet       source   5,000   5,000     12.3        0          ········',
    '  clean       stage    4,000   4,000     12.3        0          ██▒▒▒▒··',
    ' ◆store       sink     1,234   1,234     12.3        7  ███░░░  ████████',
  ]);
  expect(lines).toHaveLength(24);
  expect(lines.at(-1)).toContain('q quit');
});

const breakers = Array.from({ length: 8 }, (_, at) => {
  const id = `south-0${at + 1}`;
  return { id, name: id, state: 'open', opens: at + 1, openMs: 61_000, refused: 4321 } as const;
});
const policy = {
  calls: 2000,
  attempts: 2200,
  substituted: 1208,
  substitutedBy: { 'last-known-good': 1208 },
  retries: 200,
  suppressed: 0,
  breakers: censusOf(breakers),
};
const noSensors = { missing: 0, constant: 0, interpolated: 0, stale: 0, live: 0 };
const illSensors: Partial<ComponentReport> = {
  policy,
  sensors: {
    total: 8,
    byState: { ...noSensors, 'fast-fail': 8 },
    worst: [],
    substitutedBy: policy.substitutedBy,
  },
};
const illReasons = [
  ...breakers.map(({ id }) => `the breaker \`${id}\` is open`),
  'a fallback gave 1208 results',
].map((text) => ({ of: 'degraded', component: 'ask', text }) as const);

test('the picture in the documents is what it shows', () => {
  const page = join(import.meta.dirname, '../../docs/observability/top.md');
  const [, shown] = /```text\n([^]*?)```/.exec(readFileSync(page, 'utf8'))!;
  const at = mill.stats.at;
  const queue = { depth: 9, rows: 9, bytes: 9, isPaced: true };
  const firing = { summary: '', state: 'firing', value: 0, limit: 0, unit: '' } as const;
  const took = (p95Ms: number): Partial<ComponentReport> => ({ work: { ...latency, p95Ms } });
  const seen = seenOf(
    [
      grown('fleet', 1982, { kind: 'source', busyMs: 12, ...took(1.05) }),
      grown('ask', 4, { kind: 'source', ...illSensors, ...took(1.89) }),
      grown('hot', 1590, { busyMs: 140, ...took(0.18) }),
      grown('store', 40, { kind: 'sink', busyMs: 980, errors: { timeout: 12 }, ...took(2140) }),
      grown('asked', 4, { kind: 'sink', ...took(0.36) }),
    ],
    {
      pipeline: 'boiler-room',
      durationMs: 725_000,
      lanes: [lane],
      queues: { store: { ...queue, fill: 0.75 }, asked: { ...queue, fill: 0 } },
      alerts: [
        {
          ...firing,
          rule: 'open-breaker',
          component: 'ask',
          severity: 'CRITICAL',
          sinceMs: at - 14_000,
          text: '8 open, limit 0 open',
        },
        {
          ...firing,
          rule: 'queue-saturation',
          component: 'store',
          severity: 'WARNING',
          sinceMs: at - 7000,
          text: '74.74 %, limit 95 % reached in 4 s',
        },
      ],
    },
    {
      health: {
        alive: true,
        ready: true,
        overloaded: false,
        degraded: true,
        recovering: false,
        reasons: illReasons,
      },
    },
  );
  const view = plain();
  expect(pictureOf(view, seen, 80, 16).join('\n')).toBe(shown!.trimEnd());
});

test('a queue that fills is told of with when it is full, where no alert says it', () => {
  const filling = { depth: 9, rows: 9, bytes: 9, fill: 0.3, isPaced: true, leftMs: 39_700 };
  const components = [grown('fleet', 9, { kind: 'source' }), grown('store', 9)];
  const queues = { store: filling };
  const alert = {
    rule: 'queue-saturation',
    summary: '',
    component: 'store',
    state: 'firing',
    severity: 'WARNING',
    sinceMs: 0,
    value: 30,
    limit: 95,
    unit: '%',
    leftMs: 39_700,
    text: '30 %, limit 95 % reached in 40 s',
  } as const;
  const told = seenOf(components, { queues });
  expect(plain().all(told, 80)).toContain('! store: queue full in 40 s');
  const alarmed = plain().all(seenOf(components, { queues, alerts: [alert] }), 80);
  expect(alarmed.filter((line) => line.includes('40 s'))).toHaveLength(1);
  const view = plain();
  pictureOf(view, told);
  view.press('down');
  view.press('enter');
  expect(pictureOf(view, told).join('\n')).toMatch(
    /^queue .*9 batches, 9 rows, 9 B, full in 40 s$/m,
  );
});

test('what is well is not called so alone while an alert fires', () => {
  const alert = {
    rule: 'stalled-source',
    summary: '',
    component: 'fleet',
    state: 'firing',
    severity: 'CRITICAL',
    sinceMs: mill.stats.at - 9000,
    value: 725,
    limit: 300,
    unit: 's',
    text: '725 s, limit 300 s',
  } as const;
  const wordWith = (...alerts: RunStats['alerts']): string => {
    const coloured = new TopView((format, text) =>
      [format].flat().includes('red') ? `<${text}>` : text,
    );
    return pictureOf(coloured, { ...mill, stats: { ...mill.stats, alerts } })[0]!;
  };
  expect(wordWith()).toContain('· HEALTHY ·');
  expect(wordWith(alert)).toContain('<HEALTHY, 1 CRITICAL ALERT>');
  expect(wordWith({ ...alert, severity: 'WARNING' })).toContain('· HEALTHY, 1 ALERT ·');
  expect(wordWith({ ...alert, state: 'pending' })).toContain('· HEALTHY ·');
  expect(wordWith(alert, { ...alert, component: 'store' })).toContain('2 CRITICAL ALERTS');
});

test('what is wrong stands above the components, alerts first, with their forecast', () => {
  const alert = {
    rule: 'queue-saturation',
    summary: '',
    component: 'store',
    state: 'firing',
    severity: 'CRITICAL',
    sinceMs: mill.stats.at - 9000,
    firedMs: mill.stats.at - 5000,
    value: 75,
    limit: 95,
    unit: '%',
    leftMs: 40_000,
    text: '75 %, limit 95 % reached in 40 s',
  } as const;
  const reasons = [
    { of: 'degraded', component: 'clean', text: 'the breaker `places` is open' },
    { of: 'ready', text: 'the run is paused' },
  ] as const;
  const seen = {
    ...mill,
    stats: { ...mill.stats, alerts: [alert] },
    health: {
      alive: true,
      ready: false,
      overloaded: false,
      degraded: true,
      recovering: false,
      reasons,
    },
  };
  const lines = pictureOf(plain(), seen);
  expect(lines[0]).toContain('DEGRADED');
  expect(lines[4]).toBe('CRITICAL store: queue-saturation 75 %, limit 95 % reached in 40 s (9 s)');
  expect(lines[5]).toBe('! clean: the breaker `places` is open');
  expect(lines.join('\n')).not.toContain('the run is paused');
  const failed = {
    ...seen,
    stats: {
      ...seen.stats,
      failure: { component: 'store', text: 'ERR_CONNECTOR_FULL [store] full' },
    },
  };
  expect(pictureOf(plain(), failed)).toContain('✗ store: ERR_CONNECTOR_FULL [store] full');
  expect(lines).toContainEqual(expect.stringMatching(/^ !clean /));
  const recovering = { ...seen, health: { ...seen.health, recovering: true } };
  expect(pictureOf(plain(), recovering)[0]).toContain('RECOVERING');
  // Until one is chosen it is the worst.
  expect(lines).toContainEqual(expect.stringMatching(/^>◆store /));
});

const openBreakers = {
  rule: 'open-breaker',
  summary: '',
  component: 'ask',
  state: 'firing',
  severity: 'CRITICAL',
  sinceMs: mill.stats.at - 14_000,
  value: 8,
  limit: 0,
  unit: 'open',
  text: '8 open, limit 0 open',
} as const;

/** Of sources before one that all sensors have failed, and sinks behind it. */
function illPlant(given: Partial<ComponentReport>, alerts: RunStats['alerts']): Seen {
  const health = {
    alive: true,
    ready: true,
    overloaded: false,
    degraded: true,
    recovering: false,
  };
  return seenOf(
    [
      ...Array.from({ length: 6 }, (_, at) => grown(`source-${at}`, 9, { kind: 'source' })),
      grown('ask', 4, { kind: 'source', ...given }),
      ...Array.from({ length: 6 }, (_, at) => grown(`sink-${at}`, 9, { kind: 'sink' })),
    ],
    { pipeline: 'mill', alerts },
    { health: { ...health, reasons: illReasons } },
  );
}

describe('of what is wrong it says each thing once', () => {
  test('as the sensors that it is about, and what stood in for them', () => {
    const lines = pictureOf(plain(), illPlant(illSensors, [openBreakers]));
    expect(lines.slice(4, 7)).toEqual([
      'CRITICAL ask: open-breaker 8 open, limit 0 open (14 s)',
      '! ask: 8 of 8 sensors substituted, 1,208 substitutes so far',
      '',
    ]);
    expect(lines.join('\n')).not.toContain('the breaker');
  });

  test('as the breakers, where no alert has said so', () => {
    const lines = (alerts: RunStats['alerts']): string[] =>
      pictureOf(plain(), illPlant({ policy: { ...policy, substituted: 0 } }, alerts));
    expect(lines([])[4]).toBe('! ask: 8 of 8 breakers open');
    expect(lines([openBreakers]).slice(4, 6)).toEqual([
      'CRITICAL ask: open-breaker 8 open, limit 0 open (14 s)',
      '',
    ]);
  });

  test('as the reasons, where nothing else is known', () => {
    expect(pictureOf(plain(), illPlant({}, []))[3]).toBe(
      '! ask: the breaker `south-01` is open, and 8 reasons more',
    );
  });
});

test('at 40 × 10 it has the run, what is wrong, and the rows that are worst', () => {
  const late = {
    ...openBreakers,
    rule: 'latency-spike',
    component: 'sink-5',
    severity: 'WARNING',
    text: '4 × usual',
  } as const;
  const seen = illPlant(illSensors, [openBreakers, late]);
  expect(pictureOf(plain(), seen, 40, 10)).toEqual([
    'mill · running · DEGRADED · up 10 s',
    '58 in/s · 54 out/s · ledger closed',
    'CRITICAL ask: open-breaker (14 s)',
    'WARNING  sink-5: latency-spike 4 × usual',
    '! ask: 8 of 8 sensors substituted',
    '  component    out/s   errors  queue',
    '  source-5         9        0',
    '>!ask              4        0',
    ' !sink-5           9        0',
    'q quit · ? help · Enter open',
  ]);
  const help = plain();
  help.press('?');
  const lines = pictureOf(help, mill, 40, 60);
  expect(lines.join(' ').replaceAll(/ +/g, ' ')).toContain(
    'Red is a component with errors in the last 10 s.',
  );
});

test('old figures, a server that is away and a ledger that is open are said', () => {
  const [first, , last] = seenOf([
    grown('a', 1),
    grown('b', 1),
    grown('c', 1, { unaccounted: 3 }),
  ]).rows;
  const seen = {
    ...mill,
    stats: { ...mill.stats, components: [first!.report, last!.report] },
    ageMs: 12_300,
    away: { sinceMs: mill.stats.at, forMs: 11_000, why: 'nothing listens there' },
  };
  const text = pictureOf(plain(), seen).join('\n');
  expect(text).toContain('NO ANSWER');
  expect(text).toContain('FIGURES 12 s OLD');
  expect(text).toMatch(
    /^no server since \d\d:\d\d:10 \(11 s\), asking again: nothing listens there$/m,
  );
  expect(text).toContain('LEDGER OPEN');
  expect(pictureOf(plain(), { ...mill, ageMs: 2900 }).join('\n')).not.toContain('OLD');
});

describe('keys', () => {
  test('sort by each column, one way and the other', () => {
    const view = plain();
    expect(orderOf(view)).toEqual(['fleet', 'clean', 'store']);
    view.press('3');
    expect(orderOf(view)).toEqual(['fleet', 'clean', 'store']);
    view.press('r');
    expect(orderOf(view)).toEqual(['store', 'clean', 'fleet']);
    expect(pictureOf(view, mill).join('\n')).toContain('in/s▲');
    view.press('0');
    view.press('right');
    expect(orderOf(view)).toEqual(['clean', 'fleet', 'store']);
    view.press('left');
    view.press('left');
    expect(pictureOf(view, mill).join('\n')).toContain('state▼');
    expect(orderOf(view)).toEqual(['store', 'clean', 'fleet']);
    view.press('right');
    expect(orderOf(view)).toEqual(['fleet', 'clean', 'store']);
  });

  test('open a component and go back', () => {
    const view = plain();
    pictureOf(view, mill);
    view.press('end');
    expect(pictureOf(view, mill).join('\n')).toContain('>◆store');
    view.press('enter');
    const page = pictureOf(view, mill).join('\n');
    expect(page).toContain('store · sink · ◆ bottleneck');
    expect(page).toContain('queue       ██████████░░░░░░░░░░  9 batches, 99 rows, 999 B');
    expect(page).toContain('errors      timeout 7');
    expect(page).toMatch(/^work +– +– +– +1 ms +12.3 ms +20 ms +30 ms$/m);
    view.press('left');
    expect(pictureOf(view, mill).join('\n')).toContain('clean · stage');
    view.press('escape');
    expect(orderOf(view)).toHaveLength(3);
  });

  test('open a component of a long name: nothing of its figures is cut without a word', () => {
    const id = `${'a-very-long-name-of-a-stage-'.repeat(2)}end`;
    const times = { sumMs: 9, meanMs: 1, p50Ms: 0.0123, p95Ms: 0.0456, p99Ms: 0.0789, maxMs: 3.56 };
    const work = { ...times, count: 9 };
    const breaker = {
      id,
      name: id,
      state: 'open',
      opens: 1,
      openMs: 61_000,
      refused: 4321,
    } as const;
    const byState = { closed: 0, open: 1, 'half-open': 0 };
    const breakersOf = { total: 1, byState, worst: [breaker] };
    const given = {
      work,
      wait: work,
      recent: { work, wait: work, endToEnd: work },
      policy: { ...policy, breakers: breakersOf },
    } as Partial<ComponentReport>;
    const view = plain();
    const seen = seenOf([grown(id, 9, { ...given, name: `name-of-${id}` })]);
    pictureOf(view, seen);
    view.press('enter');
    const lines = pictureOf(view, seen);
    expect(lines.every(({ length }) => length <= 80)).toBe(true);
    expect(lines).toContainEqual(expect.stringMatching(/end\) · stage$/));
    const head = lines.find((line) => line.includes('p95 now'))!;
    expect(head).toMatch(/ max$/);
    expect(lines.find((line) => line.startsWith('work'))).toMatch(/ 3\.56 ms$/);
    expect(lines.join('\n')).toMatch(/…\S*end +open +1 +1 min 01 s +4,321$/m);
  });

  test('open the worst, and go on showing that; its breakers are a table', () => {
    const view = plain();
    pictureOf(view, illPlant(illSensors, []));
    view.press('enter');
    const worse = { ...openBreakers, component: 'sink-5' };
    const lines = pictureOf(view, illPlant(illSensors, [worse]), 80, 40);
    expect(lines).toContain('ask · source');
    expect(lines).toContain('policy      2,000 calls, 200 retries, 1,208 substituted');
    const at = lines.indexOf('breakers');
    expect(lines.slice(at + 1, at + 4)).toEqual([
      '                  opened    open for  refused',
      '  south-01  open       1  1 min 01 s    4,321',
      '  south-02  open       2  1 min 01 s    4,321',
    ]);
    expect(lines[at + 9]).toContain('south-08');
  });

  test('open a component whose id is one that every object knows', () => {
    const ids = ['constructor', 'toString', '__proto__'];
    const seen = seenOf(ids.map((id) => grown(id, 9)));
    for (const id of ids) {
      const view = plain();
      pictureOf(view, seen);
      for (const _ of ids.slice(0, ids.indexOf(id))) view.press('down');
      view.press('enter');
      const page = pictureOf(view, seen).join('\n');
      expect(page).toContain(`${id} · stage`);
      expect(page).not.toMatch(/^(queue|degraded) /m);
    }
    const waiting = { depth: 3, rows: 99, bytes: 999, fill: 0.5, isPaced: true };
    const given = { queues: Object.fromEntries([['__proto__', waiting]]) };
    const view = plain();
    const queued = seenOf([grown('__proto__', 9)], given);
    pictureOf(view, queued);
    view.press('enter');
    expect(pictureOf(view, queued).join('\n')).toContain('3 batches, 99 rows');
  });

  test('pause the view: what comes meanwhile is not shown until it goes on', () => {
    const view = plain();
    pictureOf(view, mill);
    view.press('p');
    const later = { ...mill, stats: { ...mill.stats, pipeline: 'later' } };
    expect(pictureOf(view, later)[0]).toContain('mill · running · HEALTHY · up 10 s · VIEW PAUSED');
    view.press('p');
    expect(pictureOf(view, later)[0]).toContain('later');
  });

  test('help, and the end', () => {
    const view = plain();
    expect(view.press('?')).toBeUndefined();
    expect(pictureOf(view, mill).join('\n')).toContain('what holds up the rest');
    expect(view.press('suspend')).toBe('suspend');
    expect(view.press('interrupt')).toBe('quit');
    expect(view.press('q')).toBe('quit');
  });

  test('are told from what terminals send', () => {
    expect(keysOf('\u001B[A\u001BOBq\r\u001B[5~\u001B[1;5C')).toEqual([
      'up',
      'down',
      'q',
      'enter',
      'page-up',
    ]);
    expect(keysOf('\u001B')).toEqual(['escape']);
    expect(keysOf('\u0003\u0000ä')).toEqual(['interrupt', 'ä']);
  });
});

test.each([
  [200, 60],
  [80, 24],
  [60, 12],
  [40, 10],
  [20, 5],
  [3, 2],
  [1, 1],
])('every page fits a terminal of %i × %i, with 200 components', (columns, rows) => {
  const many = Array.from({ length: 200 }, (_, at) => grown(`component-of-a-mill-${at}`, at));
  const reasons = Array.from({ length: 30 }, (_, at) => ({
    of: 'degraded' as const,
    component: `component-of-a-mill-${199 - at}`,
    text: 'something that takes a while to say, and then some more of it',
  }));
  const health = {
    alive: true,
    ready: true,
    overloaded: false,
    degraded: true,
    recovering: false,
    reasons,
  };
  const away = { sinceMs: 0, forMs: 1000, why: 'w'.repeat(100) };
  const seen = seenOf(many, {}, { health, away });
  const view = new TopView((_, text) => `\u001B[1m${text}\u001B[22m`);
  for (const key of ['end', 'enter', 'end', '?']) {
    const lines = pictureOf(view, seen, columns, rows).map(stripVTControlCharacters);
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    if (key === 'enter' && rows >= 10) {
      expect(lines).toContainEqual(expect.stringMatching(/^>!\S*199 /));
    }
    view.press(key);
  }
});

describe('of a run that has ended', () => {
  const reason = `ERR_CONNECTOR_FULL [store] it is full: ${'no room for more of it, '.repeat(6)}done`;
  const ended = (status: RunStats['status'], failure: RunStats['failure'] = null): Seen => {
    const { components } = mill.stats;
    const pairs = components.map((report): [ComponentReport, ComponentReport] => [report, report]);
    const endedAt = new Date(2026, 0, 1, 12, 1, 5).getTime();
    const totals = { recordsIn: 5000, recordsOut: 1234, durationMs: 65_000, endedAt };
    return seenOf(pairs, { ...totals, pipeline: 'mill', lanes: [lane], status, failure });
  };

  test('it says how and when, with its totals and no rates', () => {
    const lines = pictureOf(plain(), ended('stopped'));
    expect(lines[0]).toBe('mill · stopped · ENDED · ran 1 min 05 s, until 12:01:05');
    expect(lines[1]).toBe('5,000 in · 1,234 out · ledger closed');
    expect(lines.slice(3, 7)).toEqual(
      [
        '  component   kind        in     out   p95 ms   errors  queue   state',
        '> fleet       source   5,000   5,000     12.3        0          ········',
        '  clean       stage    4,000   4,000     12.3        0          ········',
        '  store       sink     1,234   1,234     12.3        7          ████████',
      ].map((line) => expect.stringMatching(line.slice(0, 60).replace(/[.·]/g, '.')) as string),
    );
    expect(lines.join('\n')).not.toMatch(/\/s|bottleneck|loop/);
    const view = plain();
    pictureOf(view, ended('done'));
    view.press('enter');
    const page = pictureOf(view, ended('done')).join('\n');
    expect(page).toMatch(/rows +5,000 in, 5,000 out in all/);
    expect(page).not.toContain('/s');
  });

  test('that failed it marks where, with the whole reason within the width', () => {
    const seen = ended('failed', { component: 'store', text: reason });
    for (const lines of [pictureOf(plain(), seen), plain().all(seen, 80)]) {
      expect(lines.every(({ length }) => length <= 80)).toBe(true);
      const from = lines.findIndex((line) => line.startsWith('✗ store: ERR_CONNECTOR_FULL'));
      const to = lines.indexOf('', from);
      const told = lines.slice(from, to).map((line) => line.trim());
      expect(told.join(' ')).toBe(`✗ store: ${reason}`);
      expect(lines).toContainEqual(expect.stringMatching(/^[ >]✗store /));
    }
    const view = plain();
    pictureOf(view, seen);
    // It is the one that is chosen first.
    view.press('enter');
    const page = pictureOf(view, seen).map((line) => line.trim());
    expect(page).toContain('store · sink');
    expect(page.join(' ')).toContain(`✗ store: ${reason}`);
    const red = new TopView((format, text) => (format === 'red' ? `<${text}>` : text));
    expect(red.all(seen, 80)).toContainEqual(expect.stringMatching(/^< ✗store .*>/));
  });
});
