import { Schema } from '../batch/index.ts';
import {
  type ComponentType,
  type Described,
  isDescribed,
  type SinkComponent,
  type SourceComponent,
  type StageComponent,
} from '../core/index.ts';
import { isClass } from '../core/is-class.ts';
import { keepsProtocol, protocols } from '../core/protocol.ts';
import { reasonOf } from '../errors.ts';
import type { Path } from './description.ts';
import { formatProblem, type Problem, ValidationError } from './problem.ts';

/** What was given as a component, and where it stands. */
export interface Given {
  readonly type: ComponentType;
  readonly component: unknown;
  readonly path: Path;
  /** What it is called in messages; a name of its own unless given. */
  readonly id?: string | undefined;
  /** What it flows into. */
  readonly next?: { readonly component: unknown; readonly id?: string | undefined } | undefined;
}

/** What is wrong with something as a source, stage or sink. Never throws, whatever it is. */
export function protocolProblem(given: Given): Problem | undefined {
  const { type, component, path } = given;
  const problem = (text: string): Problem => ({ kind: 'protocol', path, text });
  try {
    if (component === null || !['object', 'function'].includes(typeof component)) {
      const what = component === null ? 'null' : typeof component;
      const way = 'give what `fileSource({ … })` and its like return';
      return problem(`was given ${what} where a component was due; ${way}`);
    }
    if (typeOf(component as object) === type) return sourceProblem(given);
    if (type === 'stage' && typeOf(component as object) === 'sink') return sinkAmongStages(given);
    return problem(textOf(given));
  } catch (error) {
    return problem(`what was given as a ${type} cannot be looked at: ${reasonOf(error)}`);
  }
}

/** What is wrong with a chain of stages, one text each; none where it can stand in a pipeline. */
export function checkStages(stages: readonly unknown[]): string[] {
  return stageProblems(stages).map(formatProblem);
}

/**
 * Checks source, stages and sink by their protocols alone, and gives a sentence that says so. Throws
 * a `TypeError` that names all that is wrong; its `cause` is the `ValidationError`.
 */
export function validatePipeline(
  source: unknown,
  stages: readonly unknown[],
  sink: unknown,
): string {
  const problems = chainProblems(source, stages, sink);
  if (sink === undefined) problems.push(...sinkProblems(sink));
  if (problems.length === 0) {
    return `Pipeline validation passed: ${stages.length} stages registered.`;
  }
  const cause = new ValidationError('pipeline', problems);
  throw new TypeError(`Pipeline validation failed: ${cause.fact}`, { cause });
}

/** What is wrong with source, stages and, where there is one, sink, by their protocols alone. */
export function chainProblems(source: unknown, stages: unknown, sink?: unknown): Problem[] {
  const problem = protocolProblem({ type: 'source', component: source, path: ['source'] });
  return [
    ...(problem === undefined ? [] : [problem]),
    ...stageProblems(stages, sink),
    ...(sink === undefined ? [] : sinkProblems(sink)),
  ];
}

function sinkProblems(sink: unknown): Problem[] {
  const problem = protocolProblem({ type: 'sink', component: sink, path: ['sink'] });
  return problem === undefined ? [] : [problem];
}

function stageProblems(stages: unknown, sink?: unknown): Problem[] {
  const path = ['stages'];
  try {
    if (!Array.isArray(stages)) {
      const what = stages === null ? 'null' : typeof stages;
      return [{ kind: 'protocol', path, text: `the stages are a list, not ${what}` }];
    }
    const chain = [...(stages as unknown[]), ...(sink === undefined ? [] : [sink])];
    return Array.from(stages as unknown[], (component, at) => {
      const next = at + 1 < chain.length ? { component: chain[at + 1] } : undefined;
      return protocolProblem({ type: 'stage', component, path: [...path, at], next });
    }).filter((problem) => problem !== undefined);
  } catch (error) {
    return [{ kind: 'protocol', path, text: `the stages cannot be read: ${reasonOf(error)}` }];
  }
}

type AnyComponent = SourceComponent | StageComponent | SinkComponent;

/** What a component is in a pipeline, described or written by hand. */
function typeOf(component: object): ComponentType | undefined {
  if (isDescribed(component)) return (component as AnyComponent).kind;
  return (['source', 'stage', 'sink'] as const).find((type) => keepsProtocol(component, type));
}

/** A hand-written source says what it gives; of a described one the plan asks that. */
function sourceProblem({ type, component, path, id }: Given): Problem | undefined {
  if (type !== 'source' || isDescribed(component as object)) return undefined;
  const { schema } = component as { readonly schema?: unknown };
  if (schema instanceof Schema) return undefined;
  const name = id ?? shownName(component as object, type);
  const text =
    schema === undefined
      ? `source \`${name}\` has no \`schema\`; say what its batches hold`
      : `the \`schema\` of source \`${name}\` is none; make it with \`schema({ … })\``;
  return { kind: 'protocol', path, text };
}

function sinkAmongStages({ component, path, id, next }: Given): Problem {
  const name = id ?? shownName(component as object, 'sink');
  const { component: behind, id: nextId } = next ?? {};
  const isSinkNext = isObject(behind) && typeOf(behind) === 'sink';
  const text = isSinkNext
    ? `two sinks in a row: \`${name}\` and \`${nextId ?? shownName(behind, 'sink')}\`; give each to the flow before them by \`to\``
    : `\`${name}\` is a sink: nothing comes after a sink; end the flow with it, by \`to\``;
  return { kind: 'topology', path, text };
}

/** Why something is not of the type that it should be. */
function textOf({ type, component, id }: Given): string {
  const made = component as Readonly<Record<string, unknown>>;
  const name = id ?? shownName(made, type);
  if (type === 'source' && Symbol.asyncIterator in made) {
    return 'an asynchronous iterable is no source; `{ schema, async *stream() { … } }` gives batches of what is in it';
  }
  if (type === 'source' && Symbol.iterator in made) {
    const what = Array.isArray(made) ? 'a list' : 'an iterable';
    return `${what} is no source; \`memorySource({ schema, rows })\` gives what is in it`;
  }
  if (Array.isArray(made)) return `a list is no ${type}; give what is in it one by one`;
  if (typeof made === 'function' && 'spec' in made) {
    return `\`${name}\` is the description of a component: call it with its options: \`${name}({ … })\``;
  }
  if (isClass(made)) {
    return `\`${name}\` is a class; give an instance of it: \`new ${name}(…)\``;
  }
  if (typeof made['then'] === 'function') {
    return `a promise is no ${type}; give what it resolves to: \`await …\``;
  }
  const other = typeOf(made);
  if (other !== undefined) return `\`${name}\` is no ${type}: it is a ${other}`;
  return `\`${name}\` is no ${type}: ${methodText(type, made)}`;
}

/** Why an object has not the method of its protocol. */
export function methodText(type: ComponentType, made: Readonly<Record<string, unknown>>): string {
  const { method, call, define, inner } = protocols[type];
  const given = made[method];
  if (typeof given === 'function') {
    if (isClass(given)) return `its \`${method}\` is a class, and is called as \`${call}\``;
    const names = given.length === 1 ? '1 parameter' : `${given.length} parameters`;
    const way =
      type === 'source' ? '' : '; signal and context come through `create` of a description';
    return `its \`${method}\` names ${names} and is called as \`${call}\`${way}`;
  }
  const hint =
    typeof made[inner] === 'function'
      ? `; it has \`${inner}\`, as what \`create\` of a \`${define}\` gives`
      : '';
  return `it has no method \`${call}\`${hint}`;
}

/** The name of a component in messages: as described, of its class, or what it was to be. */
function shownName(component: object, type: ComponentType): string {
  const described = nameOf(component);
  if (described !== undefined) return described;
  const named = typeof component === 'function' ? component : component.constructor;
  const { name } = (named ?? {}) as { readonly name?: unknown };
  const isOwn = typeof name === 'string' && !['', 'Object', 'Function', 'Array'].includes(name);
  return isOwn ? name : type;
}

/** The name that a component, or its class, was described by. Never throws. */
export function nameOf(component: object): string | undefined {
  try {
    const { definition, spec } = component as Partial<AnyComponent> & {
      readonly spec?: { readonly name?: unknown };
    };
    const name = (definition?.spec ?? spec)?.name;
    return typeof name === 'string' ? name : nameOfClass(component.constructor);
  } catch {
    return undefined;
  }
}

/** `json-sink` for an instance of `JsonSink`, where that class describes itself. */
function nameOfClass(made: unknown): string | undefined {
  if (typeof made !== 'function' || !Object.hasOwn(made, 'describe')) return undefined;
  const { className } = (made as Partial<Described>).describe?.() ?? {};
  const words = className?.replace(/(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-');
  return words?.toLowerCase();
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
