import { Schema } from '../batch/index.ts';
import {
  isDescribed,
  type Outside,
  type Source,
  type Stage,
  type StageSpec,
} from '../core/index.ts';
import { redactorOf } from '../core/mask.ts';
import type { PipelineDescription, SinkNode, SourceNode, StageNode } from './description.ts';
import { requireNode } from './node-version.ts';
import { eachOf, withoutExpressions } from './plan/blame.ts';
import { checkEventTime } from './plan/event-time.ts';
import { checkFiles } from './plan/files.ts';
import { checkNodes, withoutBroken } from './plan/nodes.ts';
import { orderOf } from './plan/order.ts';
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
  /** Takes out of a text what may not be shown, beside the credentials in its addresses. */
  readonly scrub?: (text: string) => string;
  /** Gives the plan up: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks a description whole: topology, options, schemas, field names. Throws a
 * `ValidationError` that lists every problem.
 */
export async function planPipeline(
  description: PipelineDescription,
  {
    outside,
    found = [],
    deadLetterSchema,
    scrub,
    signal = new AbortController().signal,
  }: PlanOptions,
): Promise<Plan> {
  requireNode();
  const problems = new Problems(found, await import('zod'));
  const planner = new Planner(description, { outside, signal }, problems);
  const planned = await planner.plan(deadLetterSchema);
  return { ...planned, scrub: redactorOf(scrub) };
}

type PassingSpec = Pick<StageSpec<never>, 'keepsFields' | 'outputs'>;

class Planner {
  readonly #description: PipelineDescription;
  readonly #outside: Outside;
  readonly #signal: AbortSignal;
  readonly #problems: Problems;
  readonly #ports: Ports;
  readonly #presumptions: Presumptions;
  /** The options of each source and sink, without those that are wrong. */
  readonly #options = new Map<SourceNode | SinkNode, unknown>();

  constructor(
    description: PipelineDescription,
    { outside, signal }: { readonly outside: Outside; readonly signal: AbortSignal },
    problems: Problems,
  ) {
    this.#description = withoutBroken(description, problems);
    this.#outside = outside;
    this.#signal = signal;
    this.#problems = problems;
    this.#ports = new Ports(this.#description, problems);
    this.#presumptions = new Presumptions(this.#ports, problems);
  }

  async plan(deadLetterSchema: Schema): Promise<Omit<Plan, 'scrub'>> {
    const { name, settings } = this.#description;
    checkNodes(this.#description, this.#outside.clock, this.#problems);
    const sources: PlannedSource[] = [];
    for (const node of this.#description.sources) {
      this.#signal.throwIfAborted();
      const planned = await this.#planSource(node);
      if (planned !== undefined) sources.push(planned);
    }
    const stages = this.#planStages();
    const sinks = this.#description.sinks.flatMap((node) => this.#planSink(node) ?? []);
    checkEventTime({ sources, stages, sinks }, this.#problems);
    const deadLetters = this.#planDeadLetters(deadLetterSchema);
    this.#ports.checkAllRead();
    // The sink that no pipeline named is not even opened where nothing goes to it.
    const isUsed = deadLetters?.node.path.length !== 0 || settings.onRowError === 'dead-letter';
    await this.#checkFiles(isUsed);
    if (this.#problems.list.length > 0) throw new ValidationError(name, this.#problems.list);
    return { name, settings, sources, stages, sinks, deadLetters, outside: this.#outside };
  }

  async #checkFiles(withDeadLetters: boolean): Promise<void> {
    const { name, sources, sinks, deadLetters } = this.#description;
    const written = withDeadLetters && deadLetters !== undefined ? [...sinks, deadLetters] : sinks;
    const withOptions = <N extends SourceNode | SinkNode>(nodes: readonly N[]) =>
      nodes.flatMap((node) =>
        this.#options.has(node) ? { node, options: this.#options.get(node) } : [],
      );
    const users = {
      pipeline: String(name),
      sources: withOptions(sources),
      sinks: withOptions(written),
    };
    await checkFiles(users, this.#outside.files, this.#problems);
  }

  async #planSource(node: SourceNode): Promise<PlannedSource | undefined> {
    const { component, id, path } = node;
    this.#ports.set(id);
    if (component === undefined) return undefined;
    if (!isDescribed(component)) return this.#planOwnSource(node, component);
    const options = this.#problems.parseOptions(component, path);
    const mended = options ?? this.#problems.mendedOptions(component);
    if (mended === undefined) return undefined;
    this.#options.set(node, mended.value);
    const context = { ...this.#outside, id, signal: this.#signal };
    try {
      const output = await component.definition.spec.output(mended.value as never, context);
      assertSchema(id, output);
      if (options === undefined) {
        this.#presumptions.set(id, output);
        return undefined;
      }
      this.#ports.set(id, output);
      return this.#withEventTime({ node, options: options.value, output });
    } catch (error) {
      this.#signal.throwIfAborted();
      if (options !== undefined) this.#problems.refused(error, node, 'input');
      else this.#problems.refusedFiles(error, node);
      // A source that cannot be read gives, once it can, what its options say.
      const { schema } = mended.value as { readonly schema?: unknown };
      if (!(schema instanceof Schema)) return undefined;
      if (options === undefined) this.#presumptions.set(id, schema);
      else this.#ports.set(id, schema);
      return undefined;
    }
  }

  #planOwnSource(node: SourceNode, { schema }: Source): PlannedSource {
    this.#ports.set(node.id, schema);
    return this.#withEventTime({ node, options: undefined, output: schema });
  }

  #withEventTime(planned: PlannedSource): PlannedSource {
    const eventTime = this.#problems.parseEventTime(planned);
    return eventTime === undefined ? planned : { ...planned, eventTime };
  }

  #planStages(): PlannedStage[] {
    const { stages, inCircle } = orderOf(this.#description);
    if (inCircle.length > 0) this.#refuseCircle(inCircle);
    return stages.flatMap((node) => this.#planStage(node) ?? []);
  }

  #refuseCircle(stages: readonly StageNode[]): void {
    const members = stages.map(({ id }) => `\`${id}\``).join(', ');
    const text = `these stages read from one another in a circle: ${members}`;
    this.#problems.add('topology', stages[0]!.path, text);
    const sources = this.#description.sources.map(({ id }) => this.#ports.portOf(id));
    const first = sources.map((port) => this.#ports.schemaOf(port)).find(Boolean);
    for (const { id } of stages) {
      this.#ports.set(id);
      // Nothing may come in at all; what the first source gives was meant to.
      if (first !== undefined) this.#presumptions.set(id, first);
    }
    for (const { from } of stages) {
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
    if (!isDescribed(component)) return this.#planOwnStage(node, component, from);
    const { spec } = component.definition;
    const options = this.#problems.parseOptions(component, path);
    const input = this.#ports.inputOf(node, from, spec.inputs ?? 'one');
    if (options !== undefined && input !== undefined) {
      return this.#planOutput(node, from!, input, options.value, spec);
    }
    this.#presumptions.presume(node, spec, options ?? this.#problems.mendedOptions(component));
    this.#passOn(node, spec);
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
    spec: Pick<StageSpec<never>, 'output'> & PassingSpec,
  ): PlannedStage | undefined {
    try {
      const output = this.#outputOf(node, spec, input, options);
      const outputs = spec.outputs?.(options as never) ?? [onlyOutput];
      this.#ports.set(node.id, output, outputs);
      return { node, options, from, input, output, outputs };
    } catch (error) {
      this.#problems.refused(error, node, 'schema-mismatch');
      this.#presumptions.presume(node);
      this.#passOn(node, spec);
      return undefined;
    }
  }

  /** Whatever is wrong with a stage that keeps the fields, they are there behind it. */
  #passOn({ id, from }: StageNode, { keepsFields, outputs }: PassingSpec): void {
    if (keepsFields !== true || outputs !== undefined) return;
    const schemas = from.map((reference) => this.#ports.schemaOf(this.#ports.portOf(reference)));
    const [input, ...others] = schemas.filter((schema) => schema !== undefined);
    if (input !== undefined && others.every((other) => other.equals(input)))
      this.#ports.set(id, input);
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
    if (!isDescribed(component)) return input && { node, options: undefined, input };
    const options = this.#problems.parseOptions(component, path);
    const mended = options ?? this.#problems.mendedOptions(component);
    if (mended !== undefined) this.#options.set(node, mended.value);
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

/** Throws where what a component gave as its schema is none. */
function assertSchema(place: string, output: unknown): void {
  if (output instanceof Schema) return;
  const remedy = 'make it with `schema({ … })`, or of the one that comes in';
  throw brokenPromise(place, `\`output\` of \`${place}\` gave what is no schema`, remedy);
}
