// Checked by the compiler alone: what `@register` and `defineClass` take and give.
import { defineClass } from '../../src/core/define-class.ts';
import {
  type ComponentDescription,
  type Described,
  type Flow,
  PipelineRegistry,
  type Sink,
  type Stage,
} from '../../src/core/index.ts';
import { register } from '../../src/decorators/index.ts';

@register({ type: 'stage', summary: 'Pass all on.' })
export class Passing implements Stage {
  declare static readonly describe: Described['describe'];
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
    yield* stream;
  }
}

export class Writing implements Sink<{ readonly value: 'float64' }> {
  async consume(): Promise<void> {}
}

const writing = defineClass(Writing, { type: 'sink', summary: 'Write.' });
export const made: Writing = new writing();
export const told: ComponentDescription = writing.describe();
export const alsoTold: ComponentDescription = Passing.describe();
export const registry: PipelineRegistry = new PipelineRegistry([Passing, writing]);

// @ts-expect-error an instance is no class
registry.register(new Writing());

// @ts-expect-error no summary
@register({ type: 'stage' })
export class Unsaid extends Passing {}

// @ts-expect-error a type that is none
@register({ type: 'filter', summary: 'Keep some.' })
export class Mistyped extends Passing {}

// @ts-expect-error its instances are stages
@register({ type: 'sink', summary: 'Write.' })
export class Misplaced extends Passing {}

// @ts-expect-error the call that says what it is
@register
export class Uncalled extends Passing {}

// @ts-expect-error a schema where a function of zod is due
@register({ type: 'stage', summary: 'Pass all on.', options: {} })
export class Optioned extends Passing {}

export class Refused {
  // @ts-expect-error no method is a class
  @register({ type: 'stage', summary: 'Pass all on.' })
  read(): number {
    return 1;
  }
}
