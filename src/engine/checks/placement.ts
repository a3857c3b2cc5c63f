import { type Clock, isDescribed, type Policy, VirtualClock } from '../../core/index.ts';
import type { SinkNode, SourceNode, StageNode } from '../description.ts';
import { fallbackOf, otherClocksIn } from '../policies.ts';
import type { Problem } from '../problem.ts';

/** What log, metrics and alerts call something that is no component. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['run', 'the run itself'],
  ['server', 'the server of a run'],
  ['otel', 'what sends to OpenTelemetry'],
  ['overflow', 'all that there is no room for one by one'],
]);

/** What is wrong with the name and the policy of a component. `taken`: the ids of the others. */
export function placementProblems(
  { id, path, policy, component }: SourceNode | StageNode | SinkNode,
  taken: ReadonlySet<string>,
  clock: Clock,
): Problem[] {
  const problems: Problem[] = [];
  const add = (kind: Problem['kind'], text: string): void => {
    problems.push({ kind, path, text });
  };
  if (typeof id !== 'string') add('invalid-option', `an \`id\` is text, not ${typeof id}`);
  // Alerts on the run as a whole name no component.
  if (id === '') add('topology', 'a component has an `id` that is not empty');
  const meant = otherNames.get(id);
  if (meant !== undefined) {
    add(
      'topology',
      `\`${id}\` is what log, metrics and alerts call ${meant}; give the component another \`id\``,
    );
  }
  if (taken.has(id)) add('topology', `\`${id}\` names two components; give one another \`id\``);
  if (policy === undefined || component === undefined) return problems;
  if (typeof (policy as Partial<Policy> | null)?.execute !== 'function') {
    add('protocol', `the policy of \`${id}\` has no method \`execute(fn, signal)\``);
    return problems;
  }
  const described = isDescribed(component) ? component : undefined;
  const isStage = described?.kind === 'stage';
  if (described === undefined || (isStage && described.definition.spec.calls !== true)) {
    add(
      'protocol',
      `\`${id}\` has a policy and makes no calls that it could stand around: it is for sources and sinks that are described by \`open\`, \`read\`, \`write\`, \`commit\`, and for stages that wait, as \`map-async\``,
    );
  } else if (!isStage && fallbackOf(policy) !== undefined) {
    add(
      'protocol',
      `\`${id}\` has a fallback in its policy, and nothing can stand in for what a ${described.kind} does; it is for stages that wait, as \`map-async\`, and for functions of your own`,
    );
  }
  // Virtual time passes while nothing happens: hours of it while a policy waits for a real second.
  if (!(clock instanceof VirtualClock)) return problems;
  for (const name of otherClocksIn(policy, clock)) {
    add(
      'protocol',
      `the policy \`${name}\` of \`${id}\` tells time by another clock than the run, whose time is virtual; give it \`clock\`, and \`random\`, of the run's \`outside\``,
    );
  }
  return problems;
}
