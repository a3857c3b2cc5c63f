import { type Clock, type Policy, VirtualClock } from '../../core/index.ts';
import type { PipelineDescription } from '../description.ts';
import { fallbackOf, otherClocksIn } from '../policies.ts';
import { checkOverflow } from './overflow.ts';
import type { Problems } from './problems.ts';

/** Checks what needs no schema: that there are ends, and what each node is called and wrapped in. */
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
    const { id, path } = node;
    if (seen.has(id)) {
      const text = `\`${id}\` names two components; give one another \`id\``;
      problems.add('topology', path, text);
    }
    seen.add(id);
    checkName(node, problems);
    checkPolicy(node, clock, problems);
  }
}

type NodeName = Pick<PipelineDescription['sources'][number], 'id' | 'path'>;

/** What log, metrics and alerts call something that is no component. */
const taken: ReadonlyMap<string, string> = new Map([
  ['run', 'the run itself'],
  ['server', 'the server of a run'],
  ['otel', 'what sends to OpenTelemetry'],
  ['overflow', 'all that there is no room for one by one'],
]);

function checkName({ id, path }: NodeName, problems: Problems): void {
  const meant = taken.get(id);
  // Alerts on the run as a whole name no component.
  if (id === '') problems.add('topology', path, 'a component has an `id` that is not empty');
  else if (meant !== undefined) {
    const text = `\`${id}\` is what log, metrics and alerts call ${meant}; give the component another \`id\``;
    problems.add('topology', path, text);
  }
}

function checkPolicy(
  { id, path, policy, component }: PipelineDescription['sources' | 'stages' | 'sinks'][number],
  clock: Clock,
  problems: Problems,
): void {
  if (policy === undefined || component === undefined) return;
  if (typeof (policy as Partial<Policy> | null)?.execute !== 'function') {
    const text = `the policy of \`${id}\` has no method \`execute(fn, signal)\``;
    problems.add('protocol', path, text);
    return;
  }
  const isDescribed = 'definition' in component;
  const isStage = isDescribed && component.kind === 'stage';
  if (!isDescribed || (isStage && component.definition.spec.calls !== true)) {
    const text = `\`${id}\` has a policy and makes no calls that it could stand around: it is for sources and sinks that are described by \`open\`, \`read\`, \`write\`, \`commit\`, and for stages that wait, as \`map-async\``;
    problems.add('protocol', path, text);
  } else if (!isStage && fallbackOf(policy) !== undefined) {
    const text = `\`${id}\` has a fallback in its policy, and nothing can stand in for what a ${component.kind} does; it is for stages that wait, as \`map-async\`, and for functions of your own`;
    problems.add('protocol', path, text);
  }
  // Virtual time passes while nothing happens: hours of it while a policy waits for a real second.
  if (!(clock instanceof VirtualClock)) return;
  for (const name of otherClocksIn(policy, clock)) {
    const text = `the policy \`${name}\` of \`${id}\` tells time by another clock than the run, whose time is virtual; give it \`clock\`, and \`random\`, of the run's \`outside\``;
    problems.add('protocol', path, text);
  }
}
