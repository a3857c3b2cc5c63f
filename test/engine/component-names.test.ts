import { describe, expect, test } from 'vitest';

import { memorySource } from '../../src/connectors/memory.ts';
import { parseConfig } from '../../src/engine/config.ts';
import { formatProblem, ValidationError } from '../../src/engine/index.ts';
import { prometheusText, shippedRules } from '../../src/observe/index.ts';
import { builtins } from '../../src/pipeline.ts';
import { filter } from '../../src/stages/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { keepingLogger } from '../observe/log-lines.ts';
import { numbered, readings, scriptedSink, testPipeline } from './ends.ts';

const source = () => memorySource({ rows: numbered(3), schema: readings });

async function problemsOf(planning: Promise<unknown>): Promise<string[]> {
  const error = await planning.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ValidationError);
  return (error as ValidationError).problems.map(formatProblem);
}

describe('a name that stands for something else than a component', () => {
  test.each([
    ['run', 'the run itself'],
    ['server', 'the server of a run'],
    ['otel', 'what sends to OpenTelemetry'],
    ['overflow', 'all that there is no room for one by one'],
  ])('is refused: `%s`', async (id, meant) => {
    const text = `\`${id}\` is what log, metrics and alerts call ${meant}; give the component another \`id\``;
    expect(() => testPipeline().from(source(), { id })).toThrow(text);
    const file = `source: { interval: { everyMs: 1 } }\nsinks: { ${id}: { console: {} } }\n`;
    const options = { registry: builtins(), outside: virtualOutside(), environment: {} };
    const config = await parseConfig(file, 'p.yaml', options);
    expect(await problemsOf(config.plan())).toEqual([expect.stringContaining(text)]);
  });
});

describe('an id in code is made as one in a file', () => {
  const rule = 'an id is made of up to 64 letters, digits, `-` and `_`';

  test.each(['', ' ', '../x', 'a.b', 'a\n\u001b[31m', 'ä', 'x'.repeat(65), 5, {}])(
    '%j is refused, and the builder is as it was',
    (id) => {
      const builder = testPipeline();
      const placement = { id } as { id: string };
      expect(() => builder.from(source(), placement)).toThrow(rule);
      expect(() => builder.deadLetters(scriptedSink({}), placement)).toThrow(rule);
      const flow = builder.from(source());
      expect(() => flow.to(scriptedSink({}), placement)).toThrow(rule);
      expect(builder.describe()).toMatchObject({ sources: [{}], sinks: [] });
    },
  );

  test.each(['a', 'A-1_b', 'x'.repeat(64)])('%j is taken', (id) => {
    const builder = testPipeline();
    builder.from(source(), { id });
    expect(builder.describe().sources[0]?.id).toBe(id);
  });

  test('an output is that of a stage, and never another component', async () => {
    const builder = testPipeline();
    const flow = builder.from(source(), { id: 'a' });
    expect(() => builder.from(source(), { id: 'a.b' })).toThrow(rule);
    flow.output('b').to(scriptedSink({}));
    const problems = await problemsOf(builder.build());
    expect(problems[0]).toContain('`a` has no output `b`; read from `a`');
    flow.output('b.c').to(scriptedSink({}));
    const more = await problemsOf(builder.build());
    expect(more.join()).toContain('`a` has no output `b.c`; read from `a`');
  });

  test('one that is made of a name holds what an id can hold', () => {
    const long = 'n'.repeat(80);
    const builder = testPipeline();
    let flow = builder.from(source(), { id: 'source' });
    for (const name of ['Unit conversion (°C)', 'a.b', 'a.b', long, long]) {
      const stage = filter<(typeof readings)['shape']>('value > 0');
      const { definition } = stage;
      const named = { ...definition, spec: { ...definition.spec, name } };
      flow = flow.pipe({ ...stage, definition: named } as typeof stage);
    }
    expect(builder.describe().stages.map(({ id }) => id)).toEqual([
      'Unit-conversion-C-',
      'a-b',
      'a-b-2',
      'n'.repeat(56),
      `${'n'.repeat(56)}-2`,
    ]);
  });
});

describe('a placement in code is read whole', () => {
  const way = 'did you mean `id`?';

  test('what it knows nothing of is refused', () => {
    const builder = testPipeline();
    const wrong = { idd: 'x' } as { id?: string };
    expect(() => builder.from(source(), wrong)).toThrow(`a source takes no \`idd\`, ${way}`);
    const flow = builder.from(source());
    const stage = filter<(typeof readings)['shape']>('value > 0');
    expect(() => flow.through(stage, wrong)).toThrow(`a stage takes no \`idd\`, ${way}`);
    expect(() => flow.to(scriptedSink({}), wrong)).toThrow(`a sink takes no \`idd\`, ${way}`);
    const required = { required: false } as object;
    expect(() => builder.from(source(), required)).toThrow(
      'a source takes no `required`, keys: id, policy',
    );
    expect(() => builder.deadLetters(scriptedSink({}), required)).toThrow(
      '`deadLetters` takes no `required`, keys: id, policy',
    );
    expect(builder.describe()).toMatchObject({ sources: [{}], stages: [], sinks: [] });
  });

  test('names in what it says hold no control characters', () => {
    const builder = testPipeline();
    const wrong = { 'a\n\u001b[31m': 1, id: 'run\u0007', policy: 5 } as object;
    let said = '';
    try {
      builder.from(source(), wrong);
    } catch (error) {
      said = (error as Error).message.replaceAll('\n  ', '; ');
    }
    expect(said).toContain('takes no `a\\u000a\\u001b[31m`');
    expect(said).toContain('the policy of `run\\u0007`');
    // oxlint-disable-next-line no-control-regex -- control characters are what it is for
    expect(said).not.toMatch(/[\u0000-\u001f]/);
  });

  test.each([['x'], [5], [true], [null], [['id']]])('%j is none', (placement) => {
    const place = (): unknown => testPipeline().from(source(), placement as object);
    expect(place).toThrow("a placement is an object: `{ id: 'name' }`");
    const builder = testPipeline();
    const before = builder.describe().deadLetters;
    const name = (): unknown => builder.deadLetters(scriptedSink({}), placement as object);
    expect(name).toThrow("a placement is an object: `{ id: 'name' }`");
    expect(builder.describe().deadLetters).toEqual(before);
  });
});

test('a sink `main` has its own lines, its own level, its own series and its own alerts', async () => {
  const { log, lines } = keepingLogger();
  log.setLevel('main', 'CRITICAL');
  const sink = scriptedSink({ answer: () => Promise.reject(new Error('down')) });
  const run = await testPipeline({ onRowError: 'drop' })
    .from(source())
    .to(sink, { id: 'main' })
    .start({ log, alerts: shippedRules() });
  await run.done.catch(() => {});
  const components = new Set(lines().map(({ component }) => component));
  expect(components).toContain('run');
  expect(components).not.toContain('main');
  const text = prometheusText(run);
  const started = text.split('\n').filter((line) => line.startsWith('millrace_runs_started_total'));
  expect(started).toEqual(['millrace_runs_started_total{pipeline="test"} 1']);
});

test('names that every object has are names as others', async () => {
  const run = await testPipeline()
    .from(source(), { id: 'constructor' })
    .through(filter({ where: 'value > 0' }), { id: '__proto__' })
    .to(scriptedSink({}), { id: 'toString' })
    .start();
  await run.done;
  const stats = run.stats();
  const ids = ['constructor', '__proto__', 'toString'];
  expect(stats.components.map(({ id }) => id)).toEqual(ids);
  expect(stats.components.map(({ source: state }) => state?.isPaced)).toEqual([
    false,
    undefined,
    undefined,
  ]);
  const text = prometheusText(run);
  for (const id of ids) expect(text).toContain(`stage="${id}"`);
  expect(run.topology().nodes.map(({ id }) => id)).toEqual([...ids, 'dead-letters']);
});
