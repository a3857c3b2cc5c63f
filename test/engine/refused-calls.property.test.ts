import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Flow } from '../../src/core/index.ts';
import { type PipelineDescription, ValidationError } from '../../src/engine/index.ts';
import { merge } from '../../src/stages/merge.ts';
import { threshold } from '../../src/stages/threshold.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

/** The builder, and its flows, as JavaScript sees them: they take anything. */
interface Loose {
  readonly [method: string]: (...given: unknown[]) => Loose;
}

/** One call. */
interface Call {
  readonly method: string;
  readonly given: readonly unknown[];
  /** Of flows: which of those that there are, modulo their number. */
  readonly flow?: number;
}

const source = scriptedSource({ schema: readings, batches: [numbered(20)] });
const stage = threshold({ field: 'value', min: 0 });
const own = { transform: (stream: AsyncIterable<Flow>) => stream };
const sink = scriptedSink({});

const broken = fc.constantFrom<unknown>(
  null,
  undefined,
  7,
  {},
  { process() {} },
  { transform() {} },
  { stream() {} },
  { write() {} },
  class {},
  threshold,
  {
    get transform(): never {
      throw new Error('no');
    },
  },
);
/** What each method takes, mostly. */
const fitting: Record<string, readonly unknown[]> = {
  setSource: [source],
  from: [source],
  addStage: [stage, own],
  through: [stage, own],
  pipe: [stage, own],
  setSink: [sink],
  to: [sink],
  deadLetters: [sink],
};
const componentFor = (method: string): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 1, arbitrary: broken },
    { weight: 1, arbitrary: fc.constantFrom<unknown>(source, stage, sink, own) },
    { weight: 4, arbitrary: fc.constantFrom(...fitting[method]!) },
  );
const placement = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  fc.constantFrom<unknown>(
    { id: 'a' },
    { id: 'b' },
    { id: 5 },
    { id: '' },
    { id: 'run' },
    { id: 'dead-letters' },
    { policy: 5 },
    null,
  ),
);
const calls: fc.Arbitrary<Call> = fc.oneof(
  ...['setSource', 'addStage', 'setSink', 'from', 'deadLetters'].map((method) =>
    fc.record({
      method: fc.constant(method),
      given: fc.tuple(componentFor(method), placement),
    }),
  ),
  ...['through', 'to'].map((method) =>
    fc.record({
      method: fc.constant(method),
      given: fc.tuple(componentFor(method), placement),
      flow: fc.nat(),
    }),
  ),
  fc.record({
    method: fc.constant('pipe'),
    given: fc.array(componentFor('pipe'), { maxLength: 3 }),
    flow: fc.nat(),
  }),
  fc.record({
    method: fc.constant('combine'),
    given: fc.tuple(fc.constantFrom<unknown>(undefined, [7], 'flows'), fc.constant(merge())),
  }),
);

function idsOf({ sources, stages, sinks, deadLetters }: PipelineDescription): string[] {
  return [...sources, ...stages, ...sinks, deadLetters!].map(({ id }) => id);
}

const runs = process.env['MILLRACE_NIGHTLY'] ? 20_000 : 600;

test('whatever is refused, the builder is as it was; what is taken is there', () => {
  let [refusedCalls, takenCalls] = [0, 0];
  const property = fc.property(fc.array(calls, { minLength: 3, maxLength: 40 }), (sequence) => {
    const builder = testPipeline();
    const flows: Loose[] = [];
    const loose = builder as unknown as Loose;
    let chain: 'none' | 'open' | 'ended' = 'none';
    for (const { method, given, flow } of sequence) {
      const target = flow === undefined ? loose : flows[flow % flows.length];
      if (target === undefined) continue;
      const before = builder.describe();
      let refused: unknown;
      let made: unknown;
      try {
        made = target[method]!(...given.map((one) => (one === 'flows' ? flows.slice(0, 2) : one)));
      } catch (error) {
        refused = error;
      }
      const after = builder.describe();
      if (refused !== undefined) {
        refusedCalls++;
        expect(refused).toBeInstanceOf(ValidationError);
        expect((refused as ValidationError).problems.length).toBeGreaterThan(0);
        // The very same components, in the same places, under the same names.
        expect(after).toStrictEqual(before);
        for (const role of ['sources', 'stages', 'sinks'] as const) {
          expect(after[role].every((node, at) => node === before[role][at])).toBe(true);
        }
      } else {
        takenCalls++;
        const role = { setSource: 'sources', from: 'sources', setSink: 'sinks', to: 'sinks' }[
          method
        ];
        const count = method === 'deadLetters' ? 0 : method === 'pipe' ? given.length : 1;
        const grown = after[(role ?? 'stages') as 'stages'].length;
        expect(grown).toBe(before[(role ?? 'stages') as 'stages'].length + count);
        expect(idsOf(after)).toHaveLength(idsOf(before).length + count);
        if (['from', 'through', 'pipe', 'combine'].includes(method)) flows.push(made as Loose);
      }
      expect(new Set(idsOf(after)).size).toBe(idsOf(after).length);
      // The chain has one source, then stages, then one sink.
      if (method === 'setSource') expect(chain === 'none' || refused !== undefined).toBe(true);
      if (method === 'addStage' || method === 'setSink') {
        expect(chain === 'open' || refused !== undefined).toBe(true);
      }
      if (refused === undefined && method === 'setSource') chain = 'open';
      if (refused === undefined && method === 'setSink') chain = 'ended';
    }
  });
  fc.assert(property, { numRuns: runs });
  // Both happen, and often.
  expect(Math.min(refusedCalls, takenCalls)).toBeGreaterThan(runs / 2);
});

test('a good chain runs the same, whatever was refused between its calls', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(broken, { minLength: 4, maxLength: 4 }), async (refused) => {
      const rows: Record<string, unknown>[] = [];
      const builder = testPipeline() as unknown as Loose;
      const tryAll = (): void => {
        for (const given of refused) {
          for (const method of ['setSource', 'addStage', 'setSink', 'from', 'deadLetters']) {
            expect(() => builder[method]!(given)).toThrow(ValidationError);
          }
        }
      };
      tryAll();
      builder['setSource']!(source);
      tryAll();
      builder['addStage']!(threshold({ field: 'value', max: 4 }));
      tryAll();
      builder['setSink']!(scriptedSink({ rows }));
      tryAll();
      const report = await (builder['run']!() as unknown as Promise<{
        components: { id: string }[];
      }>);
      expect(report.components.map(({ id }) => id)).toEqual([
        'scripted',
        'threshold',
        'scripted-2',
      ]);
      expect(rows.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4]);
    }),
    { numRuns: 20 },
  );
});
