import { spawn } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  chmodSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, onTestFinished, test } from 'vitest';

import { Selection } from '../../src/batch/index.ts';
import { intervalSource } from '../../src/connectors/interval.ts';
import { explanationLines } from '../../src/cli/explain.ts';
import { silentLogger, VirtualClock } from '../../src/core/index.ts';
import type { Run } from '../../src/engine/index.ts';
import { Emitter } from '../../src/observe/emitter.ts';
import type { RecordedRun } from '../../src/observe/flight-recorder.ts';
import { explainFlight } from '../../src/observe/flight-recorder/explain.ts';
import { parseFlight } from '../../src/observe/flight-recorder/parse.ts';
import {
  FlightRecorder,
  type FlightReading,
  type ObservedEvent,
  shippedRules,
} from '../../src/observe/index.ts';
import { Ticker } from '../../src/observe/ticker.ts';
import { circuitBreaker } from '../../src/resilience/index.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import { scriptedSink, stageOf, testPipeline } from '../engine/ends.ts';
import { componentStats, runStats } from './run-stats.ts';

const second = 1000;
const minute = 60 * second;

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-flight-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function filesIn(directory: string): string[] {
  return readdirSync(directory).sort();
}

function readOnly(directory: string): FlightReading {
  const [name, ...others] = filesIn(directory);
  expect(others).toEqual([]);
  return parseFlight(readFileSync(join(directory, name!), 'utf8'), name!);
}

interface Told {
  readonly run: RecordedRun;
  readonly clock: VirtualClock;
  tell(name: string, fields?: Record<string, unknown>, level?: ObservedEvent['level']): void;
}

/** Something that has figures, of 200 stages that do a lot, and events. */
function busyRun(stages = 200): Told {
  const clock = new VirtualClock();
  const emitter = new Emitter(silentLogger, clock);
  const stats: RecordedRun['stats'] = () => {
    const seconds = clock.monotonic() / 1000;
    const components = Array.from({ length: stages }, (_, at) =>
      componentStats(`stage-${at}`, {
        in: 4096 * seconds,
        out: 4000 * seconds,
        busyMs: 7 * seconds,
      }),
    );
    return { ...runStats(seconds, { components, recordsIn: 4096 * seconds }), at: clock.now() };
  };
  const ticker = new Ticker(clock, stats);
  return {
    run: {
      stats,
      follow: (follower) => ticker.follow(follower),
      listen: (listener) => emitter.listen(listener),
      emit: emitter.emit,
    },
    clock,
    tell: (name, fields = {}, level = 'WARNING') => {
      emitter.emit({ name, level, summary: '', fields: {}, metric: 'millrace_told_total' }, fields);
    },
  };
}

describe('what a recorder holds', () => {
  test('does not grow with time, however much happens', async () => {
    const { run, clock, tell } = busyRun();
    const recorder = new FlightRecorder(run, { clock, directory: temporaryDirectory() });
    const held: number[] = [];
    for (let at = 0; at < 60; at++) {
      for (let times = 0; times < 60; times++) {
        await clock.sleep(second);
        for (let one = 0; one < 20; one++) {
          tell('component.degraded', { id: `stage-${one}`, reason: 'x'.repeat(1000 * one) });
          tell('record.failed', { eventId: `${one}`, stage: 'a', message: 'y'.repeat(5000) });
        }
      }
      held.push(recorder.heldBytes);
    }
    recorder[Symbol.dispose]();
    // 12 KiB for each component, and 384 KiB.
    expect(Math.max(...held)).toBeLessThanOrEqual((200 * 12 + 384 + 16) * 1024);
    expect(Math.max(...held.slice(6)) - Math.min(...held.slice(6))).toBeLessThan(16 * 1024);
    const { series, events, failures } = recorder.record();
    expect(series.at).toHaveLength(300);
    expect(series.components['stage-7']!.in.at(-1)).toBe(4096);
    expect(events.length).toBeGreaterThan(100);
    expect(failures.length).toBeGreaterThan(100);
    // Five of each second are kept, and what is long is cut.
    expect(new Set(failures.map(({ fields }) => fields['eventId']))).toEqual(
      new Set(['0', '1', '2', '3', '4']),
    );
    expect(String(failures[0]!.fields['message'])).toHaveLength(301);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(60 * minute);
  });

  test('is of the minutes that it was told', async () => {
    const { run, clock } = busyRun(1);
    const recorder = new FlightRecorder(run, { clock, minutes: 1 });
    await clock.sleep(10 * minute);
    const { series } = recorder.record();
    expect(series.at).toHaveLength(60);
    expect(series.elapsedMs.every((ms) => ms === second)).toBe(true);
    expect(() => new FlightRecorder(run, { clock, minutes: 0 })).toThrow(/minutes/);
    expect(() => new FlightRecorder(run, { clock, filesMax: 1.5 })).toThrow(/filesMax/);
  });

  test('has no text that may not be shown, nor a part of one', async () => {
    const { run, clock, tell } = busyRun(1);
    const scrub = (text: string): string => text.replaceAll('hunter2-and-more', '[secret]');
    const recorder = new FlightRecorder(run, { clock, scrub });
    tell('run.warned', {
      error: new Error(`${'x'.repeat(295)}hunter2-and-more`),
      of: ['hunter2-and-more'],
    });
    await clock.sleep(second);
    const text = JSON.stringify(recorder.record());
    expect(text).toContain('run.warned');
    expect(text).not.toContain('hunt');
  });
});

test('a crash is written without the credentials of an address in it', () => {
  const directory = temporaryDirectory();
  const { run, clock } = busyRun(1);
  using recorder = new FlightRecorder(run, { clock, directory });
  const undo = recorder.recordOnCrash();
  onTestFinished(undo);
  (process as EventEmitter).emit('uncaughtExceptionMonitor', new Error('https://me:pw@host'));
  const { why, stack } = readOnly(directory);
  expect(why).toBe('https://[secret]@host');
  expect(stack).toContain('https://[secret]@host');
  expect(stack).not.toContain('pw@');
});

describe('files', () => {
  const critical = (rule: string): [string, Record<string, unknown>, ObservedEvent['level']] => [
    'alert.fired',
    { rule, id: 'store', severity: 'CRITICAL', text: 'open' },
    'CRITICAL',
  ];

  test('an alert that turns critical writes one, for its owner alone; a warning does not', async () => {
    const directory = join(temporaryDirectory(), 'state', 'flight');
    const { run, clock, tell } = busyRun(3);
    const recorder = new FlightRecorder(run, { clock, directory });
    await clock.sleep(10 * second);
    tell('alert.fired', { rule: 'lag', id: 'a', severity: 'WARNING', text: 'late' }, 'WARNING');
    await clock.sleep(second);
    expect(() => statSync(directory)).toThrow(/ENOENT/);
    tell(...critical('open-breaker'));
    await clock.sleep(1);
    const record = readOnly(directory);
    expect(record).toMatchObject({ reason: 'alert', why: 'open-breaker of store: open' });
    expect(record.events.map(({ name }) => name)).toEqual(['alert.fired', 'alert.fired']);
    const [name] = filesIn(directory);
    expect(name).toMatch(/^flight-[\dT.Z-]+-alert\.json$/);
    expect(statSync(join(directory, name!)).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    recorder[Symbol.dispose]();
  });

  test('alerts write at most one a minute, and what came sooner is in the next', async () => {
    const directory = temporaryDirectory();
    const { run, clock, tell } = busyRun(3);
    const recorder = new FlightRecorder(run, { clock, directory });
    for (let at = 0; at < 90; at++) {
      tell(...critical(`rule-${at}`));
      await clock.sleep(second);
    }
    expect(filesIn(directory)).toHaveLength(2);
    recorder[Symbol.dispose]();
    expect(filesIn(directory)).toHaveLength(3);
    const last = readFileSync(join(directory, filesIn(directory).at(-1)!), 'utf8');
    expect(parseFlight(last, 'last').why).toContain('rule-89');
  });

  test('the oldest make room, and nothing else of the directory is touched', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'flight-of-mine'));
    const { run, clock, tell } = busyRun(1);
    const recorder = new FlightRecorder(run, { clock, directory, filesMax: 3 });
    for (let at = 0; at < 6; at++) {
      tell(...critical(`rule-${at}`));
      await clock.sleep(2 * minute);
    }
    recorder[Symbol.dispose]();
    const [mine, ...names] = [...filesIn(directory).slice(-1), ...filesIn(directory).slice(0, -1)];
    expect(mine).toBe('flight-of-mine');
    const rules = names.map(
      (name) => parseFlight(readFileSync(join(directory, name), 'utf8'), name).why,
    );
    expect(rules.map((why) => why.slice(0, 6))).toEqual(['rule-3', 'rule-4', 'rule-5']);
  });

  test('a directory that everybody may write to is refused, and that is said', async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o777);
    const said: unknown[] = [];
    const { run, clock, tell } = busyRun(1);
    const recorder = new FlightRecorder(run, { clock, directory });
    run.listen(({ name }) => said.push(name));
    tell(...critical('a'));
    await clock.sleep(second);
    recorder[Symbol.dispose]();
    expect(filesIn(directory)).toEqual([]);
    expect(said).toEqual(['alert.fired', 'flight.unrecorded']);
  });
});

/** Two minutes of a healthy run of 100 rows a second, some of which fail; then its store is down. */
async function downStore(outside: VirtualOutside): Promise<Run> {
  const { clock, random } = outside;
  const policy = circuitBreaker({ name: 'store', openMs: 30 * second, clock, random });
  return testPipeline({ queue: { rowsMax: 500 } }, [], outside)
    .from(intervalSource({ everyMs: 10 }))
    .pipe(
      stageOf((report) => {
        let seen = 0;
        return (batch) => {
          const kept = batch.rows.slice(0, batch.length).filter((row) => {
            if (++seen % 1000 !== 0) return true;
            report.failed(batch, row, 'row.odd', new Error('is odd'));
            return false;
          });
          return batch.select(new Selection(kept, kept.length));
        };
      }, 'check'),
    )
    .to(
      scriptedSink({
        answer: () => {
          if (clock.monotonic() > 2 * minute) throw new Error('connect ECONNREFUSED 10.0.0.7:5432');
        },
      }),
      { policy, id: 'store' },
    )
    .start({ alerts: shippedRules() });
}

test('explains an outage: what was first, since when, what it cost, what holds up the rest', async () => {
  const outside = virtualOutside();
  const { clock } = outside;
  const directory = temporaryDirectory();
  const run = await downStore(outside);
  const recorder = new FlightRecorder(run, { clock, directory });
  await clock.sleep(3 * minute);
  recorder[Symbol.dispose]();
  await run.abort();
  const [atFirst, ...later] = filesIn(directory);
  expect(atFirst).toBe('flight-2026-01-01T00-02-01.000Z-alert.json');
  const text = readFileSync(join(directory, later.at(-1)!), 'utf8');
  // Nothing of what records hold.
  expect(/"tick":\d/.test(text)).toBe(false);
  const explanation = explainFlight(parseFlight(text, 'last'));
  expect(explanation).toMatchObject({
    pipeline: 'test',
    reason: 'alert',
    first: {
      component: 'store',
      text: 'could not write: connect ECONNREFUSED 10.0.0.7:5432',
      isOver: false,
    },
    bottleneck: { component: 'store' },
    cost: { dropped: 0 },
  });
  const { first, cost, bottleneck, perSecond, failing, lastFailures, at } = explanation;
  expect(at - first!.at).toBeGreaterThan(59 * second);
  expect(at - first!.at).toBeLessThan(61 * second);
  expect(cost.perSecondBefore).toBeCloseTo(100, -1);
  expect(cost.perSecondSince).toBeLessThan(5);
  expect(bottleneck!.queueFill).toBeGreaterThan(0.9);
  expect(perSecond.slice(0, 39).every((rate) => rate > 60)).toBe(true);
  expect(perSecond.slice(-18)).toEqual(Array.from({ length: 18 }, () => 0));
  expect(failing.map(({ component, failed }) => [component, failed])).toEqual([
    ['check', lastFailures.length],
    ['store', 0],
  ]);
  for (const width of [40, 80, 132]) {
    const lines = explanationLines(explanation, width, (line) => line);
    // Only what is one word is longer.
    expect(lines.filter((line) => line.length > width && line.trim().includes(' '))).toEqual([]);
  }
  expect(explanationLines(explanation, 80, (line) => line).slice(0, 4)).toEqual([
    'test: an alert turned critical, 2026-01-01 00:03:00 UTC',
    'why         queue-saturation of check: 99 %, limit 95 %',
    'first       store: could not write: connect ECONNREFUSED 10.0.0.7:5432, since',
    '            00:02:00, 59.9 s before the end',
  ]);
});

test.each([
  ['no JSON', 'hello'],
  ['something else', '{"format":"other"}'],
  ['another version', '{"format":"millrace-flight","version":2}'],
  ['a part of one', '{"format":"millrace-flight","version":1,"stats":{"components":[]}}'],
  ['null', 'null'],
])('refuses %s', (_, text) => {
  expect(() => parseFlight(text, 'file.json')).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_INVALID', place: 'file.json' }),
  );
});

describe('a damaged record', () => {
  async function recorded(): Promise<string> {
    const outside = virtualOutside();
    const run = await downStore(outside);
    using recorder = new FlightRecorder(run, {
      clock: outside.clock,
      directory: temporaryDirectory(),
    });
    await outside.clock.sleep(2.5 * minute);
    const text = JSON.stringify(recorder.record());
    await run.abort();
    return text;
  }

  /** The record with something else at a path. */
  function damaged(text: string, path: readonly (string | number)[], value: unknown): string {
    const record = JSON.parse(text) as Record<string | number, unknown>;
    const last = path.at(-1)!;
    let at = record;
    for (const key of path.slice(0, -1)) at = at[key] as typeof at;
    at[last] = value;
    return JSON.stringify(record);
  }

  test('is refused with what is wrong, and where', async () => {
    const text = await recorded();
    expect(parseFlight(text, 'whole')).toEqual(JSON.parse(text));
    const cases: readonly (readonly [
      path: readonly (string | number)[],
      value: unknown,
      said: string,
    ])[] = [
      [['why'], 5, '`why` is not a text'],
      [['reason'], 'toString', '`reason` is not why a record is made'],
      [['at'], 1e300, '`at` is not a time'],
      [['stats', 'status'], 'lost', '`stats.status` is not where a run stands'],
      [['stats', 'versions'], [], '`stats.versions` is not an object'],
      [['stats', 'lastFailures', 0, 'stage'], null, '`stats.lastFailures[0].stage` is not a text'],
      [['stats', 'components'], {}, '`stats.components` is not a list'],
      [['series', 'at', 3], null, '`series.at[3]` is not a time'],
      [['series', 'rssMiB'], [1], '`series.rssMiB` has 1 figures of 149 looks'],
      [
        ['series', 'components', 'store', 'busyMs', 7],
        'x',
        '`series.components["store"].busyMs[7]` is not a number',
      ],
      [
        ['series', 'components', 'store', 'queueFill'],
        [],
        '`series.components["store"].queueFill` has 0 figures of 149 looks',
      ],
      [['events', 0, 'level'], 'LOUD', '`events[0].level` is not a level of the log'],
      [['failures', 0, 'fields', 'id'], {}, '`failures[0].fields["id"]` is not plain'],
    ];
    for (const [path, value, said] of cases) {
      expect(() => parseFlight(damaged(text, path, value), 'a.json')).toThrow(
        expect.objectContaining({ place: 'a.json', fact: `is damaged: ${said}` }),
      );
    }
  });

  test('is refused, or is explained all the same', async () => {
    const text = await recorded();
    const paths: (string | number)[][] = [];
    const visit = (value: unknown, path: (string | number)[]): void => {
      if (path.length > 0) paths.push(path);
      // One of many is like the others.
      if (Array.isArray(value)) value.slice(0, 1).forEach((item, at) => visit(item, [...path, at]));
      else if (typeof value === 'object' && value !== null) {
        for (const [key, item] of Object.entries(value)) visit(item, [...path, key]);
      }
    };
    const { topology: _, ...record } = JSON.parse(text) as Record<string, unknown>;
    visit(record, []);
    let refused = 0;
    for (const path of paths) {
      for (const value of [null, 'text', -1e300, [], [null], {}, undefined]) {
        const damage = damaged(text, path, value);
        let reading: FlightReading;
        try {
          reading = parseFlight(damage, 'a.json');
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID' });
          refused++;
          continue;
        }
        expect(() => explanationLines(explainFlight(reading), 80, (line) => line)).not.toThrow();
      }
    }
    expect(refused).toBeGreaterThan(300);
  });
});

test.each([
  ['throw', 1, 'crash'],
  ['reject', 1, 'crash'],
  // Whoever undoes it, ends the process, or comes to an end has no crash.
  ['undone', 1, undefined],
  ['exit', 7, undefined],
  ['end', 0, undefined],
])('a program that ends by %s', async (way, code, reason) => {
  const directory = temporaryDirectory();
  const program = fileURLToPath(new URL('flight-crash.ts', import.meta.url));
  const child = spawn(process.execPath, [program, way, directory], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(code);
  if (reason === undefined) expect(filesIn(directory)).toEqual([]);
  else {
    const { why, stack, stats } = readOnly(directory);
    expect(why).toBe('boom');
    expect(stack).toContain('flight-crash.ts');
    expect(stats).toMatchObject({ pipeline: 'host', status: 'running' });
    expect(stats.recordsOut).toBeGreaterThan(0);
  }
});
