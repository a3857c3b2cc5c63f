import { type Inlet, inletOf } from './inlet.ts';
import type { Observed } from './observed.ts';
import { Outlet } from './outlet.ts';
import { onlyOutput, type Plan, type Port } from './planned.ts';
import { type FlowQueue, Queue } from './queue.ts';
import { isFusible } from './stage-loop.ts';
import type { StageNodeParts } from './stage-parts.ts';

/** The queues of a run, between its sources, its chains of stages and its sinks. */
export class Channels {
  /** Neighbours that share a hop: batch functions with one input and one reader between them. */
  readonly chains: readonly (readonly StageNodeParts[])[];
  /** The queues before each component that has any. */
  readonly queues: ReadonlyMap<string, readonly FlowQueue[]>;
  readonly #byPort = new Map<string, FlowQueue[]>();
  readonly #inlets: ReadonlyMap<string, Inlet>;

  /** `optional`: the queues of sinks that nobody waits for, by id. */
  constructor(
    { stages, sinks, settings }: Plan,
    created: readonly StageNodeParts[],
    optional: ReadonlyMap<string, FlowQueue>,
    observedOf: (id: string) => Observed,
  ) {
    const readers = new Map<string, number>();
    for (const { from } of [...stages, ...sinks]) {
      for (const port of from) readers.set(keyOf(port), (readers.get(keyOf(port)) ?? 0) + 1);
    }
    this.chains = chainsOf(created, readers);
    const queues = new Map<string, FlowQueue[]>();
    const heads = this.chains.map(([head]) => head!.planned);
    for (const { node, from } of [...heads, ...sinks]) {
      queues.set(
        node.id,
        from.map((port) => {
          const queue = optional.get(node.id) ?? new Queue(settings.queue, observedOf(node.id));
          this.#byPort.set(keyOf(port), [...(this.#byPort.get(keyOf(port)) ?? []), queue]);
          return queue;
        }),
      );
    }
    this.queues = queues;
    this.#inlets = new Map([...queues].map(([id, before]) => [id, inletOf(before)]));
  }

  inletOf(id: string): Inlet {
    return this.#inlets.get(id)!;
  }

  outletOf(observed: Observed, outputs: readonly string[]): Outlet {
    const readers = outputs.map(
      (output) => [output, this.#byPort.get(keyOf({ node: observed.id, output })) ?? []] as const,
    );
    return new Outlet(new Map(readers), observed);
  }

  /** Empties every queue, for a run that is stopped at once. */
  discard(): void {
    for (const inlet of this.#inlets.values()) inlet.discard();
  }
}

function chainsOf(
  stages: readonly StageNodeParts[],
  readers: ReadonlyMap<string, number>,
): StageNodeParts[][] {
  const chains = new Map<string, StageNodeParts[]>();
  for (const stage of stages) {
    const { node, from } = stage.planned;
    const [before, ...others] = from;
    const chain = chains.get(before!.node);
    const last = chain?.at(-1);
    const fits =
      others.length === 0 &&
      before!.output === onlyOutput &&
      readers.get(keyOf(before!)) === 1 &&
      last?.planned.node.id === before!.node &&
      isFusible(last.instance) &&
      isFusible(stage.instance);
    if (fits) chain!.push(stage);
    chains.set(node.id, fits ? chain! : [stage]);
  }
  return [...new Set(chains.values())];
}

function keyOf({ node, output }: Port): string {
  return JSON.stringify([node, output]);
}
