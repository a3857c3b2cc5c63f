import { getHeapSnapshot } from 'node:v8';

import { PipelineError } from '../errors.ts';

/** What a heap snapshot says of one object, in bytes. */
export interface ObjectSizes {
  /** The object alone, with the fields that have room in it. */
  readonly shellBytes: number;
  /** The values that its fields hold, each once; those that need no room of their own are 0. */
  readonly directBytes: number;
  /** All that is reached from it, itself included, each once. */
  readonly deepBytes: number;
}

let probes = 0;

/** Sizes of one object, from a snapshot of the whole heap. */
export async function objectSizes(target: object): Promise<ObjectSizes> {
  // A name that the heap holds nowhere else leads to the object.
  const name = `millrace probe ${++probes}`;
  const probe = { [name]: target };
  const graph = new HeapGraph(await takeSnapshot());
  const start = graph.targetOf(name);
  if (probe[name] !== target || start === undefined) throw unreadable('it has lost the object');
  return {
    shellBytes: graph.selfBytes(start),
    directBytes: graph.directBytes(start),
    deepBytes: graph.deepBytes(start),
  };
}

/** The format of V8's snapshots: numbers in rows, whose meaning the file tells itself. */
interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
      readonly edge_fields: readonly string[];
      readonly edge_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

async function takeSnapshot(): Promise<Snapshot> {
  const chunks: string[] = [];
  for await (const chunk of getHeapSnapshot().setEncoding('utf8')) chunks.push(chunk as string);
  try {
    return JSON.parse(chunks.join('')) as Snapshot;
  } catch (cause) {
    // Longer than a string can be.
    throw unreadable('it cannot be read', cause);
  }
}

function unreadable(fact: string, cause?: unknown): PipelineError {
  return new PipelineError({
    code: 'ERR_MEMORY_MEASURE',
    place: 'heap snapshot',
    fact,
    remedy: 'measure in a process of its own, with `measureModule`',
    cause,
  });
}

interface Edge {
  readonly type: string;
  /** Of elements and hidden edges an index, as text. */
  readonly name: string;
  readonly to: number;
}

class HeapGraph {
  readonly #snapshot: Snapshot;
  readonly #nodeTypes: readonly string[];
  readonly #edgeTypes: readonly string[];
  readonly #node: { width: number; type: number; name: number; size: number; edges: number };
  readonly #edge: { width: number; type: number; name: number; to: number };
  /** Of each node, where its edges begin; one more than nodes. */
  readonly #firstEdge: Uint32Array;

  constructor(snapshot: Snapshot) {
    const { node_fields, node_types, edge_fields, edge_types } = snapshot.snapshot.meta;
    this.#snapshot = snapshot;
    this.#nodeTypes = node_types[0];
    this.#edgeTypes = edge_types[0];
    this.#node = {
      width: node_fields.length,
      type: node_fields.indexOf('type'),
      name: node_fields.indexOf('name'),
      size: node_fields.indexOf('self_size'),
      edges: node_fields.indexOf('edge_count'),
    };
    this.#edge = {
      width: edge_fields.length,
      type: edge_fields.indexOf('type'),
      name: edge_fields.indexOf('name_or_index'),
      to: edge_fields.indexOf('to_node'),
    };
    const count = snapshot.nodes.length / this.#node.width;
    this.#firstEdge = new Uint32Array(count + 1);
    for (let node = 0; node < count; node++) {
      this.#firstEdge[node + 1] = this.#firstEdge[node]! + this.#of(node, 'edges');
    }
  }

  /** The node that some object has as the property of this name. */
  targetOf(name: string): number | undefined {
    const { edges, strings } = this.#snapshot;
    const wanted = strings.indexOf(name);
    const property = this.#edgeTypes.indexOf('property');
    const { width, type, name: nameAt, to } = this.#edge;
    for (let at = 0; at < edges.length; at += width) {
      if (edges[at + nameAt] !== wanted || edges[at + type] !== property) continue;
      return edges[at + to]! / this.#node.width;
    }
    return undefined;
  }

  selfBytes(node: number): number {
    return this.#of(node, 'size');
  }

  directBytes(node: number): number {
    let bytes = 0;
    for (const value of this.#valuesOf(node)) bytes += this.selfBytes(value);
    return bytes;
  }

  deepBytes(start: number): number {
    const reached = new Set([start]);
    let bytes = 0;
    // A set gives what is added to it meanwhile, too.
    for (const node of reached) {
      bytes += this.selfBytes(node);
      if (this.#isFunction(node)) continue;
      const isStore = this.#nameOf(node) === '(object properties)';
      for (const { type, name, to } of this.#edgesOf(node)) {
        if (!isOwn(type, name) || this.#isShared(to)) continue;
        // In a dictionary the names of properties stand beside the values, which the object shows.
        if (isStore && /string|symbol/.test(this.#typeOf(to))) continue;
        reached.add(to);
      }
    }
    return bytes;
  }

  /** What the fields of an object hold, or the entries of a `Map` or `Set`. */
  #valuesOf(node: number): Set<number> {
    const values = new Set<number>();
    for (const { type, name, to } of this.#edgesOf(node)) {
      const isField = (type === 'property' && name !== '__proto__') || type === 'element';
      // Numbers with a fraction: in boxes, that only the field knows of.
      if (isField || (type === 'hidden' && this.#typeOf(to) === 'number')) values.add(to);
      if (type !== 'internal' || (name !== 'properties' && name !== 'table')) continue;
      for (const inner of this.#edgesOf(to)) {
        const isEntry = name === 'table' && inner.name !== 'map';
        if (isEntry || this.#typeOf(inner.to) === 'number') values.add(inner.to);
      }
    }
    return values;
  }

  /** A function, or a call of one in the stack that an error keeps: behind it is the program. */
  #isFunction(node: number): boolean {
    return this.#typeOf(node) === 'closure' || this.#nameOf(node) === 'system / CallSiteInfo';
  }

  /** What belongs to the program, and not to one object. */
  #isShared(node: number): boolean {
    const type = this.#typeOf(node);
    if (type === 'code' || type === 'object shape' || type === 'synthetic') return true;
    return /^system \/ \w*Context/.test(this.#nameOf(node));
  }

  *#edgesOf(node: number): Generator<Edge> {
    const { edges, strings } = this.#snapshot;
    const { width, type, name, to } = this.#edge;
    for (let edge = this.#firstEdge[node]!; edge < this.#firstEdge[node + 1]!; edge++) {
      const at = edge * width;
      const typeName = this.#edgeTypes[edges[at + type]!]!;
      const nameOrIndex = edges[at + name]!;
      const isIndex = typeName === 'element' || typeName === 'hidden';
      yield {
        type: typeName,
        name: isIndex ? String(nameOrIndex) : strings[nameOrIndex]!,
        to: edges[at + to]! / this.#node.width,
      };
    }
  }

  #typeOf(node: number): string {
    return this.#nodeTypes[this.#of(node, 'type')]!;
  }

  #nameOf(node: number): string {
    return this.#snapshot.strings[this.#of(node, 'name')]!;
  }

  #of(node: number, field: 'type' | 'name' | 'size' | 'edges'): number {
    return this.#snapshot.nodes[node * this.#node.width + this.#node[field]]!;
  }
}

/** Edges to what an object keeps alive of its own: not its hidden class or prototype. */
function isOwn(type: string, name: string): boolean {
  if (type === 'weak' || type === 'shortcut') return false;
  return !(type === 'internal' && name === 'map') && !(type === 'property' && name === '__proto__');
}
