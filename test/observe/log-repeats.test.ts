import { expect, test } from 'vitest';

import { keepingLogger } from './log-lines.ts';

const windowMs = 10_000;

test('a warning that comes again is counted, and summed up when its window ends', async () => {
  const { log, clock, lines } = keepingLogger();
  const bound = log.bindContext({ stageId: 's' });
  for (let at = 0; at < 5; at++) bound.warning('sensor.silent', { sensor: 'a' });
  expect(lines()).toHaveLength(1);
  await clock.sleep(windowMs - 1);
  bound.warning('sensor.silent', { sensor: 'a' });
  expect(lines()).toHaveLength(1);
  await clock.sleep(1);
  expect(lines()).toHaveLength(2);
  expect(lines()[1]).toEqual({
    ...lines()[0],
    timestamp: '1970-01-01T00:00:10.000Z',
    repeated: 5,
  });
  bound.warning('sensor.silent', { sensor: 'a' });
  expect(lines()).toHaveLength(3);
  await clock.sleep(windowMs * 2);
  expect(lines()).toHaveLength(3);
});

test('another level, component, field or binding is another line', () => {
  const { log, lines } = keepingLogger();
  const bound = log.bindContext({ stageId: 's' });
  for (let at = 0; at < 3; at++) {
    log.warning('w', { at });
    log.info('w');
    log.error('w');
    bound.warning('w');
    log.bindContext({ component: 'c' }).warning('w');
  }
  expect(lines()).toHaveLength(11);
});

test('what is over with an event is said behind how often that was said, of its component alone', async () => {
  const { log, clock, lines } = keepingLogger();
  const archive = log.bindContext({ component: 'archive' });
  const other = log.bindContext({ component: 'other' });
  for (let at = 0; at < 3; at++) {
    archive.warning('component.degraded', { reason: 'its breaker is open' });
    other.warning('component.degraded', { reason: 'its breaker is open' });
    archive.warning('sensor.silent');
  }
  archive.info('component.recovered');
  const told = (): unknown[] =>
    lines().map(({ component, event, repeated }) => [component, event, repeated]);
  expect(told().slice(3)).toEqual([
    ['archive', 'component.degraded', 2],
    ['archive', 'component.recovered', undefined],
  ]);
  archive.warning('component.degraded', { reason: 'its breaker is open' });
  expect(lines()).toHaveLength(6);
  await clock.sleep(windowMs);
  expect(told().slice(6)).toEqual([
    ['other', 'component.degraded', 2],
    ['archive', 'sensor.silent', 2],
  ]);
});

test.each([
  ['record.failed', {}],
  ['batch_complete', {}],
  ['circuit_state_change', {}],
  ['threshold_violation', {}],
  ['alert.fired', {}],
  ['spill.file-set-aside', {}],
  ['own', {}],
  ['any', { status: 'failed' }],
])('%s %o is never collapsed', (event, fields) => {
  const { log, lines } = keepingLogger({ keptEvents: ['own'] });
  for (let at = 0; at < 3; at++) log.warning(event, fields);
  expect(lines()).toHaveLength(3);
});

test('flush and dispose sum up what is counted; what is disposed takes no more', async () => {
  const { log, texts, lines } = keepingLogger();
  const repeated = (): unknown[] => lines().map((line) => line['repeated']);
  for (let at = 0; at < 3; at++) log.warning('w', { repeated: 'said' });
  await log.flush();
  expect(texts[1]).toContain('"repeated":"said","repeated_":2}');
  for (let at = 0; at < 3; at++) log.warning('w');
  log[Symbol.dispose]();
  log.warning('w');
  expect(repeated().slice(2)).toEqual([undefined, 2]);
  expect(log.droppedLines).toBe(1);
});

test('of many warnings the oldest are summed up early, so that memory stays flat', () => {
  const { log, lines } = keepingLogger();
  const count = 10_000;
  for (let at = 0; at < count; at++) {
    log.warning('w', { at });
    log.warning('w', { at });
  }
  const all = lines();
  expect(all.length).toBeGreaterThanOrEqual(count * 2 - 256);
  expect(all.length).toBeLessThan(count * 2);
  const long = 'x'.repeat(5000);
  log.warning('w', { long });
  log.warning('w', { long });
  expect(lines()).toHaveLength(all.length + 2);
});

test('windows end one after the other, also where only a later one was repeated', async () => {
  const { log, clock, lines } = keepingLogger();
  log.warning('a');
  await clock.sleep(1000);
  log.warning('b');
  log.warning('b');
  await clock.sleep(1000);
  log.warning('a');
  await clock.sleep(windowMs);
  const summaries = lines().filter(({ repeated }) => repeated !== undefined);
  expect(summaries.map(({ event, timestamp }) => [event, timestamp])).toEqual([
    ['a', '1970-01-01T00:00:10.000Z'],
    ['b', '1970-01-01T00:00:11.000Z'],
  ]);
});

test('0 collapses nothing', () => {
  const { log, lines } = keepingLogger({ collapseMs: 0 });
  for (let at = 0; at < 3; at++) log.warning('w');
  expect(lines()).toHaveLength(3);
});
