import { describe, expect, test } from 'vitest';

import type { Batch } from '../../src/batch/index.ts';
import { defineSink, defineSource, type Flow, type WhenPaused } from '../../src/core/index.ts';
import { PipelineFlow, TypedPipelineBuilder, ValidationError } from '../../src/engine/index.ts';
import { filter } from '../../src/stages/filter.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { numbered, readings, scriptedSink, scriptedSource, stageOf } from './ends.ts';

/** The builder as JavaScript sees it: it takes anything. */
interface Loose {
  readonly from: (...given: unknown[]) => Loose;
  readonly pipe: (...given: unknown[]) => Loose;
  readonly to: (...given: unknown[]) => Loose;
  readonly combine: (...given: unknown[]) => Loose;
  readonly run: () => Promise<unknown>;
}

const begin = (name: unknown = 'p'): Loose =>
  new TypedPipelineBuilder(name as string, {}, { outside: virtualOutside() }) as unknown as Loose;
const source = scriptedSource({ schema: readings, batches: [numbered(3)] });
const sink = scriptedSink({});
const stream = async function* (): AsyncGenerator<Flow> {};
const kept = filter('value > 1');

/** The error of a pipeline that is described and run by `describe`. */
async function failureOf(describePipeline: () => Loose): Promise<unknown> {
  try {
    return await describePipeline().run();
  } catch (error) {
    return error;
  }
}

describe('the builder says what it was given that is no component', () => {
  test.each([
    ['pipe(5)', () => begin().from(source).pipe(5).to(sink), ['stages', 0], 'number'],
    [
      'pipe(undefined)',
      () => begin().from(source).pipe(undefined).to(sink),
      ['stages', 0],
      'undef',
    ],
    ['to()', () => begin().from(source).to(), ['sinks', 0], 'undefined where a component'],
    ['to("x")', () => begin().from(source).to('x'), ['sinks', 0], 'string where a component'],
    ['from(null)', () => begin().from(null).to(sink), ['sources', 0], 'null where a component'],
    ['combine()', () => begin().combine(undefined, kept), ['stages', 0], 'no list of flows'],
    ['combine([5])', () => begin().combine([5], kept), ['stages', 0], 'no list of flows'],
    [
      'combine([like a flow])',
      () => begin().combine([Object.create(PipelineFlow.prototype as object)], kept),
      ['stages', 0],
      'no list of flows',
    ],
  ])('%s', async (_what, describePipeline, path, fact) => {
    const error = await failureOf(describePipeline);
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as ValidationError).problems).toEqual([
      { kind: 'protocol', path, text: expect.stringContaining(fact) as string },
    ]);
  });

  test.each([
    ['to({})', () => begin().from(source).to({}), '`sink` is no sink'],
    ['from({})', () => begin().from({}).to(sink), '`source` is no source'],
    ['pipe([])', () => begin().from(source).pipe([]).to(sink), 'a list is no stage'],
    ['to(source)', () => begin().from(source).to({ schema: readings, stream }), 'it is a source'],
    [
      'half a source connector',
      () =>
        begin()
          .from({ open() {}, read() {} })
          .to(sink),
      'no method `stream',
    ],
    [
      'half a sink',
      () =>
        begin()
          .from(source)
          .to({ open() {}, write() {} }),
      'no method `consume',
    ],
    [
      'a stream that is none',
      () => begin().from({ schema: readings, stream: 5 }).to(sink),
      'strea',
    ],
    ['no schema', () => begin().from({ stream }).to(sink), 'has no `schema`'],
    [
      'a schema that is none',
      () =>
        begin()
          .from({ schema: { value: 'float64' }, stream })
          .to(sink),
      'make it with `schema(',
    ],
    [
      'an output that is no schema',
      () =>
        begin()
          .from(source)
          .pipe({ transform: async function* (_flow: unknown) {}, output: () => 5 })
          .to(sink),
      '`output` of `stage` gave what is no schema',
    ],
    [
      'half a component',
      () => begin().from(source).pipe({ kind: 'stage', definition: {} }).to(sink),
      '`stage` is no stage',
    ],
    ['an id that is none', () => begin().from(source, { id: 5 }).to(sink), 'an id is made of'],
    [
      'a policy that is none',
      () => begin().from(source, { policy: 5 }).to(sink),
      'no method `execute',
    ],
    ['no name', () => begin(null).from(source).to(sink), 'a pipeline has a name'],
  ])('%s', async (_what, describePipeline, text) => {
    const error = await failureOf(describePipeline);
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as ValidationError).problems).toEqual([
      expect.objectContaining({ text: expect.stringContaining(text) as string }),
    ]);
  });
});

describe('a run says what a `create` gave that is no component', () => {
  const described = { summary: 'Half.', example: null };
  const sourceOf = (made: unknown, whenPaused: WhenPaused = 'hold'): unknown =>
    defineSource<() => never>({
      ...described,
      name: 'half',
      options: (z) => z.any(),
      whenPaused,
      output: () => readings,
      create: () => made as never,
    })();
  const sinkOf = (made: unknown): unknown =>
    defineSink<() => never>({
      ...described,
      name: 'half',
      options: (z) => z.any(),
      create: () => made as never,
    })();
  const nothing = (): Promise<void> => Promise.resolve();
  const process = (batch: Batch): Batch => batch;

  test.each([
    [
      'a source',
      () =>
        begin()
          .from(sourceOf({ open: nothing, read: nothing }))
          .to(sink),
      'posit',
    ],
    ['no source', () => begin().from(sourceOf(null)).to(sink), 'open'],
    [
      'a source that is sent again what it cannot acknowledge',
      () =>
        begin()
          .from(sourceOf({ schema: readings, stream }, 'redeliver'))
          .to(sink),
      'acknowledge',
    ],
    [
      'a sink',
      () =>
        begin()
          .from(source)
          .to(sinkOf({ open: nothing, write: nothing })),
      'commit',
    ],
    [
      'a stage that saves what it cannot restore',
      () =>
        begin()
          .from(source)
          .pipe(stageOf(() => ({ process, snapshot: () => 1 }) as never, 'half'))
          .to(sink),
      'restore',
    ],
  ])('%s', async (_what, describePipeline, method) => {
    expect(await failureOf(describePipeline)).toMatchObject({
      code: 'ERR_CONNECTOR_PROTOCOL',
      place: 'half',
      fact: expect.stringContaining(`\`${method}`) as string,
    });
  });
});
