import { describe, expect, test } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import { memorySource } from '../../src/connectors/memory.ts';
import { defineClass } from '../../src/core/define-class.ts';
import { type Flow, isCut, type Sink, type Stage } from '../../src/core/index.ts';
import { TypedPipelineBuilder } from '../../src/engine/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';

const readings = schema({ value: 'float64' });

class Passing implements Stage {
  async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
    yield* stream;
  }
}

class RowCounter implements Sink {
  rows = 0;

  async consume(stream: AsyncIterable<Flow>): Promise<void> {
    for await (const flow of stream) if (!isCut(flow)) this.rows += flow.length;
  }
}

describe('a class that is described', () => {
  test('is itself, and says what it takes', () => {
    class Sized extends Passing {
      readonly size: number;

      constructor({ size = 5 }: { size?: number } = {}) {
        super();
        this.size = size;
      }
    }
    const same = defineClass(Sized, { type: 'stage', summary: 'Pass all on.' });
    expect(same).toBe(Sized);
    expect(Object.keys(same)).toEqual([]);
    expect(new same({ size: 3 }).size).toBe(3);
    const { describe: detached } = same;
    expect(detached()).toEqual({
      className: 'Sized',
      stageType: 'stage',
      summary: 'Pass all on.',
      parameters: [{ name: 'size', kind: 'number', default: 5, hasDefault: true, required: false }],
    });
  });

  test.each([5, undefined, {}])('has options that give a schema, not %j', (made) => {
    class Odd extends Passing {}
    const odd = defineClass(Odd, { type: 'stage', summary: 'Odd.', options: () => made as never });
    expect(() => odd.describe()).toThrow(
      expect.objectContaining({ code: 'ERR_COMPONENT_INVALID', place: 'Odd' }),
    );
  });

  test('has the method of its type, or one that its constructor makes', () => {
    class Odd extends Passing {}
    const facts = { type: 'sink', summary: 'Odd.' } as const;
    expect(() => defineClass(Odd as never, facts)).toThrow('no `consume`, but `transform`');
    class Made {
      consume = async (stream: AsyncIterable<Flow>): Promise<void> => {
        for await (const _ of stream) continue;
      };
    }
    expect(defineClass(Made, facts).describe()).toMatchObject({ stageType: 'sink' });
  });

  test('is described by the schema of its options where it has one', () => {
    class Optioned extends Passing {
      readonly given: object;

      constructor(options: object) {
        super();
        this.given = options;
      }
    }
    const optioned = defineClass(Optioned, {
      type: 'stage',
      summary: 'Take options.',
      options: (z) => z.object({ mode: z.enum(['a', 'b']).default('a'), path: z.string() }),
    });
    const parameters = [
      { name: 'mode', kind: '"a" | "b"', default: 'a', hasDefault: true, required: false },
      { name: 'path', kind: 'string', hasDefault: false, required: true },
    ];
    expect(optioned.describe().parameters).toEqual(parameters);
    // So is a class that inherits its constructor.
    class Inheriting extends Optioned {}
    const inheriting = defineClass(Inheriting, { type: 'stage', summary: 'Take the same.' });
    expect(inheriting.describe()).toMatchObject({ className: 'Inheriting', parameters });
    expect(Optioned).toBe(optioned);
  });

  test('runs in a pipeline under its own name, and the chain is checked', async () => {
    const passing = defineClass(class MyHTTPStage2 extends Passing {}, {
      type: 'stage',
      summary: 'Pass all on.',
    });
    const counter = defineClass(RowCounter, { type: 'sink', summary: 'Count rows.' });
    const sink = new counter();
    const begin = () =>
      new TypedPipelineBuilder('classes', {}, { outside: virtualOutside() }).from(
        memorySource({ schema: readings, rows: [{ value: 1 }, { value: 2 }] }),
      );
    const report = await begin().pipe(new passing(), new passing()).to(sink).run();
    expect(report.components.map(({ id }) => id)).toEqual([
      'memory',
      'my-http-stage2',
      'my-http-stage2-2',
      'row-counter',
    ]);
    expect(sink.rows).toBe(2);
    // @ts-expect-error a sink is no stage
    expect(() => begin().pipe(new counter())).toThrow(
      'stages.0: topology: `row-counter` is a sink: nothing comes after a sink; end the flow with it, by `to`',
    );
  });
});

describe('what is said of a class is refused', () => {
  const facts = { type: 'stage', summary: 'Pass all on.' } as const;

  test.each<[what: string, component: unknown, facts: unknown, place: string, fact: RegExp]>([
    ['without a summary', class A extends Passing {}, { type: 'stage' }, 'A', /no summary/],
    ['with a blank one', class A extends Passing {}, { ...facts, summary: ' ' }, 'A', /no summary/],
    ['without anything', class A extends Passing {}, undefined, 'A', /no summary/],
    ['without a type', class A extends Passing {}, { summary: 'A.' }, 'A', /type `undefined`/],
    ['with another type', class A extends Passing {}, { ...facts, type: 'map' }, 'A', /`map`/],
    ['with a schema', class A extends Passing {}, { ...facts, options: {} }, 'A', /no function/],
    ['without a name', (() => class {})(), facts, 'a class', /no name/],
    ['twice', defineClass(class A extends Passing {}, facts), facts, 'A', /already/],
  ])('%s', (_what, component, given, place, fact) => {
    expect(() => defineClass(component as typeof Passing, given as typeof facts)).toThrow(
      expect.objectContaining({
        code: 'ERR_COMPONENT_INVALID',
        place,
        fact: expect.stringMatching(fact) as string,
        remedy: expect.stringMatching(/\w/) as string,
      }),
    );
  });
});
