import { expect, test } from 'vitest';

import { changedBy } from '../../src/attributes/index.ts';
import { intervalSource } from '../../src/connectors/interval.ts';
import type { RunOptions } from '../../src/engine/index.ts';
import type { AlertRule } from '../../src/observe/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { scriptedSink, testPipeline } from './ends.ts';

const rule: AlertRule = {
  name: 'figure',
  summary: 'A figure of a test.',
  unit: 'things',
  limits: { warn: 5, clear: 2 },
  of: { m: 1, n: 1 },
  read: () => [{ component: '', value: 4 }],
};

/** A run without an end, a second after it began. */
async function endless(options: RunOptions = {}) {
  const outside = virtualOutside();
  const { clock } = outside;
  const run = await testPipeline({}, [], outside)
    .from(intervalSource({ everyMs: 100 }))
    .to(scriptedSink({}))
    .start(options);
  await clock.sleep(1000);
  return { run, clock };
}

test('a run that is paused, resumed and drained says by whom, and what it was before', async () => {
  const { run, clock } = await endless();
  expect(run.stats().changes).toEqual({});
  const startedAt = clock.now();
  changedBy('anna', () => run.pause());
  changedBy('anna', () => run.pause());
  await clock.sleep(1000);
  run.resume();
  await changedBy('ben', () => run.stop({ delayMs: 500 }));
  const { entries, changes, discarded } = run.stats().changes['status']!;
  expect(entries).toEqual([
    { at: startedAt, from: 'running', to: 'paused', by: 'anna' },
    { at: startedAt + 1000, from: 'paused', to: 'running', by: null },
    { at: startedAt + 1000, from: 'running', to: 'draining', by: 'ben' },
  ]);
  expect([changes, discarded]).toEqual([3, 0]);
  expect(Object.isFrozen(entries)).toBe(true);
  // It has ended: nothing is changed any more.
  await run.stop();
  await run.abort();
  expect(run.stats().changes['status']!.changes).toBe(3);
});

test('nobody changed a run that came to its end, one that was aborted somebody did', async () => {
  const { run } = await endless({ recordsMax: 3 });
  await run.done;
  expect(run.stats().changes).toEqual({});
  const aborted = await endless();
  const ended = changedBy('anna', () => aborted.run.abort());
  await ended;
  expect(aborted.run.stats().changes['status']!.entries).toMatchObject([
    { from: 'running', to: 'aborted', by: 'anna' },
  ]);
});

test('limits of alerts change at the next look, and are noted one by one', async () => {
  const { run, clock } = await endless({ alerts: [rule] });
  await clock.sleep(2000);
  expect(run.stats().alerts).toEqual([]);
  changedBy('anna', () => run.setAlertLimits('figure', { warn: 3, critical: 9 }));
  await clock.sleep(2000);
  expect(run.stats().alerts).toMatchObject([{ state: 'firing', limit: 3, severity: 'WARNING' }]);
  run.setAlertLimits('figure', { warn: 6, clear: 5 });
  await clock.sleep(2000);
  expect(run.stats().alerts).toEqual([]);
  const { changes } = run.stats();
  const pairs = Object.entries(changes).map(([what, { entries }]) => [
    what,
    ...entries.map(({ from, to, by }) => [from, to, by]),
  ]);
  expect(pairs).toEqual([
    ['alerts.figure.warn', [5, 3, 'anna'], [3, 6, null]],
    ['alerts.figure.critical', [null, 9, 'anna']],
    ['alerts.figure.clear', [2, 5, null]],
  ]);
  expect(() => run.setAlertLimits('figure', { clear: 7 })).toThrow('ERR_CONFIG_INVALID');
  expect(() => run.setAlertLimits('other', { clear: 7 })).toThrow(/is no rule.*give one of figure/);
  run.setAlertLimits('figure', { warn: undefined, critical: undefined });
  expect(run.stats().changes).toEqual(changes);
  run.setAlertLimits('figure', { warn: undefined, clear: 4 });
  expect(Object.keys(run.stats().changes)).toHaveLength(3);
  await clock.sleep(2000);
  expect(run.stats().alerts).toEqual([]);
  // The rule is of whoever made it.
  expect(rule.limits).toEqual({ warn: 5, clear: 2 });
  await run.stop();
});

test('a run that is not watched has no limits to change', async () => {
  const { run } = await endless();
  expect(() => run.setAlertLimits('figure', { warn: 1 })).toThrow('not watched');
  await run.stop();
});

test('what others note is there, the newest hundred of it', async () => {
  const { run } = await endless();
  for (let at = 0; at < 150; at++) run.noteChange('logLevel', at, at + 1);
  run.noteChange('logLevel', 150, 150);
  const { entries, changes, discarded } = run.stats().changes['logLevel']!;
  expect([entries.length, changes, discarded]).toEqual([100, 150, 50]);
  expect(entries[0]).toMatchObject({ from: 50, to: 51 });
  await run.stop();
});

test('what is noted shows no secret, by name or in an address, and is cut', async () => {
  const { run } = await endless();
  run.noteChange('dbPassword', 'hunter1', 'hunter2');
  run.noteChange('url', 'http://ann:hunter1@host/', 'http://host/?token=hunter2');
  const [before, after] = ['x'.repeat(1_000_000), 'y'.repeat(1_000_000)];
  changedBy(before, () => run.noteChange('text', before, after));
  run.noteChange(after, 1, 2);
  // What plain JavaScript may give.
  const given = { secret: 'hunter1', at: 1 };
  run.noteChange('object', null, given as never);
  const { changes } = run.stats();
  expect(changes['dbPassword']!.entries).toMatchObject([{ from: '[secret]', to: '[secret]' }]);
  expect(JSON.stringify(changes)).not.toContain('hunter');
  expect(changes['text']!.entries).toMatchObject([{ to: `${'y'.repeat(1000)}…` }]);
  expect(JSON.stringify(changes).length).toBeLessThan(10_000);
  expect(changes['object']!.entries).toMatchObject([{ to: { secret: '[secret]', at: 1 } }]);
  expect(Object.isFrozen(given)).toBe(false);
  await run.stop();
});
