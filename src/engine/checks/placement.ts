import {
  type Clock,
  isDescribed,
  type Placement,
  type Policy,
  VirtualClock,
} from '../../core/index.ts';
import { suggestion } from '../config/keys.ts';
import type { Path, SinkNode, SourceNode, StageNode } from '../description.ts';
import { fallbackOf, otherClocksIn } from '../policy-parts.ts';
import type { Problem } from '../problem.ts';

/** What log, metrics and alerts call something that is no component. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['run', 'the run itself'],
  ['server', 'the server of a run'],
  ['otel', 'what sends to OpenTelemetry'],
  ['overflow', 'all that there is no room for one by one'],
]);

const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * What is wrong with the id of a component as it was given. No dot is in it, which in a reference
 * begins the name of an output.
 */
export function idProblem(id: unknown): string | undefined {
  if (typeof id === 'string' && idPattern.test(id)) return undefined;
  return 'an id is made of up to 64 letters, digits, `-` and `_`';
}

/** What a component in code may be given beside its options. */
const placementKeys = {
  source: ['id', 'policy', 'eventTime'],
  stage: ['id', 'policy'],
  sink: ['id', 'policy', 'required', 'overflow'],
  deadLetters: ['id', 'policy'],
} as const;

/** What is wrong with the form of a placement, which may be anything. */
export function placementFormProblems(
  role: keyof typeof placementKeys,
  placement: unknown,
  path: Path,
): Problem[] {
  if (placement === undefined) return [];
  if (typeof placement !== 'object' || placement === null || Array.isArray(placement)) {
    const text = "a placement is an object: `{ id: 'name' }`";
    return [{ kind: 'invalid-option', path, text }];
  }
  const keys: readonly string[] = placementKeys[role];
  const taker = role === 'deadLetters' ? '`deadLetters`' : `a ${role}`;
  const unknown = Object.keys(placement).filter((key) => !keys.includes(key));
  const problems = unknown.map((key): Problem => {
    const text = `${taker} takes no \`${key}\`, ${suggestion(key, keys, 'keys')}`;
    return { kind: 'unknown-key', path, text };
  });
  const { id } = placement as Placement;
  const wrong = id === undefined ? undefined : idProblem(id);
  if (wrong !== undefined) problems.push({ kind: 'invalid-option', path, text: wrong });
  return problems;
}

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
