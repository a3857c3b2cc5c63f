import type { Clock, ComponentType } from '../../core/index.ts';
import { protocolProblem } from '../checks.ts';
import { placementProblems } from '../checks/placement.ts';
import type { PipelineDescription, SinkNode, SourceNode, StageNode } from '../description.ts';
import { checkOverflow } from './overflow.ts';
import type { Problems } from './problems.ts';

/** Checks what needs no schema: that there are ends, and what each node is, is called and wrapped in. */
export function checkNodes(
  { name, sources, stages, sinks, deadLetters }: PipelineDescription,
  clock: Clock,
  problems: Problems,
): void {
  if (typeof name !== 'string' || name === '') {
    problems.add('missing-option', ['name'], 'a pipeline has a name');
  }
  // A config that names none, or an unknown one, has said so and has one without a component here.
  if (sources.length === 0) problems.add('topology', [], 'the pipeline has no source');
  if (sinks.length === 0) problems.add('topology', [], 'the pipeline has no sink');
  checkOverflow(name, sinks, problems);
  const nodes = [...sources, ...stages, ...sinks];
  const seen = new Set<string>();
  for (const node of deadLetters === undefined ? nodes : [...nodes, deadLetters]) {
    problems.list.push(...placementProblems(node, seen, clock));
    seen.add(node.id);
  }
  checkMonitored(stages, problems);
}

/** The figures of two stages at once would be a history of neither. */
function checkMonitored(stages: readonly StageNode[], problems: Problems): void {
  const seen = new Set<StageNode['component']>();
  for (const { id, component, path } of stages) {
    if (component === undefined || !('takeFigures' in component)) continue;
    const text = `\`${id}\` is monitored, and stands here twice; give each place one of its own`;
    if (seen.has(component)) problems.add('topology', path, text);
    seen.add(component);
  }
}

/** The description without the components that are none. Says of each what is wrong with it. */
export function withoutBroken(
  description: PipelineDescription,
  problems: Problems,
): PipelineDescription {
  const { sources, stages, sinks, deadLetters } = description;
  const readers = [...stages, ...sinks];
  const checked = <N extends SourceNode | StageNode | SinkNode>(
    type: ComponentType,
    node: N,
  ): N => {
    const { id, component, path } = node;
    if (component === undefined) return node;
    const next = readers.find(({ from }) => from.includes(id));
    const problem = protocolProblem({ type, component, path, id, next });
    if (problem === undefined) return node;
    problems.list.push(problem);
    return { ...node, component: undefined };
  };
  return {
    ...description,
    sources: sources.map((node) => checked('source', node)),
    stages: stages.map((node) => checked('stage', node)),
    sinks: sinks.map((node) => checked('sink', node)),
    deadLetters: deadLetters && checked('sink', deadLetters),
  };
}
