import type { Plan } from './planned.ts';

/** The sources that each component is fed by. */
export function sourcesOf({
  sources,
  stages,
  sinks,
}: Pick<Plan, 'sources' | 'stages' | 'sinks'>): Map<string, ReadonlySet<string>> {
  const of = new Map(sources.map(({ node: { id } }) => [id, new Set([id])]));
  for (const { node, from } of [...stages, ...sinks]) {
    of.set(node.id, new Set(from.flatMap((port) => [...of.get(port.node)!])));
  }
  return of;
}
