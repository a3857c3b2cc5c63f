import type { Schema } from '../../batch/index.ts';
import { nearest } from '../../batch/nearest.ts';
import type { PipelineDescription, SinkNode, StageNode } from '../description.ts';
import { onlyOutput, type Port } from '../planned.ts';
import type { Problems } from './problems.ts';

/** Schemas by output name; undefined where a problem keeps them from being known. */
type Outputs = ReadonlyMap<string, Schema> | undefined;

/** What the nodes of a description give, who reads it, and what is wrong with that. */
export class Ports {
  readonly #description: PipelineDescription;
  readonly #problems: Problems;
  readonly #outputs = new Map<string, Outputs>();
  readonly #read = new Set<string>();
  /** Nodes that are read from where a problem keeps that from being known. */
  readonly #meant = new Set<string>();

  constructor(description: PipelineDescription, problems: Problems) {
    this.#description = description;
    this.#problems = problems;
  }

  /** Adds a node, or what it gives: one output unless they are named. */
  set(id: string, schema?: Schema, outputs: readonly string[] = [onlyOutput]): void {
    this.#outputs.set(id, schema && new Map(outputs.map((name) => [name, schema])));
  }

  /** Whether a node was added. */
  has(id: string): boolean {
    return this.#outputs.has(id);
  }

  /** The schema of an output, where it is known. */
  schemaOf({ node, output }: Port): Schema | undefined {
    return this.#outputs.get(node)?.get(output);
  }

  /** Takes a node as read, although a problem keeps its reader from being planned. */
  mean({ node }: Port): void {
    this.#meant.add(node);
  }

  /** The ports that a node's `from` names; undefined where one of them is wrong. */
  resolve(node: StageNode | SinkNode): Port[] | undefined {
    if (node.from.length === 0) {
      this.#problems.add(
        'topology',
        node.fromPath ?? node.path,
        `\`${node.id}\` reads from nothing; say \`from:\``,
      );
      return undefined;
    }
    const ports: Port[] = [];
    for (const reference of node.from) {
      const port = this.portOf(reference);
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
        this.#problems.add(
          'topology',
          node.fromPath ?? node.path,
          `\`${port.node}\` ${text}; ${way}`,
        );
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
    this.#problems.add('topology', node.fromPath ?? node.path, text);
  }

  /** The schema that comes in; undefined where it is not known or the inputs do not agree. */
  inputOf(
    node: StageNode | SinkNode,
    from: readonly Port[] | undefined,
    inputs: 'one' | 'many',
  ): Schema | undefined {
    if (from === undefined) return undefined;
    if (inputs === 'one' && from.length > 1) {
      this.#problems.add(
        'topology',
        node.fromPath ?? node.path,
        `\`${node.id}\` takes one input, not ${from.length}: put a \`merge\` before it or say \`from:\``,
      );
      return undefined;
    }
    const schemas = from.map((port) => this.schemaOf(port));
    const [first] = schemas;
    for (const [index, schema] of schemas.entries()) {
      if (schema === undefined || first === undefined || schema.equals(first)) continue;
      const [a, b] = [from[0]!.node, from[index]!.node];
      this.#problems.add(
        'schema-mismatch',
        node.path,
        `\`${node.id}\` needs inputs of one schema: \`${a}\` gives ${first}, \`${b}\` gives ${schema}`,
      );
      return undefined;
    }
    const others = schemas.filter((schema) => schema !== undefined);
    return others.length < schemas.length ? undefined : first?.mergedWith(others);
  }

  /** What a reference means: `id`, or `id.output` of a node with several. */
  portOf(reference: string): Port {
    if (this.#outputs.has(reference)) return { node: reference, output: onlyOutput };
    const dot = reference.indexOf('.');
    if (dot < 0) return { node: reference, output: onlyOutput };
    return { node: reference.slice(0, dot), output: reference.slice(dot + 1) };
  }

  /** Says of which outputs nothing reads. */
  checkAllRead(): void {
    for (const [id, outputs] of this.#outputs) {
      for (const output of outputs?.keys() ?? []) {
        if (this.#read.has(`${id}.${output}`) || this.#meant.has(id)) continue;
        const { sources, stages } = this.#description;
        const path = [...sources, ...stages].find((node) => node.id === id)?.path ?? [];
        const port = output === onlyOutput ? id : `${id}.${output}`;
        this.#problems.add(
          'topology',
          path,
          `nothing reads from \`${port}\`; its rows would be lost`,
        );
      }
    }
  }
}
