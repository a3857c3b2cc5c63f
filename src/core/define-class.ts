import type { Fields } from '../batch/index.ts';
import { PipelineError } from '../errors.ts';
import { parametersWithAttributes } from './attribute-schema.ts';
import {
  assertSummary,
  type ComponentDescription,
  type ComponentType,
  type Described,
  type OptionsSchema,
  parametersOfSchema,
} from './describe.ts';
import { protocols } from './protocol.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import type { Stage } from './stage.ts';

/** What the instances of a class are in a pipeline. */
interface Instances {
  readonly source: Source;
  readonly stage: Stage<never, Fields>;
  readonly sink: Sink<never>;
}

/** A class of which the instances are sources, stages or sinks. */
export type ComponentClass<T extends ComponentType> = abstract new (
  ...given: never[]
) => Instances[T];

/** What is said of a class. */
export interface ClassFacts<T extends ComponentType> {
  /** What its instances are in a pipeline. */
  readonly type: T;
  /** One sentence. */
  readonly summary: string;
  /** The schema of its options; its parameters are its constructor's and its attributes unless given. */
  readonly options?: OptionsSchema;
}

const types: readonly unknown[] = ['source', 'stage', 'sink'] satisfies ComponentType[];

/**
 * Gives a class a static `describe()`, for manifests, and returns the class. Throws where it has one
 * already, and where it has no summary, type or name. `name`: its own unless given.
 */
export function defineClass<T extends ComponentType, C extends ComponentClass<T>>(
  component: C,
  facts: ClassFacts<T>,
  name: string | undefined = component.name,
): C & Described {
  const place = typeof name === 'string' && name.trim() !== '' ? name : undefined;
  if (place === undefined) {
    throw refused('a class', 'has no name', 'name it, and keep its name where code is minified');
  }
  const { type, summary, options } = Object(facts) as Partial<ClassFacts<T>>;
  assertSummary(place, summary);
  if (!types.includes(type)) {
    throw refused(place, `has the type \`${String(type)}\``, `give one of ${types.join(', ')}`);
  }
  assertProtocol(place, component, type!);
  if (options !== undefined && typeof options !== 'function') {
    const remedy = 'give a function of zod: `options: (z) => z.object({ … })`';
    throw refused(place, 'has `options` that are no function', remedy);
  }
  if (Object.hasOwn(component, 'describe')) {
    throw refused(place, 'has a static `describe` already', 'describe it once');
  }
  const describe = (): ComponentDescription => ({
    className: place,
    stageType: type!,
    summary: summary!,
    ...(options === undefined
      ? parametersWithAttributes(component)
      : parametersOfSchema(place, options)),
  });
  Object.defineProperty(component, 'describe', { value: describe, configurable: true });
  return component as C & Described;
}

/** A method may be made by the constructor; that of another protocol alone tells of a mistake. */
function assertProtocol(place: string, component: object, type: ComponentType): void {
  const { prototype } = component as { readonly prototype?: unknown };
  const has = (one: ComponentType): boolean => protocols[one].method in Object(prototype);
  const other = (Object.keys(protocols) as ComponentType[]).find(has);
  if (other === undefined || has(type)) return;
  const { method } = protocols[type];
  const fact = `has the type \`${type}\` and no \`${method}\`, but \`${protocols[other].method}\``;
  throw refused(place, fact, `give the type \`${other}\`, or write \`${method}\``);
}

function refused(place: string, fact: string, remedy: string): PipelineError {
  const text = place === 'a class' ? fact : `\`${place}\` ${fact}`;
  return new PipelineError({ code: 'ERR_COMPONENT_INVALID', place, fact: text, remedy });
}
