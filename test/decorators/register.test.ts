import { describe, expect, test } from 'vitest';

import type { Flow, Sink, Stage } from '../../src/core/index.ts';
import { PipelineRegistry } from '../../src/core/index.ts';
import { measuredStage, register } from '../../src/decorators/index.ts';

@register({ type: 'stage', summary: 'Keep what is within limits.' })
class ThresholdFilter implements Stage {
  static readonly count = 1;
  readonly #limits: readonly [number, number];
  readonly name = 'threshold';

  constructor(minVal: number, maxVal = 90) {
    this.#limits = [minVal, maxVal];
  }

  @measuredStage('threshold')
  async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
    if (this.#limits.length > ThresholdFilter.count) yield* stream;
  }
}

@register({ type: 'stage', summary: 'Keep less.' })
class NarrowFilter extends ThresholdFilter {
  readonly isNarrow = true;
}

@register({
  type: 'sink',
  summary: 'Write JSON.',
  options: (z) => z.object({ outputPath: z.string(), prettyPrint: z.boolean().default(false) }),
})
class JsonSink implements Sink {
  async consume(): Promise<void> {}
}

describe('@register', () => {
  test('before a class, as esbuild compiles it, gives it a static describe()', () => {
    const registry = new PipelineRegistry([ThresholdFilter, NarrowFilter, JsonSink]);
    const parameters = [
      { name: 'minVal', kind: 'unknown', hasDefault: false, required: true },
      { name: 'maxVal', kind: 'number', default: 90, hasDefault: true, required: false },
    ];
    expect(registry.generateManifest()).toEqual([
      {
        className: 'ThresholdFilter',
        stageType: 'stage',
        summary: 'Keep what is within limits.',
        parameters,
      },
      { className: 'NarrowFilter', stageType: 'stage', summary: 'Keep less.', parameters },
      {
        className: 'JsonSink',
        stageType: 'sink',
        summary: 'Write JSON.',
        parameters: [
          { name: 'outputPath', kind: 'string', hasDefault: false, required: true },
          {
            name: 'prettyPrint',
            kind: 'boolean',
            default: false,
            hasDefault: true,
            required: false,
          },
        ],
      },
    ]);
    expect(new ThresholdFilter(1)).toBeInstanceOf(ThresholdFilter);
  });

  test('does nothing on import: no registry has the class that did not take it', () => {
    expect(new PipelineRegistry().generateManifest()).toEqual([]);
  });

  test.each<[what: string, decorate: () => unknown, fact: RegExp, remedy: RegExp]>([
    [
      'without a call',
      () => (register as unknown as (given: unknown) => unknown)(class A {}),
      /was given a class/,
      /write `@register\(\{/,
    ],
    [
      'without facts',
      () => (register as unknown as () => unknown)(),
      /was given/,
      /write `@register\(\{/,
    ],
    [
      'before a method',
      () => applied(() => undefined, { kind: 'method', name: 'read' }),
      /stands before the method `read`/,
      /before a class/,
    ],
    [
      'as a decorator of the older kind',
      () => applied(class A {}, undefined),
      /of the older kind/,
      /experimentalDecorators/,
    ],
  ])('is refused %s', (_what, decorate, fact, remedy) => {
    expect(decorate).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG_INVALID',
        place: '@register',
        fact: expect.stringMatching(fact) as string,
        remedy: expect.stringMatching(remedy) as string,
      }),
    );
  });

  test('is refused without a summary, and twice', () => {
    const blank = { type: 'stage', summary: ' ' } as const;
    expect(() => applied(class A {}, { kind: 'class', name: 'A' }, blank)).toThrow('no summary');
    expect(() => applied(ThresholdFilter, { kind: 'class', name: 'A' })).toThrow('already');
  });
});

function applied(
  decorated: unknown,
  place: object | undefined,
  facts: Parameters<typeof register>[0] = { type: 'stage', summary: 'A.' },
): void {
  (register(facts) as unknown as (given: unknown, place: unknown) => void)(decorated, place);
}
