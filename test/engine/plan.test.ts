import { describe, expect, test, vi } from 'vitest';

import { type Fields, schema } from '../../src/batch/index.ts';
import {
  deadLetterSchema,
  defineSink,
  defineSource,
  defineStage,
  type Definition,
  PipelineRegistry,
  type SinkComponent,
  type SourceComponent,
  type StageComponent,
} from '../../src/core/index.ts';
import {
  defaultSettings,
  formatProblem,
  type PipelineDescription,
  type Plan,
  TypedPipelineBuilder,
  ValidationError,
} from '../../src/engine/index.ts';
import { deadLetterFile } from '../../src/connectors/dead-letter-file.ts';
import { fileSink, fileSource } from '../../src/connectors/file.ts';
import { memorySink } from '../../src/connectors/memory.ts';
import { parseConfig } from '../../src/engine/config.ts';
import { planPipeline } from '../../src/engine/plan.ts';
import { virtualOutside } from '../../src/testing/outside.ts';

const readings = schema({ sensorId: 'category', value: 'float64' });

const source = defineSource<(options: object) => SourceComponent, { rate: number }>({
  name: 'source',
  summary: 'A source.',
  options: (z) => z.strictObject({ rate: z.number().positive().default(1) }),
  example: {},
  whenPaused: 'hold',
  output: () => readings,
  create: () => {
    throw new Error('nothing is created by a plan');
  },
});

const probe = defineStage<(options: object) => StageComponent, { field: string; limit: number }>({
  name: 'probe',
  summary: 'A stage.',
  options: (z) => z.strictObject({ field: z.string(), limit: z.number().min(0).default(5) }),
  example: { field: 'value' },
  rows: 'same',
  output: (input, { field }) => {
    input.field(field);
    return input.with({ seen: 'bool' });
  },
  create: () => (batch) => batch,
});

const split = defineStage<(options: object) => StageComponent, object>({
  name: 'split',
  summary: 'Two outputs.',
  options: (z) => z.strictObject({}),
  example: {},
  rows: 'expand',
  outputs: () => ['hot', 'cold'],
  output: (input) => input,
  create: () => (batch) => ({ hot: batch, cold: batch }),
});

const join = defineStage<(options: object) => StageComponent, object>({
  name: 'join',
  summary: 'Many inputs.',
  options: (z) => z.strictObject({}),
  example: {},
  rows: 'same',
  inputs: 'many',
  output: (input) => input,
  create: () => (batch) => batch,
});

const sink = defineSink<(options: object) => SinkComponent, object>({
  name: 'sink',
  summary: 'A sink.',
  options: (z) => z.strictObject({}),
  example: {},
  create: () => {
    throw new Error('nothing is created by a plan');
  },
});

type AnyDefinition = Definition & ((options: object) => unknown);

interface Written {
  id: string;
  use?: AnyDefinition;
  object?: object;
  options?: object;
  from?: string[];
}

function describePipeline(parts: {
  sources?: Written[];
  stages?: Written[];
  sinks?: Written[];
}): PipelineDescription {
  const nodes = (kind: string, written: Written[] = []) =>
    written.map(({ id, use, object, options = {}, from = [] }, index) => ({
      id,
      component: (object ?? use?.(options)) as never,
      from,
      path: [kind, index],
    }));
  return {
    name: 'test',
    sources: nodes('sources', parts.sources),
    stages: nodes('stages', parts.stages),
    sinks: nodes('sinks', parts.sinks),
    deadLetters: undefined,
    settings: defaultSettings,
  };
}

const oneSource = [{ id: 'in', use: source }];
const sinkFrom = (from: string) => [{ id: 'out', use: sink, from: [from] }];

function plan(parts: Parameters<typeof describePipeline>[0]): Promise<Plan> {
  return planPipeline(describePipeline(parts), { outside: virtualOutside(), deadLetterSchema });
}

async function problems(parts: Parameters<typeof describePipeline>[0]): Promise<string[]> {
  const error = await plan(parts).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ValidationError);
  return (error as ValidationError).problems.map(formatProblem);
}

describe('a plan', () => {
  test('knows the schema at each hop and fills in defaults', async () => {
    const { stages, sinks, sources } = await plan({
      sources: oneSource,
      stages: [{ id: 'probe', use: probe, options: { field: 'value' }, from: ['in'] }],
      sinks: sinkFrom('probe'),
    });
    expect(sources[0]!.options).toEqual({ rate: 1 });
    expect(stages[0]!.options).toEqual({ field: 'value', limit: 5 });
    expect(stages[0]!.input.names).toEqual(['sensorId', 'value']);
    expect(sinks[0]!.input.names).toEqual(['sensorId', 'value', 'seen']);
  });

  test('puts stages behind what they read from, whatever the order they are written in', async () => {
    const { stages } = await plan({
      sources: oneSource,
      stages: [
        { id: 'second', use: probe, options: { field: 'seen' }, from: ['first'] },
        { id: 'first', use: probe, options: { field: 'value' }, from: ['in'] },
      ],
      sinks: sinkFrom('second'),
    });
    expect(stages.map(({ node }) => node.id)).toEqual(['first', 'second']);
  });

  test('resolves outputs and joins', async () => {
    const { stages } = await plan({
      sources: oneSource,
      stages: [
        { id: 'split', use: split, from: ['in'] },
        { id: 'join', use: join, from: ['split.hot', 'split.cold'] },
      ],
      sinks: sinkFrom('join'),
    });
    expect(stages[1]!.from).toEqual([
      { node: 'split', output: 'hot' },
      { node: 'split', output: 'cold' },
    ]);
  });
});

describe('problems', () => {
  test('are all reported at once', async () => {
    expect(
      await problems({
        sources: [{ id: 'in', use: source, options: { rate: -1, raet: 2 } }],
        stages: [
          { id: 'a', use: probe, options: { limit: 1 }, from: ['in'] },
          { id: 'b', use: probe, options: { field: 'value', limt: 1 }, from: ['a'] },
          { id: 'b', use: probe, options: { field: 'value' }, from: ['nowhere'] },
        ],
        sinks: sinkFrom('b'),
      }),
    ).toEqual([
      'stages.2: topology: `b` names two components; give one another `id`',
      expect.stringContaining('sources.0.rate: invalid-option: `source` option `rate`: '),
      'sources.0.raet: unknown-key: `source` has no option `raet`, did you mean `rate`?',
      'stages.0.field: missing-option: `probe` needs the option `field`',
      expect.stringContaining(
        'stages.2: topology: there is no `nowhere` to read from; there are: in',
      ),
      'stages.1.limt: unknown-key: `probe` has no option `limt`, did you mean `limit`?',
    ]);
  });

  test('an unknown field names the fields there are', async () => {
    const [problem] = await problems({
      sources: oneSource,
      stages: [{ id: 'a', use: probe, options: { field: 'vlaue' }, from: ['in'] }],
      sinks: sinkFrom('a'),
    });
    expect(problem).toMatch(/^stages\.0\.field: /);
    expect(problem).toContain('unknown-field: field `vlaue` does not exist here');
    expect(problem).toContain('fields: sensorId, value');
  });

  test.each<[string, Parameters<typeof describePipeline>[0], string]>([
    ['no source', { sinks: [] }, 'the pipeline has no source'],
    ['no sink', { sources: oneSource }, 'the pipeline has no sink'],
    [
      'rows that nothing reads',
      { sources: [...oneSource, { id: 'lost', use: source }], sinks: sinkFrom('in') },
      'nothing reads from `lost`',
    ],
    [
      'a branch read in part',
      {
        sources: oneSource,
        stages: [{ id: 's', use: split, from: ['in'] }],
        sinks: sinkFrom('s.hot'),
      },
      'nothing reads from `s.cold`',
    ],
    [
      'a branch read whole',
      { sources: oneSource, stages: [{ id: 's', use: split, from: ['in'] }], sinks: sinkFrom('s') },
      '`s` has several outputs; read from `s.hot`, `s.cold`',
    ],
    [
      'an output that is not there',
      { sources: oneSource, sinks: sinkFrom('in.hot') },
      '`in` has no output `hot`; read from `in`',
    ],
    [
      'a stage behind a sink',
      {
        sources: oneSource,
        stages: [{ id: 'p', use: probe, options: { field: 'value' }, from: ['out'] }],
        sinks: [...sinkFrom('in'), { id: 'last', use: sink, from: ['p'] }],
      },
      '`out` is a sink: nothing comes after a sink',
    ],
    [
      'a sink among the stages',
      {
        sources: oneSource,
        stages: [
          { id: 'early', use: sink, from: ['in'] },
          { id: 'p', use: probe, options: { field: 'value' }, from: ['early'] },
        ],
        sinks: sinkFrom('p'),
      },
      '`early` is a sink: nothing comes after a sink; end the flow with it, by `to`',
    ],
    [
      'two sinks in a row',
      {
        sources: oneSource,
        stages: [{ id: 'early', use: sink, from: ['in'] }],
        sinks: sinkFrom('early'),
      },
      'two sinks in a row: `early` and `out`; give each to the flow before them by `to`',
    ],
    [
      'two sinks in a row, written by hand',
      {
        sources: oneSource,
        stages: [{ id: 'early', object: { async consume(_stream: unknown) {} }, from: ['in'] }],
        sinks: sinkFrom('early'),
      },
      'two sinks in a row: `early` and `out`',
    ],
    [
      'a circle',
      {
        sources: oneSource,
        stages: [
          { id: 'a', use: probe, options: { field: 'value' }, from: ['b'] },
          { id: 'b', use: probe, options: { field: 'value' }, from: ['a'] },
        ],
        sinks: sinkFrom('b'),
      },
      'in a circle: `a`, `b`',
    ],
    [
      'two inputs where one is taken',
      {
        sources: [...oneSource, { id: 'more', use: source }],
        stages: [{ id: 'a', use: probe, options: { field: 'value' }, from: ['in', 'more'] }],
        sinks: sinkFrom('a'),
      },
      'put a `merge` before it',
    ],
    [
      'inputs of two schemas',
      {
        sources: oneSource,
        stages: [
          { id: 'a', use: probe, options: { field: 'value' }, from: ['in'] },
          { id: 'j', use: join, from: ['in', 'a'] },
        ],
        sinks: sinkFrom('j'),
      },
      'needs inputs of one schema',
    ],
    [
      'an object that is no source',
      { sources: [{ id: 'in', object: { read() {} } }], sinks: sinkFrom('in') },
      'it has no method `stream',
    ],
    [
      'an object that is no stage',
      {
        sources: oneSource,
        stages: [{ id: 's', object: { process() {} }, from: ['in'] }],
        sinks: sinkFrom('s'),
      },
      'it has no method `transform',
    ],
    [
      'an object that is no sink',
      { sources: oneSource, sinks: [{ id: 'out', object: { write() {} }, from: ['in'] }] },
      'it has no method `consume',
    ],
    [
      'a source without a schema',
      { sources: [{ id: 'in', object: { async *stream() {} } }], sinks: sinkFrom('in') },
      'has no `schema`',
    ],
  ])('%s', async (_name, parts, expected) => {
    const found = await problems(parts);
    expect(found.join('\n')).toContain(expected);
  });
});

test('a record type that no kind describes is a compile error', () => {
  // @ts-expect-error no such kind
  expect(() => schema({ value: 'number' })).toThrow('unknown kind');
  const fields: Fields = { value: 'float64' };
  expect(schema(fields).names).toEqual(['value']);
});

describe('a file', () => {
  const files = virtualOutside();
  const check = async (read: string | string[], written: string[], deadLetters?: string) => {
    await files.files.makeDirectory('data');
    await using data = await files.files.open('data/in.ndjson', 'replace');
    await data.append(new TextEncoder().encode('{"sensorId":"a","value":1}\n'));
    const builder = new TypedPipelineBuilder('test', {}, { outside: files });
    const flow = builder.from(fileSource({ path: read, schema: readings }));
    for (const path of written) flow.to(fileSink({ path }));
    if (deadLetters !== undefined) builder.deadLetters(deadLetterFile({ path: deadLetters }));
    return await builder.plan().then(
      () => 'fine',
      (error: ValidationError) => error.problems.map(formatProblem).join('\n'),
    );
  };

  test('may not be read and written by one pipeline, or written twice', async () => {
    expect(await check('data/in.ndjson', ['data/out.ndjson'])).toBe('fine');
    expect(await check('data/in.ndjson', ['data/../data/in.ndjson'])).toContain(
      'sinks.0.path: topology: `file-2` writes the file that `file` uses: data/../data/in.ndjson',
    );
    expect(await check(['data/*.ndjson'], ['data/out.ndjson'])).toContain('that `file` uses');
    expect(await check('data/in.ndjson', ['a.csv', './a.csv'])).toContain('that `file-2` uses');
    expect(await check('data/in.ndjson', ['a.ndjson'], 'a.ndjson')).toContain(
      '`dead-letters` writes',
    );
  });
});

test.each(['code', 'a file'])('a plan from %s that is given up wakes its sources', async (from) => {
  const asked: string[] = [];
  const waiting = defineSource<(options: object) => SourceComponent, object>({
    name: 'waiting',
    summary: 'A source that asks what it reads from for its schema.',
    options: (z) => z.strictObject({}),
    example: {},
    whenPaused: 'hold',
    output: (_, { id, signal }) => {
      asked.push(id);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    },
    create: () => {
      throw new Error('nothing is created by a plan');
    },
  });
  const stop = new AbortController();
  const outside = virtualOutside();
  const builder = new TypedPipelineBuilder('given-up', {}, { outside });
  builder.from(waiting({})).to(memorySink());
  const registry = new PipelineRegistry([waiting, memorySink]);
  const text = 'source: waiting\nsink: memory\n';
  const planned =
    from === 'code' ? builder : await parseConfig(text, 'p.yaml', { registry, outside });
  const planning = planned.plan({ signal: stop.signal });
  const reason = new Error('enough');
  await vi.waitFor(() => expect(asked).toEqual(['waiting']));
  stop.abort(reason);
  await expect(planning).rejects.toBe(reason);
  await expect(planned.plan({ signal: stop.signal })).rejects.toBe(reason);
  expect(asked).toHaveLength(1);
});

test('an end that is missing is said whatever else is wrong', async () => {
  const settings = { onRowError: 'unknown sink' as never };
  const builder = new TypedPipelineBuilder('endless', settings, { outside: virtualOutside() });
  builder.from(source({}));
  await expect(builder.plan()).rejects.toThrow('the pipeline has no sink');
});
