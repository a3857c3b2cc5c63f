import { Schema } from '../batch/index.ts';
import {
  isSink,
  isSource,
  isStage,
  type Outside,
  type SinkComponent,
  type Source,
  type SourceComponent,
  type Stage,
  type StageComponent,
  type StageSpec,
} from '../core/index.ts';
import type { PipelineDescription, SinkNode, SourceNode, StageNode } from './description.ts';
import { requireNode } from './node-version.ts';
import { eachOf, withoutExpressions } from './plan/blame.ts';
import { checkFiles } from './plan/files.ts';
import { checkNodes } from './plan/nodes.ts';
import { Ports } from './plan/ports.ts';
import { Presumptions } from './plan/presumed.ts';
import { Problems } from './plan/problems.ts';
import {
  onlyOutput,
  type Plan,
  type PlannedSink,
  type PlannedSource,
  type PlannedStage,
} from './planned.ts';
import { type Problem, ValidationError } from './problem.ts';
import { brokenPromise } from './protocol.ts';

export interface PlanOptions {
  readonly outside: Outside;
  /** Problems that reading the description already brought up. */
  readonly found?: readonly Problem[];
  readonly deadLetterSchema: Schema;
  /** Gives the plan up: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks a description whole: topology, options, schemas, field names. Throws a
 * `ValidationError` that lists every problem.
 */
export async function planPipeline(
  description: PipelineDescription,
  { outside, found = [], deadLetterSchema, signal = new AbortController().signal }: PlanOptions,
): Promise<Plan> {
  requireNode();
  const problems = new Problems(found, await import('zod'));
  return new Planner(description, { outside, signal }, problems).plan(deadLetterSchema);
}

class Planner {
  readonly #description: PipelineDescription;
  readonly #outside: Outside;
  readonly #signal: AbortSignal;
  readonly #problems: Problems;
  readonly #ports: Ports;
  readonly #presumptions: Presumptions;

  constructor(
    description: PipelineDescription,
    { outside, signal }: { readonly outside: Outside; readonly signal: AbortSignal },
    problems: Problems,
  ) {
    this.#description = description;
    this.#outside = outside;
    this.#signal = signal;
    this.#problems = problems;
    this.#ports = new Ports(description, problems);
    this.#presumptions = new Presumptions(this.#ports, problems);
  }

  async plan(deadLetterSchema: Schema): Promise<Plan> {
    const { name, settings } = this.#description;
    checkNodes(this.#description, this.#problems);
    const sources: PlannedSource[] = [];
    for (const node of this.#description.sources) {
      this.#signal.throwIfAborted();
      const planned = await this.#planSource(node);
      if (planned !== undefined) sources.push(planned);
    }
    const stages = this.#planStages();
    const sinks = this.#description.sinks.flatMap((node) => this.#planSink(node) ?? []);
    const deadLetters = this.#planDeadLetters(deadLetterSchema);
    this.#ports.checkAllRead();
    // The sink that no pipeline named is not even opened where nothing goes to it.
    const isUsed = deadLetters?.node.path.length !== 0 || settings.onRowError === 'dead-letter';
    const written = deadLetters === undefined || !isUsed ? sinks : [...sinks, deadLetters];
    const users = { pipeline: String(name), sources, sinks: written };
    await checkFiles(users, this.#outside.files, this.#problems);
    if (this.#problems.list.length > 0) throw new ValidationError(name, this.#problems.list);
    return { name, settings, sources, stages, sinks, deadLetters, outside: this.#outside };
  }

  async #planSource(node: SourceNode): Promise<PlannedSource | undefined> {
    const { component, id, path } = node;
    this.#ports.set(id);
    if (component === undefined) return undefined;
    if (!isComponent<SourceComponent>(component, 'source'))
      return this.#planOwnSource(node, component);
    const options = this.#problems.parseOptions(component, path);
    const mended = options ?? this.#problems.mendedOptions(component);
    if (mended === undefined) return undefined;
    const context = { ...this.#outside, id, signal: this.#signal };
    try {
      const output = await component.definition.spec.output(mended.value as never, context);
      assertSchema(id, output);
      if (options === undefined) {
        this.#presumptions.set(id, output);
        return undefined;
      }
      this.#ports.set(id, output);
      return { node, options: options.value, output };
    } catch (error) {
      this.#signal.throwIfAborted();
      if (options !== undefined) this.#problems.refused(error, node, 'input');
      return undefined;
    }
  }

  #planOwnSource(node: SourceNode, source: Source): PlannedSource | undefined {
    const { id, path } = node;
    if (!isSource(source)) {
      this.#refuse(node, 'source', 'stream({ from, signal })');
      return undefined;
    }
    if (source.schema === undefined) {
      const text = `source \`${id}\` has no \`schema\`; say what its batches hold`;
      this.#problems.add('protocol', path, text);
      return undefined;
    }
    if (!(source.schema instanceof Schema)) {
      const text = `the \`schema\` of source \`${id}\` is none; make it with \`schema({ … })\``;
      this.#problems.add('protocol', path, text);
      return undefined;
    }
    this.#ports.set(id, source.schema);
    return { node, options: undefined, output: source.schema };
  }

  /** An object that is no component. `method`: what makes one of it. */
  #refuse(
    { id, path, component }: SourceNode | StageNode | SinkNode,
    kind: string,
    method: string,
  ): void {
    const isUncalled = typeof component === 'function' && 'spec' in component;
    const text = !isUncalled
      ? `\`${id}\` is no ${kind}: it has no method \`${method}\``
      : `\`${id}\` is the description of a component: call it with its options: \`${id}({ … })\``;
    this.#problems.add('protocol', path, text);
  }

  /** Plans each stage once everything it reads from is planned; what is left over is a cycle. */
  #planStages(): PlannedStage[] {
    const planned: PlannedStage[] = [];
    const ids = new Set(this.#description.stages.map(({ id }) => id));
    let waiting = [...this.#description.stages];
    while (waiting.length > 0) {
      const ready = waiting.filter(({ from }) =>
        from.every((reference) => {
          const { node } = this.#ports.portOf(reference);
          return this.#ports.has(node) || !ids.has(node);
        }),
      );
      if (ready.length === 0) {
        this.#refuseCycle(waiting);
        break;
      }
      for (const node of ready) {
        const stage = this.#planStage(node);
        if (stage !== undefined) planned.push(stage);
      }
      waiting = waiting.filter((node) => !ready.includes(node));
    }
    return planned;
  }

  #refuseCycle(stages: readonly StageNode[]): void {
    const cycle = stages.map(({ id }) => `\`${id}\``).join(', ');
    const text = `these stages read from one another in a circle: ${cycle}`;
    this.#problems.add('topology', stages[0]!.path, text);
    for (const { id, from } of stages) {
      this.#ports.set(id);
      for (const reference of from) this.#ports.mean(this.#ports.portOf(reference));
    }
  }

  #planStage(node: StageNode): PlannedStage | undefined {
    const { component, id, path } = node;
    this.#ports.set(id);
    const from = this.#ports.resolve(node);
    if (component === undefined) {
      this.#presumptions.presume(node);
      return undefined;
    }
    if (!isComponent<StageComponent>(component, 'stage')) {
      if (isStage(component)) return this.#planOwnStage(node, component, from);
      this.#refuse(node, 'stage', 'transform(stream)');
      return undefined;
    }
    const { spec } = component.definition;
    const options = this.#problems.parseOptions(component, path);
    const input = this.#ports.inputOf(node, from, spec.inputs ?? 'one');
    if (options !== undefined && input !== undefined) {
      return this.#planOutput(node, from!, input, options.value, spec);
    }
    this.#presumptions.presume(node, spec, options ?? this.#problems.mendedOptions(component));
    return undefined;
  }

  #planOwnStage(
    node: StageNode,
    stage: Stage,
    from: PlannedStage['from'] | undefined,
  ): PlannedStage | undefined {
    const input = this.#ports.inputOf(node, from, 'one');
    if (input !== undefined) {
      const output = (schema: Schema): Schema => stage.output?.(schema) ?? schema;
      return this.#planOutput(node, from!, input, undefined, { output });
    }
    this.#presumptions.presume(node);
    return undefined;
  }

  #planOutput(
    node: StageNode,
    from: PlannedStage['from'],
    input: Schema,
    options: unknown,
    spec: Pick<StageSpec<never>, 'output' | 'outputs'>,
  ): PlannedStage | undefined {
    try {
      const output = this.#outputOf(node, spec, input, options);
      const outputs = spec.outputs?.(options as never) ?? [onlyOutput];
      this.#ports.set(node.id, output, outputs);
      return { node, options, from, input, output, outputs };
    } catch (error) {
      this.#problems.refused(error, node, 'schema-mismatch');
      this.#presumptions.presume(node);
      return undefined;
    }
  }

  /**
   * What a stage gives. Of one with expressions that are wrong this is known too, because a
   * function in the place of an expression fits any fields.
   */
  #outputOf(
    node: StageNode,
    spec: Pick<StageSpec<never>, 'output'>,
    input: Schema,
    options: unknown,
  ): Schema {
    try {
      const output = spec.output(input, options as never);
      assertSchema(node.id, output);
      return output;
    } catch (error) {
      const mended = withoutExpressions(options, eachOf(error));
      if (mended === undefined) throw error;
      this.#problems.refused(error, node, 'schema-mismatch');
      return this.#outputOf(node, spec, input, mended);
    }
  }

  #planSink(node: SinkNode): PlannedSink | undefined {
    const from = this.#ports.resolve(node);
    const input = this.#ports.inputOf(node, from, 'one');
    const planned = this.#checkSink(node, input);
    return planned === undefined || from === undefined ? undefined : { ...planned, from };
  }

  #planDeadLetters(input: Schema): PlannedSink | undefined {
    const node = this.#description.deadLetters;
    const planned = node === undefined ? undefined : this.#checkSink(node, input);
    return planned === undefined ? undefined : { ...planned, from: [] };
  }

  #checkSink(node: SinkNode, input: Schema | undefined): Omit<PlannedSink, 'from'> | undefined {
    const { component, path } = node;
    if (component === undefined) return undefined;
    if (!isComponent<SinkComponent>(component, 'sink')) {
      if (isSink(component)) return input && { node, options: undefined, input };
      this.#refuse(node, 'sink', 'consume(stream)');
      return undefined;
    }
    const options = this.#problems.parseOptions(component, path);
    if (options === undefined || input === undefined) return undefined;
    try {
      component.definition.spec.check?.(input, options.value as never);
      return { node, options: options.value, input };
    } catch (error) {
      this.#problems.refused(error, node, 'schema-mismatch');
      return undefined;
    }
  }
}

function isComponent<C extends Pick<SourceComponent | StageComponent | SinkComponent, 'kind'>>(
  component: object,
  kind: C['kind'],
): component is C {
  const { kind: given, definition } = component as Partial<StageComponent>;
  return (given as string) === kind && typeof definition?.spec?.create === 'function';
}

function assertSchema(place: string, output: unknown): void {
  if (output instanceof Schema) return;
  const remedy = 'make it with `schema({ … })`, or of the one that comes in';
  throw brokenPromise(place, `\`output\` of \`${place}\` gave what is no schema`, remedy);
}
