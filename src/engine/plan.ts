import { matchesGlob, normalize } from 'node:path';
import type * as zod from 'zod';

import { nearest, type Schema } from '../batch/index.ts';
import {
  ExpressionError,
  type ExpressionProblem,
  ExpressionSyntaxError,
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
import { isPipelineError, type ErrorCode, reasonOf } from '../errors.ts';
import type {
  Path,
  PipelineDescription,
  Settings,
  SinkNode,
  SourceNode,
  StageNode,
} from './description.ts';
import { fileIdentity, filesNamed } from './file-identity.ts';
import { optionProblems } from './option-problems.ts';
import { alsoNaming, isMisspelt, type Presumed, withoutWrong } from './presumed.ts';
import { type Problem, type ProblemKind, ValidationError } from './problem.ts';

/** The name of the only output of a node that has one. */
export const onlyOutput = '';

/** Where rows come from: a node and, of a branch, one of its outputs. */
export interface Port {
  readonly node: string;
  readonly output: string;
}

interface Planned<N> {
  readonly node: N;
  /** The options with their defaults. */
  readonly options: unknown;
}

export interface PlannedSource extends Planned<SourceNode> {
  readonly output: Schema;
}

export interface PlannedStage extends Planned<StageNode> {
  readonly from: readonly Port[];
  readonly input: Schema;
  readonly output: Schema;
  readonly outputs: readonly string[];
}

export interface PlannedSink extends Planned<SinkNode> {
  readonly from: readonly Port[];
  readonly input: Schema;
}

/** A pipeline that was checked whole: schemas at each hop, options with defaults, nothing open. */
export interface Plan {
  readonly name: string;
  readonly settings: Settings;
  readonly sources: readonly PlannedSource[];
  /** Each after what it reads from. */
  readonly stages: readonly PlannedStage[];
  readonly sinks: readonly PlannedSink[];
  readonly deadLetters: PlannedSink | undefined;
  readonly outside: Outside;
}

/**
 * Checks a description whole: topology, options, schemas, field names. Throws a `ValidationError`
 * that lists every problem. `found`: problems that reading the description already brought up.
 */
export async function planPipeline(
  description: PipelineDescription,
  { outside, found = [], deadLetterSchema }: PlanOptions,
): Promise<Plan> {
  const planner = new Planner(description, outside, found, await import('zod'));
  return planner.plan(deadLetterSchema);
}

export interface PlanOptions {
  readonly outside: Outside;
  readonly found?: readonly Problem[];
  readonly deadLetterSchema: Schema;
}

/** Schemas by output name; undefined where a problem keeps them from being known. */
type Outputs = ReadonlyMap<string, Schema> | undefined;

class Planner {
  readonly #description: PipelineDescription;
  readonly #outside: Outside;
  readonly #zod: typeof zod;
  readonly #problems: Problem[];
  readonly #outputs = new Map<string, Outputs>();
  /** By stage, where its output is not known. */
  readonly #presumed = new Map<string, Presumed>();
  readonly #read = new Set<string>();
  /** Nodes that are read from where a problem keeps that from being known. */
  readonly #meant = new Set<string>();

  constructor(
    description: PipelineDescription,
    outside: Outside,
    found: readonly Problem[],
    z: typeof zod,
  ) {
    this.#description = description;
    this.#outside = outside;
    this.#zod = z;
    this.#problems = [...found];
  }

  async plan(deadLetterSchema: Schema): Promise<Plan> {
    const { name, settings } = this.#description;
    this.#checkNames();
    const sources: PlannedSource[] = [];
    for (const node of this.#description.sources) {
      const planned = await this.#planSource(node);
      if (planned !== undefined) sources.push(planned);
    }
    const stages = this.#planStages();
    const sinks = this.#description.sinks.flatMap((node) => this.#planSink(node) ?? []);
    const deadLetters = this.#planDeadLetters(deadLetterSchema);
    this.#checkAllRead();
    await this.#checkFiles(sources, deadLetters === undefined ? sinks : [...sinks, deadLetters]);
    if (this.#problems.length > 0) throw new ValidationError(name, this.#problems);
    return { name, settings, sources, stages, sinks, deadLetters, outside: this.#outside };
  }

  #checkNames(): void {
    const { sources, stages, sinks } = this.#description;
    // A description with problems of its own may lack an end for that reason.
    if (sources.length === 0) this.#missingEnd('source');
    if (sinks.length === 0) this.#missingEnd('sink');
    const seen = new Set<string>();
    for (const { id, path } of [...sources, ...stages, ...sinks]) {
      if (seen.has(id))
        this.#problem('topology', path, `\`${id}\` names two components; give one another \`id\``);
      seen.add(id);
    }
  }

  #missingEnd(kind: 'source' | 'sink'): void {
    if (this.#problems.some(({ text }) => text.includes(`unknown ${kind}`))) return;
    this.#problem('topology', [], `the pipeline has no ${kind}`);
  }

  async #planSource(node: SourceNode): Promise<PlannedSource | undefined> {
    const { component, id, path } = node;
    this.#outputs.set(id, undefined);
    if (component === undefined) return undefined;
    if (!isComponent<SourceComponent>(component, 'source'))
      return this.#planOwnSource(node, component);
    const options = this.#parseOptions(component, path);
    const mended = options ?? this.#mendedOptions(component);
    if (mended === undefined) return undefined;
    const context = { ...this.#outside, id, signal: new AbortController().signal };
    try {
      const output = await component.definition.spec.output(mended.value as never, context);
      if (options === undefined) {
        this.#presumed.set(id, { schema: output, named: new Set() });
        return undefined;
      }
      this.#outputs.set(id, new Map([[onlyOutput, output]]));
      return { node, options: options.value, output };
    } catch (error) {
      if (options !== undefined) this.#refused(error, node, 'input');
      return undefined;
    }
  }

  #planOwnSource(node: SourceNode, source: Source): PlannedSource | undefined {
    if (!isSource(source)) {
      this.#problem(
        'protocol',
        node.path,
        `\`${node.id}\` is no source: it has no method \`stream({ from, signal })\``,
      );
      return undefined;
    }
    if (source.schema === undefined) {
      this.#problem(
        'protocol',
        node.path,
        `source \`${node.id}\` has no \`schema\`; say what its batches hold`,
      );
      return undefined;
    }
    this.#outputs.set(node.id, new Map([[onlyOutput, source.schema]]));
    return { node, options: undefined, output: source.schema };
  }

  /** Plans each stage once everything it reads from is planned; what is left over is a cycle. */
  #planStages(): PlannedStage[] {
    const planned: PlannedStage[] = [];
    const ids = new Set(this.#description.stages.map(({ id }) => id));
    let waiting = [...this.#description.stages];
    while (waiting.length > 0) {
      const ready = waiting.filter(({ from }) =>
        from.every((reference) => {
          const { node } = this.#portOf(reference);
          return this.#outputs.has(node) || !ids.has(node);
        }),
      );
      if (ready.length === 0) {
        const cycle = waiting.map(({ id }) => `\`${id}\``).join(', ');
        this.#problem(
          'topology',
          waiting[0]!.path,
          `these stages read from one another in a circle: ${cycle}`,
        );
        for (const { id, from } of waiting) {
          this.#outputs.set(id, undefined);
          for (const reference of from) this.#meant.add(this.#portOf(reference).node);
        }
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

  #planStage(node: StageNode): PlannedStage | undefined {
    const { component, id, path } = node;
    this.#outputs.set(id, undefined);
    const from = this.#resolve(node);
    if (component === undefined) {
      this.#presume(node);
      return undefined;
    }
    const own = !isComponent<StageComponent>(component, 'stage');
    if (own && !isStage(component)) {
      this.#problem(
        'protocol',
        path,
        `\`${id}\` is no stage: it has no method \`transform(stream)\``,
      );
      return undefined;
    }
    const spec = own ? undefined : (component as StageComponent).definition.spec;
    const options = own
      ? { value: undefined }
      : this.#parseOptions(component as StageComponent, path);
    const input = this.#inputOf(node, from, spec?.inputs ?? 'one');
    if (options === undefined || input === undefined) {
      this.#presume(node, spec, options ?? this.#mendedOptions(component as StageComponent));
      return undefined;
    }
    try {
      const output = own
        ? ((component as Stage).output?.(input) ?? input)
        : this.#outputOf(node, spec!, input, options.value);
      const outputs = spec?.outputs?.(options.value as never) ?? [onlyOutput];
      this.#outputs.set(id, new Map(outputs.map((name) => [name, output])));
      return { node, options: options.value, from: from!, input, output, outputs };
    } catch (error) {
      this.#refused(error, node, 'schema-mismatch');
      this.#presume(node);
      return undefined;
    }
  }

  /**
   * What a stage gives. Of one with expressions that are wrong this is known too, because a
   * function in the place of an expression fits any fields.
   */
  #outputOf(node: StageNode, spec: StageSpec<never>, input: Schema, options: unknown): Schema {
    try {
      return spec.output(input, options as never);
    } catch (error) {
      const mended = withoutExpressions(options, eachOf(error));
      if (mended === undefined) throw error;
      this.#refused(error, node, 'schema-mismatch');
      return this.#outputOf(node, spec, input, mended);
    }
  }

  /** Goes on behind a stage that is not planned with what is known of its rows all the same. */
  #presume(node: StageNode, spec?: StageSpec<never>, options?: { value: unknown }): void {
    const before = node.from.map((reference) => this.#presumedAt(this.#portOf(reference)))[0];
    if (before === undefined) return;
    const behind = alsoNaming(before, (node.component as StageComponent)?.options);
    this.#presumed.set(node.id, behind);
    if (spec === undefined || options === undefined) return;
    try {
      const schema = spec.output(before.schema, options.value as never);
      this.#presumed.set(node.id, { ...behind, schema });
    } catch (error) {
      for (const one of eachOf(error)) {
        if (one instanceof ExpressionError) {
          const isCertain = ({ field }: ExpressionProblem): boolean =>
            one instanceof ExpressionSyntaxError ||
            (field !== undefined && isMisspelt(field, before));
          this.#refusedExpression(one, node, one.problems.filter(isCertain));
          continue;
        }
        const isField = isPipelineError(one) && one.code === 'ERR_BATCH_FIELD';
        if (isField && isMisspelt(one.place, before)) this.#refused(one, node, 'unknown-field');
      }
    }
  }

  #presumedAt({ node, output }: Port): Presumed | undefined {
    const schema = this.#outputs.get(node)?.get(output);
    return schema === undefined ? this.#presumed.get(node) : { schema, named: new Set() };
  }

  #planSink(node: SinkNode): PlannedSink | undefined {
    const from = this.#resolve(node);
    const input = this.#inputOf(node, from, 'one');
    const planned = this.#checkSink(node, input);
    return planned === undefined || from === undefined ? undefined : { ...planned, from };
  }

  #planDeadLetters(input: Schema): PlannedSink | undefined {
    const node = this.#description.deadLetters;
    const planned = node === undefined ? undefined : this.#checkSink(node, input);
    return planned === undefined ? undefined : { ...planned, from: [] };
  }

  #checkSink(node: SinkNode, input: Schema | undefined): Omit<PlannedSink, 'from'> | undefined {
    const { component, id, path } = node;
    if (component === undefined) return undefined;
    if (!isComponent<SinkComponent>(component, 'sink')) {
      if (isSink(component)) return input && { node, options: undefined, input };
      this.#problem('protocol', path, `\`${id}\` is no sink: it has no method \`consume(stream)\``);
      return undefined;
    }
    const options = this.#parseOptions(component, path);
    if (options === undefined || input === undefined) return undefined;
    try {
      component.definition.spec.check?.(input, options.value as never);
      return { node, options: options.value, input };
    } catch (error) {
      this.#refused(error, node, 'schema-mismatch');
      return undefined;
    }
  }

  /** The ports that a node's `from` names; undefined where one of them is wrong. */
  #resolve(node: StageNode | SinkNode): Port[] | undefined {
    if (node.from.length === 0) {
      this.#problem(
        'topology',
        node.fromPath ?? node.path,
        `\`${node.id}\` reads from nothing; say \`from:\``,
      );
      return undefined;
    }
    const ports: Port[] = [];
    for (const reference of node.from) {
      const port = this.#portOf(reference);
      if (!this.#outputs.has(port.node)) {
        this.#unknownReference(node, reference);
        continue;
      }
      const outputs = this.#outputs.get(port.node);
      if (outputs !== undefined && !outputs.has(port.output)) {
        const names = [...outputs.keys()].map((name) => `\`${port.node}.${name}\``).join(', ');
        const text =
          port.output === onlyOutput ? `has several outputs` : `has no output \`${port.output}\``;
        const way = outputs.has(onlyOutput) ? `read from \`${port.node}\`` : `read from ${names}`;
        this.#problem('topology', node.fromPath ?? node.path, `\`${port.node}\` ${text}; ${way}`);
        continue;
      }
      this.#read.add(`${port.node}.${port.output}`);
      ports.push(port);
    }
    return ports.length === node.from.length ? ports : undefined;
  }

  #unknownReference(node: StageNode | SinkNode, reference: string): void {
    const ids = [...this.#outputs.keys()];
    const meant = nearest(reference, ids);
    if (meant !== undefined) this.#meant.add(meant);
    const sinks = this.#description.sinks.some(({ id }) => id === reference);
    const way = meant === undefined ? `there are: ${ids.join(', ')}` : `did you mean \`${meant}\`?`;
    const text = sinks
      ? `\`${reference}\` is a sink: nothing comes after a sink`
      : `there is no \`${reference}\` to read from; ${way}`;
    this.#problem('topology', node.fromPath ?? node.path, text);
  }

  /** The schema that comes in; undefined where it is not known or the inputs do not agree. */
  #inputOf(
    node: StageNode | SinkNode,
    from: readonly Port[] | undefined,
    inputs: 'one' | 'many',
  ): Schema | undefined {
    if (from === undefined) return undefined;
    if (inputs === 'one' && from.length > 1) {
      this.#problem(
        'topology',
        node.fromPath ?? node.path,
        `\`${node.id}\` takes one input, not ${from.length}: put a \`merge\` before it or say \`from:\``,
      );
      return undefined;
    }
    const schemas = from.map(({ node: id, output }) => this.#outputs.get(id)?.get(output));
    const [first] = schemas;
    for (const [index, schema] of schemas.entries()) {
      if (schema === undefined || first === undefined || schema.equals(first)) continue;
      const [a, b] = [from[0]!.node, from[index]!.node];
      this.#problem(
        'schema-mismatch',
        node.path,
        `\`${node.id}\` needs inputs of one schema: \`${a}\` gives ${first}, \`${b}\` gives ${schema}`,
      );
      return undefined;
    }
    return schemas.includes(undefined) ? undefined : first;
  }

  #portOf(reference: string): Port {
    if (this.#outputs.has(reference)) return { node: reference, output: onlyOutput };
    const dot = reference.lastIndexOf('.');
    if (dot < 0) return { node: reference, output: onlyOutput };
    return { node: reference.slice(0, dot), output: reference.slice(dot + 1) };
  }

  #checkAllRead(): void {
    for (const [id, outputs] of this.#outputs) {
      for (const output of outputs?.keys() ?? []) {
        if (this.#read.has(`${id}.${output}`) || this.#meant.has(id)) continue;
        const { sources, stages } = this.#description;
        const path = [...sources, ...stages].find((node) => node.id === id)?.path ?? [];
        const port = output === onlyOutput ? id : `${id}.${output}`;
        this.#problem('topology', path, `nothing reads from \`${port}\`; its rows would be lost`);
      }
    }
  }

  /** A file that two components use would be emptied or torn by one of them. */
  async #checkFiles(
    sources: readonly PlannedSource[],
    sinks: readonly Pick<PlannedSink, 'node' | 'options'>[],
  ): Promise<void> {
    const users = sources.flatMap(({ node, options }) => {
      const reads = specOf<SourceComponent>(node.component)?.reads?.(options as never) ?? [];
      return reads.map((pattern) => ({ id: node.id, pattern: normalize(pattern) }));
    });
    for (const { node, options } of sinks) {
      const written = specOf<SinkComponent>(node.component)?.writes?.(options as never);
      if (written === undefined) continue;
      const path = normalize(written);
      const user =
        users.find(({ pattern }) => pattern === path || matchesGlob(path, pattern)) ??
        (await this.#userByLink(path, users));
      if (user !== undefined) {
        const text = `\`${node.id}\` writes the file that \`${user.id}\` uses: ${written}`;
        this.#problem('topology', [...node.path, ...(pathTo(options, written) ?? [])], text);
      }
      users.push({ id: node.id, pattern: path });
    }
  }

  /** Who uses a file under another name: a link to it, or a directory that is one. */
  async #userByLink(path: string, users: readonly FileUser[]): Promise<FileUser | undefined> {
    const { files } = this.#outside;
    const identity = users.length === 0 ? undefined : await fileIdentity(files, path);
    if (identity === undefined) return undefined;
    for (const user of users) {
      for (const used of await filesNamed(files, user.pattern)) {
        if ((await fileIdentity(files, used)) === identity) return user;
      }
    }
    return undefined;
  }

  #parseOptions(
    component: SourceComponent | StageComponent | SinkComponent,
    path: Path,
  ): { value: unknown } | undefined {
    const { spec } = component.definition;
    const schema: zod.ZodType = spec.options(this.#zod);
    const parsed = schema.safeParse(component.options);
    if (parsed.success) return { value: parsed.data };
    const checked = { name: spec.name, schema, options: component.options, path };
    this.#problems.push(...optionProblems(parsed.error.issues, checked));
    return undefined;
  }

  /** The options without those that are wrong, where the others make sense alone. */
  #mendedOptions({
    definition: { spec },
    options,
  }: SourceComponent | StageComponent): { value: unknown } | undefined {
    const schema: zod.ZodType = spec.options(this.#zod);
    const { error } = schema.safeParse(options);
    const mended = schema.safeParse(withoutWrong(options, error?.issues ?? []));
    return mended.success ? { value: mended.data } : undefined;
  }

  #refused(error: unknown, placed: Placed, otherwise: ProblemKind): void {
    for (const one of eachOf(error)) {
      if (one instanceof ExpressionError) this.#refusedExpression(one, placed, one.problems);
      else this.#refusedOne(one, placed, otherwise);
    }
  }

  #refusedExpression(
    error: ExpressionError,
    placed: Placed,
    problems: readonly ExpressionProblem[],
  ): void {
    const options = (placed.component as Partial<StageComponent>).options;
    const path = [...placed.path, ...(pathToExpression(options, error) ?? [])];
    for (const problem of problems) {
      const kind = problem.field === undefined ? 'invalid-option' : 'unknown-field';
      this.#problems.push({ kind, path, text: error.tell(problem), at: problem.at });
    }
  }

  #refusedOne(error: unknown, { path, component }: Placed, otherwise: ProblemKind): void {
    if (!isPipelineError(error)) {
      this.#problem(otherwise, path, reasonOf(error));
      return;
    }
    const kindOf: Partial<Record<ErrorCode, ProblemKind>> = {
      ERR_BATCH_FIELD: 'unknown-field',
      ERR_CONNECTOR_FILE: 'input',
    };
    let text = error.remedy === undefined ? error.fact : `${error.fact}; ${error.remedy}`;
    if (error.code === 'ERR_CONNECTOR_FILE') text = `${error.place}: ${text}`;
    const options = (component as Partial<StageComponent>).options;
    const place = [...path, ...(pathTo(options, error.place) ?? [])];
    this.#problem(kindOf[error.code] ?? otherwise, place, text);
  }

  #problem(kind: ProblemKind, path: Path, text: string): void {
    this.#problems.push({ kind, path, text });
  }
}

function specOf<C extends SourceComponent | SinkComponent>(
  component: object | undefined,
): C['definition']['spec'] | undefined {
  return component !== undefined && 'definition' in component
    ? (component as C).definition.spec
    : undefined;
}

/** What `checkEach` found, where it found several things. */
function eachOf(error: unknown): readonly unknown[] {
  const { cause } = error as { readonly cause?: unknown };
  return Array.isArray(cause) ? cause : [error];
}

interface FileUser {
  readonly id: string;
  /** A path or a glob pattern. */
  readonly pattern: string;
}

interface Placed {
  readonly path: Path;
  readonly component: object | undefined;
}

/** Where a text stands in the options, so that the problem points at it. */
function pathTo(options: unknown, text: string): Path | undefined {
  if (options === text) return [];
  if (typeof options !== 'object' || options === null) return undefined;
  for (const [key, value] of Object.entries(options)) {
    const below = pathTo(value, text);
    if (below !== undefined) return [Array.isArray(options) ? Number(key) : key, ...below];
  }
  return undefined;
}

/** Where an expression stands in the options: below the option that it is said to be of. */
function pathToExpression(options: unknown, error: ExpressionError): Path | undefined {
  const below = (value: unknown, option: string): Path | undefined => {
    if (typeof value !== 'object' || value === null) return undefined;
    for (const [key, inner] of Object.entries(value)) {
      const rest =
        key === option
          ? pathTo(inner, error.expression)
          : option.startsWith(`${key}.`) && below(inner, option.slice(key.length + 1));
      if (rest) return [key, ...rest];
    }
    return undefined;
  };
  return below(options, error.option);
}

/** Options with functions where expressions were refused; undefined where that is not all. */
function withoutExpressions(options: unknown, refused: readonly unknown[]): unknown {
  let mended = options;
  for (const error of refused) {
    const path = error instanceof ExpressionError ? pathToExpression(mended, error) : undefined;
    if (path === undefined) return undefined;
    mended = withValue(mended, path, () => null);
  }
  return mended;
}

function withValue(options: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined) return value;
  const inner = (options as Record<string, unknown>)[key];
  return { ...(options as object), [key]: withValue(inner, rest, value) };
}

function isComponent<C extends { readonly kind: string }>(
  component: object,
  kind: C['kind'],
): component is C {
  return 'definition' in component && (component as C).kind === kind;
}
