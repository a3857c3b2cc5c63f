import { type Field, Schema } from '../batch/index.ts';
import {
  isDescribed,
  type Outside,
  type PipelineRegistry,
  type SinkComponent,
  type SourceComponent,
  type StageComponent,
} from '../core/index.ts';
import type { Path, Settings, SourceNode } from '../engine/description.ts';
import type { EventTimeSettings } from '../engine/event-time/row-times.ts';
import type { Plan, PlannedSink, PlannedSource, PlannedStage, Port } from '../engine/planned.ts';
import { PipelineError } from '../errors.ts';

/** What a lane has to know of a plan that was made of a file, as plain data for `postMessage`. */
export interface PlanMessage {
  readonly name: string;
  readonly settings: Settings;
  readonly sources: readonly SourceMessage[];
  readonly stages: readonly StageMessage[];
  readonly sinks: readonly SinkMessage[];
}

interface NodeMessage {
  readonly id: string;
  /** That of its definition. */
  readonly name: string;
  readonly options: OptionsMessage;
}

interface SourceMessage extends NodeMessage {
  readonly output: readonly Field[];
  readonly eventTime: EventTimeSettings | undefined;
}

interface StageMessage extends NodeMessage {
  readonly from: readonly Port[];
  readonly input: readonly Field[];
  readonly output: readonly Field[];
  readonly outputs: readonly string[];
}

interface SinkMessage extends NodeMessage {
  readonly from: readonly Port[];
  readonly input: readonly Field[];
  readonly required: boolean;
}

/** Options as they were checked. The only thing in those of a file that is no plain data is a schema. */
interface OptionsMessage {
  /** With null where a schema is. */
  readonly plain: unknown;
  readonly schemas: readonly { readonly path: Path; readonly fields: readonly Field[] }[];
}

/** A plan to be posted to lanes: resolved secrets that components are given are in it. */
export function planMessage({ name, settings, sources, stages, sinks }: Plan): PlanMessage {
  return {
    name,
    // Alerts are the run's own, and so are the secrets in them.
    settings: { ...settings, alerts: undefined },
    sources: sources.map((planned) => ({
      ...nodeMessage(planned),
      output: planned.output.fields,
      eventTime: planned.eventTime,
    })),
    stages: stages.map((planned) => ({
      ...nodeMessage(planned),
      from: planned.from,
      input: planned.input.fields,
      output: planned.output.fields,
      outputs: planned.outputs,
    })),
    sinks: sinks.map((planned) => ({
      ...nodeMessage(planned),
      from: planned.from,
      input: planned.input.fields,
      required: planned.node.required !== false,
    })),
  };
}

function nodeMessage({ node, options }: PlannedSource | PlannedStage | PlannedSink): NodeMessage {
  const { id, component } = node;
  if (component === undefined || !isDescribed(component)) throw notOfFile(id);
  const schemas: { path: Path; fields: readonly Field[] }[] = [];
  const plain = (value: unknown, path: Path): unknown => {
    if (value instanceof Schema) {
      schemas.push({ path, fields: value.fields });
      return null;
    }
    if (Array.isArray(value)) return value.map((item, index) => plain(item, [...path, index]));
    if (typeof value === 'function') throw notOfFile(id);
    if (typeof value !== 'object' || value === null) return value;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) throw notOfFile(id);
    const entries = Object.entries(value);
    return Object.fromEntries(entries.map(([key, item]) => [key, plain(item, [...path, key])]));
  };
  const { name } = component.definition.spec;
  return { id, name, options: { plain: plain(options, []), schemas } };
}

function notOfFile(place: string): PipelineError {
  return new PipelineError({
    code: 'ERR_LANE_FAILED',
    place,
    fact: `\`${place}\` holds what only code can give, which no other thread can be sent`,
    remedy: 'export the pipeline from a module, or run it with one lane',
  });
}

/**
 * The plan that a message was made of, as far as a lane needs it: no policies, which guard what the
 * run's thread does, and nothing to scrub by, since the run scrubs all that a lane says.
 */
export function planOfMessage(
  { name, settings, ...nodes }: PlanMessage,
  registry: PipelineRegistry,
  outside: Outside,
): Plan {
  const schemas = new Schemas();
  const sources = nodes.sources.map((message): PlannedSource => {
    const { output, eventTime } = message;
    const planned = plannedNode<SourceComponent>(message, registry.sources, schemas);
    return {
      ...planned,
      output: schemas.of(output),
      ...(eventTime !== undefined && { eventTime }),
    };
  });
  const stages = nodes.stages.map((message): PlannedStage => {
    const { from, input, output, outputs } = message;
    const { node, options } = plannedNode<StageComponent>(message, registry.stages, schemas);
    return {
      node: { ...node, from: from.map((port) => port.node) },
      options,
      from,
      input: schemas.of(input),
      output: schemas.of(output),
      outputs,
    };
  });
  const sinks = nodes.sinks.map((message): PlannedSink => {
    const { from, input, required } = message;
    const { node, options } = plannedNode<SinkComponent>(message, registry.sinks, schemas);
    return {
      node: { ...node, from: from.map((port) => port.node), required },
      options,
      from,
      input: schemas.of(input),
    };
  });
  const scrub = (text: string): string => text;
  return { name, settings, sources, stages, sinks, deadLetters: undefined, outside, scrub };
}

/** One schema for fields that were one's: what is generated for a schema is so once. */
class Schemas {
  readonly #made = new Map<readonly Field[], Schema>();

  of(fields: readonly Field[]): Schema {
    const schema = this.#made.get(fields) ?? new Schema(fields);
    this.#made.set(fields, schema);
    return schema;
  }
}

function plannedNode<C extends SourceComponent | StageComponent | SinkComponent>(
  { id, name, options: { plain, schemas } }: NodeMessage,
  definitions: ReadonlyMap<string, C['definition']>,
  made: Schemas,
): {
  readonly node: Pick<SourceNode, 'id' | 'path'> & { component: C };
  readonly options: unknown;
} {
  const definition = definitions.get(name)!;
  const options = schemas.reduce(
    (value: unknown, { path, fields }) => withAt(value, path, made.of(fields)),
    plain,
  );
  const component = { kind: definition.kind, definition, options } as unknown as C;
  return { node: { id, component, path: [] }, options };
}

/** A value with another at a path within it. */
function withAt(value: unknown, [key, ...rest]: Path, put: unknown): unknown {
  if (key === undefined) return put;
  if (Array.isArray(value)) return value.with(Number(key), withAt(value[Number(key)], rest, put));
  const map = value as Readonly<Record<string, unknown>>;
  return { ...map, [key]: withAt(map[key], rest, put) };
}
