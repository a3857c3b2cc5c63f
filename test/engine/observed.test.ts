import { describe, expect, test } from 'vitest';

import { Selection } from '../../src/batch/index.ts';
import type { Logger, StageInstance } from '../../src/core/index.ts';
import { engineEvents } from '../../src/observe/events.ts';
import { shippedRules } from '../../src/observe/index.ts';
import { circuitBreaker, consecutiveFailures } from '../../src/resilience/index.ts';
import { branch } from '../../src/stages/branch.ts';
import { merge } from '../../src/stages/merge.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, stageOf, testPipeline } from './ends.ts';

interface Line {
  readonly level: string;
  readonly event: string;
  readonly component: unknown;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps its lines. */
function keeping(
  lines: Line[],
  component: unknown = 'run',
  blocked?: () => Promise<void> | undefined,
): Logger {
  const at =
    (level: string) =>
    (event: string, fields = {}) =>
      void lines.push({ level, event, component, fields });
  return {
    debug: at('DEBUG'),
    info: at('INFO'),
    warning: at('WARNING'),
    error: at('ERROR'),
    critical: at('CRITICAL'),
    get blocked() {
      return blocked?.();
    },
    bindContext: (fields) => keeping(lines, fields['component'] ?? component, blocked),
  };
}

type Stage = ReturnType<typeof branch>;

const seconds = (count: number) => numbered(count).map((row) => [row]);

describe('what is measured of each component', () => {
  test('work, waits and the time from end to end', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    const report = await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: seconds(3) }))
      .pipe(stageOf(() => async (batch) => clock.sleep(100).then(() => batch), 'slow'))
      .to(scriptedSink({ answer: () => clock.sleep(1000) }))
      .run();
    const [, slow, sink] = report.components;
    expect(slow!.work).toMatchObject({ count: 3, maxMs: 100 });
    // Read at once, they wait for the stage: 0, 100 and 200 ms; and for the sink: 0, 900, 1,800.
    expect(slow!.wait).toMatchObject({ count: 3, maxMs: 200 });
    expect(slow!.wait.meanMs).toBeCloseTo(100);
    expect(sink!.wait).toMatchObject({ count: 3, maxMs: 1800 });
    expect(sink!.wait.meanMs).toBeCloseTo(900);
    expect(sink!.work).toMatchObject({ count: 3, meanMs: 1000 });
    expect(sink!.endToEnd.maxMs).toBeCloseTo(3100);
    expect(sink!.endToEnd.meanMs).toBeCloseTo((1100 + 2100 + 3100) / 3);
    expect(slow!.endToEnd).toEqual({
      count: 0,
      sumMs: 0,
      meanMs: null,
      p50Ms: null,
      p95Ms: null,
      p99Ms: null,
      maxMs: null,
    });
  });

  test('the rate of the last ten seconds, which falls when nothing comes any more', async () => {
    const outside = virtualOutside();
    const { clock } = outside;
    await using run = await testPipeline({}, [], outside)
      .from(
        scriptedSource({
          schema: readings,
          batches: Array.from({ length: 20 }, () => numbered(50)),
          before: () => clock.sleep(500),
          endless: true,
        }),
      )
      .to(scriptedSink({}))
      .start();
    const rates: number[] = [];
    for (const waitMs of [3000, 6900, 10_100, 20_000]) {
      await clock.sleep(waitMs);
      const [source] = run.stats().components;
      rates.push(Math.round(source!.perSecond));
    }
    expect(rates[0]).toBeGreaterThan(80);
    expect(rates[1]).toBeGreaterThan(90);
    expect(rates[1]).toBeLessThan(111);
    // Only what came in the oldest second still counts, and then nothing.
    expect(rates.slice(2)).toEqual([5, 0]);
    const [source] = run.stats().components;
    expect(source!.sinceProgressMs).toBeGreaterThan(29_000);
  });

  test('failed records by reason, failed calls by code', async () => {
    const outside = virtualOutside();
    const { clock, random } = outside;
    const policy = circuitBreaker({ opens: consecutiveFailures(2), openMs: 500, clock, random });
    let writes = 0;
    const report = await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(5)] }))
      .to(
        scriptedSink({
          answer: () => {
            if (++writes < 5 && writes !== 1)
              throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
            if (writes === 1 || writes === 5)
              throw new RangeError(`http://me:hush@db ${'odd'.repeat(1000)}`);
            return { failed: [{ row: 2, reason: 'value.odd', message: 'odd' }] };
          },
        }),
        { policy },
      )
      .run();
    expect(report.components[1]!.errors).toEqual({
      ECONNREFUSED: 3,
      RangeError: 2,
      'value.odd': 1,
    });
    const { callErrors } = report.components[1]!;
    expect(callErrors).toEqual({ ECONNREFUSED: 'no', RangeError: expect.any(String) as string });
    expect(callErrors!['RangeError']).toMatch(/^http:.*@db (odd)+/);
    expect(callErrors!['RangeError']).not.toContain('hush');
    expect(callErrors!['RangeError']).toHaveLength(500);
    // What failed last is the last.
    expect(Object.keys(callErrors!)).toEqual(['ECONNREFUSED', 'RangeError']);
    expect(report.components[0]).not.toHaveProperty('callErrors');
  });

  test('no component of a run is left out', async () => {
    const letters: Record<string, unknown>[] = [];
    const outside = virtualOutside();
    const builder = testPipeline({}, letters, outside);
    const refuse = () => ({ failed: [{ row: 1, reason: 'odd', message: 'odd' }] });
    const whole: StageInstance = {
      async *transform(flows) {
        yield* flows;
      },
      held: () => 0,
    };
    const split = builder
      .from(scriptedSource({ schema: readings, batches: [numbered(10), numbered(10)] }))
      .pipe(stageOf(() => (batch) => batch, 'fused') as Stage)
      .pipe(stageOf(() => whole, 'general') as Stage)
      .pipe(branch({ routes: { low: (row) => Number(row['value']) < 5 }, otherwise: 'high' }));
    split.output('low').to(scriptedSink({ answer: refuse }));
    split.output('high').to(scriptedSink({}), { required: false, overflow: 'dropOldest' });
    builder
      .combine([split.output('low'), split.output('high')] as never, merge() as never)
      .to(scriptedSink({}));
    const report = await builder.run();
    const figures = report.components.map(({ id, kind, in: rowsIn, work, wait }) => [
      id,
      kind,
      rowsIn,
      work.count > 0,
      wait.count > 0,
    ]);
    expect(figures).toEqual([
      ['scripted', 'source', 20, true, false],
      ['fused', 'stage', 20, true, true],
      ['general', 'stage', 20, true, true],
      ['branch', 'stage', 20, true, true],
      ['merge', 'stage', 20, true, true],
      ['scripted-2', 'sink', 10, true, true],
      ['scripted-3', 'sink', 10, true, true],
      ['scripted-4', 'sink', 20, true, true],
      ['dead-letters', 'dead-letters', 2, true, false],
    ]);
    expect(letters).toHaveLength(2);
  });
});

describe('what the engine says', () => {
  test('is in the catalogue, each event with the fields that it declares', async () => {
    const lines: Line[] = [];
    const outside = virtualOutside();
    const { clock, random } = outside;
    const policy = circuitBreaker({ opens: consecutiveFailures(1), openMs: 500, clock, random });
    let writes = 0;
    const run = await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(5), numbered(5)] }))
      .to(
        scriptedSink({
          answer: (_, write) => {
            if (++writes < 3) throw new Error('gone');
            return write === 0 ? {} : { failed: [{ row: 0, reason: 'odd', message: 'odd' }] };
          },
        }),
        { policy },
      )
      .start({ log: keeping(lines) });
    await run.done;
    const declared = new Map(engineEvents.map((event) => [event.name, event]));
    for (const { event, level, fields } of lines) {
      const definition = declared.get(event);
      expect(definition, event).toBeDefined();
      expect(level).toBe(definition!.level);
      expect(Object.keys(fields).sort()).toEqual(Object.keys(definition!.fields).sort());
    }
    const changes = lines.filter(({ event }) => event === 'circuit_state_change');
    expect(changes.map(({ fields }) => [fields['previous'], fields['state']])).toEqual([
      ['closed', 'open'],
      ['open', 'half_open'],
      ['half_open', 'open'],
      ['open', 'half_open'],
      ['half_open', 'closed'],
    ]);
    expect(changes[0]!.fields).toMatchObject({ components: ['scripted-2'], reason: 'rule' });
    expect(new Set(changes.map(({ component }) => component))).toEqual(new Set(['scripted-2']));
    const counted = run.stats().events;
    for (const name of new Set(lines.map(({ event }) => event))) {
      expect(counted[name]).toBe(lines.filter(({ event }) => event === name).length);
    }
  });

  test('is said of its component: a breaker of one, an alert on one; of several the run says it', async () => {
    const lines: Line[] = [];
    const outside = virtualOutside();
    const { clock, random } = outside;
    const opens = consecutiveFailures(1);
    const own = circuitBreaker({ name: 'own', opens, clock, random });
    const shared = circuitBreaker({ name: 'shared', opens, clock, random });
    const down = async (): Promise<never> => Promise.reject(new Error('down'));
    const failOf = (policies: readonly (typeof own)[]): StageInstance => ({
      async *transform(flows) {
        for (const policy of policies) await policy.execute(down).catch(() => {});
        await clock.sleep(1500);
        yield* flows;
      },
      policies: () => policies,
    });
    const run = await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(1)] }))
      .pipe(stageOf(() => failOf([own, shared]), 'first') as Stage)
      .pipe(stageOf(() => failOf([shared]), 'second') as Stage)
      .to(scriptedSink({}))
      .start({ log: keeping(lines), alerts: shippedRules() });
    await run.done;
    const said = lines.filter(({ event }) => /^(circuit|alert)/.test(event));
    const told = said.map(({ event, component, fields }) => [
      event,
      component,
      fields['breaker'] ?? fields['id'],
      fields['components'],
    ]);
    expect(told.toSorted()).toEqual([
      ['alert.fired', 'first', 'first', undefined],
      ['alert.fired', 'second', 'second', undefined],
      ['circuit_state_change', 'first', 'own', ['first']],
      ['circuit_state_change', 'run', 'shared', ['first', 'second']],
    ]);
  });

  test('one line for each failed record, by its id, and never its body', async () => {
    for (const onRowError of ['dead-letter', 'drop'] as const) {
      const lines: Line[] = [];
      const letters: Record<string, unknown>[] = [];
      const report = await testPipeline({ onRowError }, letters)
        .from(scriptedSource({ schema: readings, batches: [numbered(100), numbered(100)] }))
        .pipe(
          stageOf(
            (report) => (batch) => {
              const kept = batch.rows.slice(0, batch.length).filter((row) => row % 10 !== 3);
              for (let row = 3; row < 100; row += 10) report.failed(batch, row, 'value.odd');
              return batch.select(new Selection(kept, kept.length));
            },
            'picky',
          ),
        )
        .to(scriptedSink({}))
        .start({ log: keeping(lines) })
        .then((run) => run.done);
      const failed = lines.filter(({ event }) => event === 'record.failed');
      const [, picky] = report.components;
      expect(failed).toHaveLength(picky!.dead + picky!.dropped);
      expect(failed).toHaveLength(20);
      expect(new Set(failed.map(({ fields }) => fields['eventId'])).size).toBe(20);
      expect(failed[1]).toEqual({
        level: 'ERROR',
        event: 'record.failed',
        component: 'picky',
        fields: {
          eventId: expect.any(String) as string,
          status: 'failed',
          stage: 'picky',
          reason: 'value.odd',
          message: 'value.odd',
          source: 'scripted',
          partition: '',
          offset: 13,
          outcome: onRowError === 'drop' ? 'dropped' : 'dead-letter',
        },
      });
      if (onRowError === 'dead-letter') {
        expect(letters.map(({ recordId }) => recordId)).toEqual(
          failed.map(({ fields }) => fields['eventId']),
        );
      }
    }
  });

  test('waits for its lines of failed records while they cannot be written', async () => {
    const lines: Line[] = [];
    const outside = virtualOutside();
    let told = 0;
    const blocked = () => {
      const failed = lines.filter(({ event }) => event === 'record.failed').length;
      if (failed === told) return undefined;
      told = failed;
      return outside.clock.sleep(5000);
    };
    const report = await testPipeline({}, [], outside)
      .from(scriptedSource({ schema: readings, batches: [numbered(5), numbered(5)] }))
      .to(scriptedSink({ answer: () => ({ failed: [{ row: 0, reason: 'odd', message: 'odd' }] }) }))
      .start({ log: keeping(lines, 'run', blocked) })
      .then((run) => run.done);
    expect(report.durationMs).toBe(10_000);
  });

  test('reads no more while lines of a stage that must not be lost cannot be written', async () => {
    const lines: Line[] = [];
    const outside = virtualOutside();
    let blocked: Promise<void> | undefined;
    const log = keeping(lines, 'run', () => blocked);
    const read: { reads?: number } = {};
    const run = await testPipeline({}, [], outside)
      .from(
        scriptedSource({
          schema: readings,
          batches: Array.from({ length: 50 }, () => numbered(1)),
          before: (_, signal) => outside.clock.sleep(10, { signal }),
          log: read,
        }),
      )
      .to(scriptedSink({}))
      .start({ log });
    await outside.clock.sleep(105);
    const before = read.reads!;
    blocked = outside.clock.sleep(60_000).then(() => void (blocked = undefined));
    await outside.clock.sleep(30_000);
    expect(read.reads! - before).toBeLessThanOrEqual(1);
    const report = await run.done;
    expect(report.recordsOut).toBe(50);
  });

  test('comes to listeners too, whatever they throw', async () => {
    const heard: string[] = [];
    const run = await testPipeline()
      .from(scriptedSource({ schema: readings, batches: [numbered(5)] }))
      .to(scriptedSink({}))
      .start();
    run.listen(() => {
      throw new Error('mine');
    });
    const end = run.listen(({ name }) => heard.push(name));
    await run.done;
    end();
    expect(heard).toEqual([
      'tier.opened',
      'tier.opened',
      'run.started',
      'tier.closed',
      'tier.closed',
      'run.ended',
    ]);
  });
});

test('a row that is lost shows at the next cut, while the run goes on', async () => {
  const lines: Line[] = [];
  const outside = virtualOutside();
  await using run = await testPipeline({ checkpoint: { everyMs: 1000 } }, [], outside)
    .from(scriptedSource({ schema: readings, batches: [numbered(10)], endless: true }))
    .pipe(stageOf(() => (batch) => batch.select(new Selection(Uint32Array.of(1, 2), 2)), 'thief'))
    .to(scriptedSink({}))
    .start({ log: keeping(lines) });
  await outside.clock.sleep(1500);
  expect(run.stats().components.map(({ unaccounted }) => unaccounted)).toEqual([0, 8, 0]);
  expect(lines.find(({ event }) => event === 'ledger.broken')).toMatchObject({
    level: 'CRITICAL',
    component: 'thief',
    fields: { id: 'thief', rows: 8 },
  });
});
