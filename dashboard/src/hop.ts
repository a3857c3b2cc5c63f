import type { RunStats, TopologyNode } from '../../src/server/api-types.ts';

/** The stages that a batch goes through at once with this one, in the order of the flow. */
export function hopOf(
  id: string,
  nodes: readonly TopologyNode[],
  queues: RunStats['queues'],
): readonly string[] {
  const heads = new Map<string, string>();
  for (const node of nodes) {
    // Only the first of a hop has a queue before it.
    const isInside = node.kind === 'stage' && !Object.hasOwn(queues, node.id);
    const before = isInside ? heads.get(node.from[0]!.split('.')[0]!) : undefined;
    heads.set(node.id, before ?? node.id);
  }
  return nodes.map((node) => node.id).filter((other) => heads.get(other) === heads.get(id));
}
