import { expect, test } from 'vitest';

import { KeptLines } from '../../src/server/kept-lines.ts';

function line(component: string, event: string, rest: object = {}): string {
  const level = event === 'told' ? 'ERROR' : 'WARNING';
  return JSON.stringify({ timestamp: '2026-01-01T00:00:00Z', level, component, event, ...rest });
}

test('what is said all the time takes no room from what is said once', () => {
  const kept = new KeptLines();
  kept.add(line('south', 'told', { error: 'no route to the sensor' }));
  for (let at = 0; at < 20; at++) kept.add(line('archive', 'other', { at }));
  for (let at = 0; at < 5000; at++) kept.add(line('south', 'circuit_state_change', { at }));
  const lines = kept.newest(1000, 'DEBUG');
  expect(lines).toHaveLength(1000);
  expect(kept.leftOut).toBe(4021);
  expect(lines[0]).toContain('no route to the sensor');
  expect(lines.filter((text) => text.includes('"other"'))).toHaveLength(20);
  // Of what comes all the time the newest are there, in their order.
  expect(lines.slice(21)).toEqual(
    Array.from({ length: 979 }, (_, at) =>
      line('south', 'circuit_state_change', { at: at + 4021 }),
    ),
  );
  expect(kept.newest(1000, 'ERROR')).toEqual(lines.slice(0, 1));
  expect(kept.newest(2, 'DEBUG')).toEqual(lines.slice(-2));
});

test('where no event comes twice, the oldest line goes', () => {
  const kept = new KeptLines();
  for (let at = 0; at < 1500; at++) kept.add(line('feed', `event-${at}`));
  const lines = kept.newest(1000, 'DEBUG');
  expect(lines[0]).toContain('"event-500"');
  expect(lines.at(-1)).toContain('"event-1499"');
});

test('long lines leave room too', () => {
  const kept = new KeptLines();
  const padding = 'x'.repeat(50_000);
  kept.add(line('south', 'told'));
  for (let at = 0; at < 100; at++) kept.add(line('feed', 'record.failed', { at, padding }));
  const lines = kept.newest(1000, 'DEBUG');
  expect(lines.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(1_048_576);
  expect(lines[0]).toContain('"told"');
  expect(lines).toHaveLength(21);
});

test('of long lines few cost short ones of another event nothing', () => {
  const kept = new KeptLines();
  for (let at = 0; at < 200; at++) kept.add(line('archive', 'other', { at }));
  const padding = 'x'.repeat(8000);
  for (let at = 0; at < 190; at++) kept.add(line('feed', 'record.failed', { at, padding }));
  const lines = kept.newest(1000, 'DEBUG');
  expect(lines.filter((text) => text.includes('"other"'))).toHaveLength(200);
  expect(lines.length).toBeGreaterThan(290);
  expect(kept.leftOut).toBe(390 - lines.length);
});
