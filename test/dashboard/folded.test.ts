import { describe, expect, test } from 'vitest';

import { folded, newestOfEach } from '../../dashboard/src/parts/folded.ts';
import type { LogEntry } from '../../src/server/api-types.ts';

function line(event: string, rest: object = {}, seconds = 0): LogEntry {
  const timestamp = new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
  return { timestamp, level: 'INFO', component: 'south', event, ...rest };
}

test('of many lines those stay that tell of what is rare', () => {
  const rare = line('sensor.degraded');
  const often = Array.from({ length: 3000 }, (_, at) => line('circuit_state_change', { at }));
  const kept = newestOfEach([rare, ...often], 2000);
  expect(kept).toHaveLength(2000);
  expect(kept[0]).toBe(rare);
  expect(kept.slice(1)).toEqual(often.slice(1001));
  expect(newestOfEach(often, 3000)).toBe(often);
});

describe('what is told again and again', () => {
  /** The newest first: an event of each of these seconds. */
  const told = (event: string, seconds: readonly number[], rest: object = {}): LogEntry[] =>
    seconds.map((second) => line(event, rest, second)).toReversed();
  const flips = told('circuit_state_change', [0, 30, 60, 90, 120]);

  test('is one line, the newest, whatever comes between', () => {
    const between = line('sensor.degraded', {}, 70);
    const [last, later, ...earlier] = flips;
    expect(folded([last!, later!, between, ...earlier])).toEqual([
      { line: last, others: [later, ...earlier] },
      { line: between, others: [] },
    ]);
  });

  test('is another one after a pause, and none where it is little', () => {
    const again = told('circuit_state_change', [200, 230]);
    expect(folded([...again, ...flips]).map(({ others }) => others.length)).toEqual([0, 0, 4]);
  });

  test('is told of each rule of an alert', () => {
    const rules = ['a', 'b', 'c', 'd'].map((rule) => line('alert.fired', { rule }));
    expect(folded(rules)).toHaveLength(4);
  });

  test('is told of each component, and of no error', () => {
    const errors = told('record.failed', [0, 1, 2, 3, 4], { level: 'ERROR' });
    const elsewhere = told('circuit_state_change', [121, 122, 123, 124], {
      component: 'north',
    });
    expect(folded(errors)).toHaveLength(5);
    expect(folded([...elsewhere, ...flips])).toEqual([
      { line: elsewhere[0], others: elsewhere.slice(1) },
      { line: flips[0], others: flips.slice(1) },
    ]);
  });
});
