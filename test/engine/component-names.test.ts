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

  test('is refused where it is empty, as that of alerts on the whole run', () => {
    const flow = testPipeline().from(source());
    expect(() => flow.to(scriptedSink({}), { id: '' })).toThrow(
      'a component has an `id` that is not empty',
    );
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
