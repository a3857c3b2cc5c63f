import { describe, expect, test } from 'vitest';

import {
  defineSink,
  defineSource,
  defineStage,
  PipelineRegistry,
  type SinkComponent,
  type StageComponent,
} from '../../src/core/index.ts';
import { parseConfig } from '../../src/engine/config.ts';
import { configSchema } from '../../src/engine/config-schema.ts';
import { formatProblem, startRun, type ValidationError } from '../../src/engine/index.ts';
import * as library from '../../src/resilience/index.ts';
import { mapAsync } from '../../src/stages/map-async.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource } from './ends.ts';

const minutes = 60_000;

/** The ends of a config: a source of five batches, and sinks that are down until a time. */
function world() {
  const outside = virtualOutside();
  const rows: Record<string, Record<string, unknown>[]> = { a: [], b: [] };
  const times: number[] = [];
  const source = {
    ...scriptedSource.spec,
    name: 'script',
    options: (z: never) => (z as { any: () => never }).any(),
    output: () => readings,
    create: (_: never, context: never) =>
      scriptedSource.spec.create(
        { schema: readings, batches: numbered(5).map((row) => [row]) } as never,
        context,
      ),
  };
  const sink = {
    ...scriptedSink.spec,
    name: 'store',
    options: (z: never) => (z as { any: () => never }).any(),
    create: (_: never, context: { id: string }) =>
      scriptedSink.spec.create(
        {
          rows: rows[context.id] ?? [],
          answer: async () => {
            times.push(outside.clock.monotonic());
            if (outside.clock.monotonic() < 5 * minutes) throw new Error('down');
          },
        } as never,
        context as never,
      ),
  };
  const ask = defineStage<(options: object) => StageComponent, object>({
    name: 'ask',
    summary: 'Ask something outside.',
    options: (z) => z.strictObject({}),
    example: {},
    rows: 'same',
    calls: true,
    output: (input) => input,
    create: (_, context) =>
      mapAsync.spec.create(
        {
          map: async (record: { value: number }) => {
            if (outside.clock.monotonic() < 5 * minutes && record.value > 1)
              throw new Error('down');
            return record;
          },
          concurrency: 1,
          ordered: true,
        } as never,
        context,
      ),
  });
  const registry = new PipelineRegistry([
    defineSource(source as never),
    defineSink(sink as never),
    ask,
    mapAsync,
  ]);
  const deadLetters = scriptedSink({}) as unknown as SinkComponent;
  const parse = (text: string) => parseConfig(text, 'p.yaml', { registry, outside, deadLetters });
  const problemsOf = async (text: string): Promise<string[]> => {
    const error = await parse(text)
      .then((config) => config.plan())
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    if (error === undefined) return [];
    return (error as ValidationError).problems.map((problem) =>
      formatProblem(problem).replace(/^p\.yaml:/, ''),
    );
  };
  const run = async (text: string) => startRun(await (await parse(text)).plan());
  return { outside, rows, times, run, problemsOf };
}

describe('resilience in a config', () => {
  test('by value: in virtual time, with the chance of the run', async () => {
    const { rows, times, run } = world();
    const running = await run(`
source: script
sinks:
  a:
    store:
    resilience:
      retry: { maxAttempts: 2, baseDelayMs: 1000 }
      breaker: { opens: { consecutiveFailures: 2 }, openMs: 60000 }
`);
    const report = await running.done;
    expect(rows['a']).toEqual(numbered(5));
    expect(times.slice(0, 6)).toEqual([0, 1000, 1000, 2000, 62_000, 63_000]);
    expect(report.components.at(-1)!.policy).toMatchObject({
      breakers: { worst: [{ name: 'a', opens: expect.any(Number) as number }] },
    });
  });

  test('by name: all that refer to a policy share its breaker', async () => {
    const { outside, rows, times, run } = world();
    const running = await run(`
source: script
sinks:
  a: { store: , resilience: db }
  b: { store: , resilience: db }
policies:
  db: { breaker: { opens: { consecutiveFailures: 4 }, openMs: 60000 } }
`);
    await outside.clock.sleep(30_000);
    // Four failures of both together have opened it for both.
    expect(times).toHaveLength(4);
    expect(Object.keys(running.stats().degraded)).toEqual(['a', 'b']);
    expect(running.stats().degraded['b']).toContain('breaker `db` is open');
    await running.done;
    expect(rows).toEqual({ a: numbered(5), b: numbered(5) });
  });

  test('a fallback of a stage that waits, by the field of its key', async () => {
    const { outside, run } = world();
    const running = await run(`
source: script
stages:
  - ask: {}
    resilience:
      breaker: {}
      fallback: { key: sensorId, strategies: [{ lastKnownGood: { ageMsMax: 60000 } }, drop] }
sink: { store: , resilience: { breaker: } }
`);
    await outside.clock.sleep(6 * minutes);
    const report = await running.done;
    expect(report.components.find(({ id }) => id === 'ask')!.counts).toEqual({
      'substituted.last-known-good': 3,
    });
  });

  test.each([
    [
      'a policy that is not there, and which is meant',
      'source: script\nsink: { store: , resilience: databse }\npolicies: { database: { retry: {} } }\n',
      ['2:30: topology: there is no policy `databse`, did you mean `database`?'],
    ],
    [
      'a policy where there are none',
      'source: { script: , resilience: db }\nsink: store\n',
      ['1:33: topology: there is no policy `db`, name it under `policies:`'],
    ],
    [
      'an unknown part and an unknown option',
      'source: script\nsink:\n  store:\n  resilience:\n    retrys: {}\n    retry: { maxAttemps: 3 }\n',
      [
        '5:5: unknown-key: `resilience` has no option `retrys`, did you mean `retry`?',
        '6:14: unknown-key: `resilience` option `retry` has no option `maxAttemps`, did you mean `maxAttempts`?',
      ],
    ],
    [
      'a limit that only two options together break',
      'source: script\nsink: { store: , resilience: db }\npolicies:\n  db: { breaker: { openMs: 10, openMsMax: 5 } }\n',
      ['4:43: invalid-option: `breaker`: cannot be 5; give at least openMs, 10'],
    ],
    [
      'a fallback of a sink, by value and by name',
      'source: { script: , resilience: a }\nsink: { store: , resilience: { fallback: { strategies: [drop] } } }\npolicies: { a: { fallback: { strategies: [drop] } } }\n',
      [
        '1:33: invalid-option: a fallback is for stages that wait, as `map-async`: nothing can stand in for what a source does; `a` has one',
        '2:32: invalid-option: a fallback is for stages that wait, as `map-async`: nothing can stand in for what a sink does',
      ],
    ],
    [
      'what is no policy',
      'source: { script: , resilience: [] }\nsink: store\npolicies: 5\n',
      [
        '1:21: invalid-option: a policy is a map, `{ retry: { … }, breaker: { … } }`, or the name of one',
        '3:11: invalid-option: `policies` is a map: `name: { retry: { … }, breaker: { … } }`',
      ],
    ],
    [
      'what says nothing',
      'source: { script: , resilience: }\nsink:\n  store:\n  resilience: {}\npolicies:\n',
      [
        '1:21: invalid-option: `resilience` says nothing: a policy is a map, `{ retry: { … }, breaker: { … } }`, or the name of one; or leave it out',
        '4:3: invalid-option: `resilience` says nothing: a policy is a map, `{ retry: { … }, breaker: { … } }`, or the name of one; or leave it out',
        '5:1: invalid-option: `policies` names none: it is a map, `name: { retry: { … }, breaker: { … } }`; or leave it out',
      ],
    ],
    [
      'a map of no policies, and a policy of no parts',
      'source: script\nsink: store\npolicies: {}\n',
      [
        '3:1: invalid-option: `policies` names none: it is a map, `name: { retry: { … }, breaker: { … } }`; or leave it out',
      ],
    ],
    [
      'a policy by name that says nothing',
      'source: { script: , resilience: b }\nsink: { store: , resilience: a }\npolicies:\n  a:\n  b: {}\n',
      [
        '4:3: invalid-option: policy `a` says nothing: a policy is a map, `{ retry: { … }, breaker: { … } }`; or leave it out',
        '5:3: invalid-option: policy `b` says nothing: a policy is a map, `{ retry: { … }, breaker: { … } }`; or leave it out',
      ],
    ],
    [
      'a policy that nothing refers to',
      'source: { script: , resilience: a }\nsink: store\npolicies:\n  a: { retry: {} }\n  b: { retry: {} }\n',
      [
        '5:3: topology: nothing refers to policy `b`; write `resilience: b` under a source, stage or sink, or leave it out',
      ],
    ],
  ])('refuses %s', async (_, text, problems) => {
    expect(await world().problemsOf(text)).toEqual(problems);
  });

  test('refuses what the functions refuse, and nothing else', async () => {
    const make = {
      retry: library.retry,
      breaker: library.circuitBreaker,
      timeout: library.timeout,
      bulkhead: library.bulkhead,
      rateLimit: library.rateLimit,
      hedge: library.hedge,
    } as Record<string, (options: never) => unknown>;
    const needed: Record<string, object> = {
      timeout: { timeoutMs: 1 },
      bulkhead: { concurrentMax: 1 },
      rateLimit: { callsMax: 1, perMs: 1 },
      hedge: { afterMs: 1 },
    };
    const schema = JSON.parse(JSON.stringify(await configSchema(new PipelineRegistry([])))) as {
      properties: { policies: { additionalProperties: { properties: Record<string, unknown> } } };
      definitions?: Record<string, unknown>;
    };
    expect(Object.keys(schema.properties)).toContain('policies');
    const options: Record<string, string[]> = {
      retry: ['maxAttempts', 'baseDelayMs', 'delayMsMax', 'totalMsMax'],
      breaker: [
        'openMs',
        'growth',
        'openMsMax',
        'jitter',
        'probesMax',
        'successesToClose',
        'probeMsMax',
      ],
      timeout: ['timeoutMs'],
      bulkhead: ['concurrentMax', 'queueMax'],
      rateLimit: ['callsMax', 'perMs', 'waitMsMax'],
      hedge: ['afterMs', 'attemptsMax'],
    };
    for (const [part, names] of Object.entries(options)) {
      for (const name of names) {
        for (const value of [-1, 0, 0.5, 1, 1.5, 40_000, 2_000_000]) {
          const given = { ...needed[part], [name]: value };
          let refused = false;
          try {
            make[part]!(given as never);
          } catch {
            refused = true;
          }
          const text = `source: script\nsink: { store: , resilience: p }\npolicies: { p: { ${part}: ${JSON.stringify(given)} } }\n`;
          const problems = await world().problemsOf(text);
          expect(problems.length > 0, `${part}.${name}: ${value}: ${problems[0]}`).toBe(refused);
        }
      }
    }
  });
});
