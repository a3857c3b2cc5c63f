import type { PipelineDescription, StageNode } from '../description.ts';

/** The order in which stages are planned. */
export interface Order {
  /** All stages, each behind those that it reads from, as far as there is no circle. */
  readonly stages: readonly StageNode[];
  /** Those that read from themselves by way of others. */
  readonly inCircle: readonly StageNode[];
}

/** Puts stages behind what they read from. A circle is entered where something else comes in. */
export function orderOf({ sources, stages }: PipelineDescription): Order {
  const before = readsOf(stages, new Set(sources.map(({ id }) => id)));
  const order = new Set<StageNode>();
  const inCircle = new Set<StageNode>();
  while (order.size < stages.length) {
    const waiting = stages.filter((stage) => !order.has(stage));
    const isThere = (stage: StageNode): boolean => order.has(stage);
    const ready = waiting.filter((stage) => before.get(stage)!.every(isThere));
    for (const stage of ready) order.add(stage);
    if (ready.length > 0) continue;
    const circle = waiting.filter((stage) => readsItself(stage, before));
    for (const stage of circle) inCircle.add(stage);
    const isEntered = (stage: StageNode): boolean =>
      before.get(stage)!.length < stage.from.length || before.get(stage)!.some(isThere);
    order.add(circle.find(isEntered) ?? circle[0]!);
  }
  return { stages: [...order], inCircle: stages.filter((stage) => inCircle.has(stage)) };
}

type Reads = ReadonlyMap<StageNode, readonly StageNode[]>;

/** The stages that each stage reads from. */
function readsOf(stages: readonly StageNode[], sources: ReadonlySet<string>): Reads {
  const byId = new Map(stages.map((stage) => [stage.id, stage]));
  // A reference is an id, or `id.output`.
  const stageOf = (reference: string): StageNode[] => {
    if (sources.has(reference)) return [];
    const stage = byId.get(reference) ?? byId.get(reference.replace(/\..*$/, ''));
    return stage === undefined ? [] : [stage];
  };
  return new Map(stages.map((stage) => [stage, stage.from.flatMap(stageOf)]));
}

function readsItself(stage: StageNode, before: Reads): boolean {
  const seen = new Set<StageNode>();
  const next = [...before.get(stage)!];
  for (let one = next.pop(); one !== undefined; one = next.pop()) {
    if (one === stage) return true;
    if (seen.has(one)) continue;
    seen.add(one);
    next.push(...before.get(one)!);
  }
  return false;
}
