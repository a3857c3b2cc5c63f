import { Schema } from '../../batch/index.ts';
import {
  isSink,
  type SinkComponent,
  type SourceComponent,
  type StageComponent,
} from '../../core/index.ts';
import type { PipelineDescription, SinkNode, SourceNode, StageNode } from '../description.ts';
import { brokenPromise } from '../protocol.ts';
import type { Problems } from './problems.ts';

const methods = {
  source: 'stream({ from, signal })',
  stage: 'transform(stream)',
  sink: 'consume(stream)',
} as const;

/** Says of an object that it is no component, and neither of the kind by its protocol. */
export function refuseObject(
  { id, path, component }: SourceNode | StageNode | SinkNode,
  kind: keyof typeof methods,
  problems: Problems,
): void {
  const isUncalled = typeof component === 'function' && 'spec' in component;
  const text = !isUncalled
    ? `\`${id}\` is no ${kind}: it has no method \`${methods[kind]}\``
    : `\`${id}\` is the description of a component: call it with its options: \`${id}({ … })\``;
  problems.add('protocol', path, text);
}

/** Says of a sink that it stands among the stages, and what is behind it. */
export function refuseSink(
  { id, path }: StageNode,
  { stages, sinks }: PipelineDescription,
  problems: Problems,
): void {
  const next = [...stages, ...sinks].find(({ from }) => from.includes(id));
  const isSinkNext = next !== undefined && isAnySink(next.component);
  const text = isSinkNext
    ? `two sinks in a row: \`${id}\` and \`${next.id}\`; give each to the flow before them by \`to\``
    : `\`${id}\` is a sink: nothing comes after a sink; end the flow with it, by \`to\``;
  problems.add('topology', path, text);
}

/** Whether an object is a sink, described or written by hand. */
export function isAnySink(component: object | undefined): boolean {
  return component !== undefined && (isComponent(component, 'sink') || isSink(component));
}

/** Whether an object was made by a description of that kind. */
export function isComponent<
  C extends Pick<SourceComponent | StageComponent | SinkComponent, 'kind'>,
>(component: object, kind: C['kind']): component is C {
  const { kind: given, definition } = component as Partial<StageComponent>;
  return (given as string) === kind && typeof definition?.spec?.create === 'function';
}

/** Throws where what a component gave as its schema is none. */
export function assertSchema(place: string, output: unknown): void {
  if (output instanceof Schema) return;
  const remedy = 'make it with `schema({ … })`, or of the one that comes in';
  throw brokenPromise(place, `\`output\` of \`${place}\` gave what is no schema`, remedy);
}
