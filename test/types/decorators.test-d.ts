// Checked by the compiler alone: what decorators keep of a method's type, and what they refuse.
import {
  circuitBreaker,
  countedStage,
  fallback,
  measuredStage,
  retry,
  timedStage,
  timeout,
} from '../../src/decorators/index.ts';
import {
  circuitBreaker as createBreaker,
  constant,
  timeout as createTimeout,
  wrap,
} from '../../src/resilience/index.ts';

export class Typed {
  @retry()
  @timeout({ timeoutMs: 100 })
  async read(unit: string): Promise<number> {
    return unit.length;
  }

  @circuitBreaker()
  @fallback({ strategy: constant({ value: 0 }) })
  peek(at: number): { value: number } {
    return { value: at };
  }

  @countedStage('pass')
  @timedStage('pass')
  async *pass(values: AsyncIterable<number>): AsyncGenerator<number, string> {
    yield* values;
    return 'done';
  }
}

export const read: (unit: string) => Promise<number> = (unit) => new Typed().read(unit);
export const peek: (at: number) => { value: number } = (at) => new Typed().peek(at);
export const pass: (values: AsyncIterable<number>) => AsyncGenerator<number, string> = (values) =>
  new Typed().pass(values);
// @ts-expect-error the parameters are those of the method
export const misread = (): unknown => new Typed().read(5);

export class Refused {
  // @ts-expect-error what gives one number is no stage
  @measuredStage('one')
  one(): number {
    return 1;
  }

  // @ts-expect-error a retry waits, and a synchronous method cannot
  @retry()
  read(): number {
    return 1;
  }

  // @ts-expect-error a timeout is for what takes time
  @timeout({ timeoutMs: 100 })
  peek(): number {
    return 1;
  }

  // @ts-expect-error an option that is none
  @retry({ attempts: 3 })
  async other(): Promise<number> {
    return 1;
  }

  // @ts-expect-error another policy
  @retry(createTimeout({ timeoutMs: 100 }))
  async another(): Promise<number> {
    return 1;
  }

  // @ts-expect-error a policy made of several
  @circuitBreaker(wrap(createBreaker()))
  several(): number {
    return 1;
  }

  // @ts-expect-error no field is a method
  @circuitBreaker()
  value = 1;
}
