import { availableParallelism } from 'node:os';

import { isDescribed, type Kept, type StageSpec, systemClock } from '../../core/index.ts';
import type { LanesChoice, Plan, PlannedStage } from '../planned.ts';

/** What is known of a stage that can be on several lanes. */
type Laned = Required<Pick<StageSpec<never>, 'keeps'>> &
  Pick<StageSpec<never>, 'changes' | 'eventTime'>;

/** How a run differs from another where lanes are chosen. */
export interface LanesLimits {
  /** Whether it reads so many records and no more. */
  readonly recordsMax?: number | undefined;
}

/** How many lanes a plan has, of those that its settings want. */
export function chooseLanes(plan: Plan, { recordsMax }: LanesLimits = {}): LanesChoice {
  const { lanes } = plan.settings;
  const wanted = lanes === 'auto' ? availableParallelism() : lanes;
  if (wanted === 1) return oneLane(lanes === 1 ? 'no more are asked for' : 'there is one core');
  if (recordsMax !== undefined) return oneLane('no more records are read than were asked for');
  const refusal = refusalOf(plan);
  if (refusal !== undefined) return oneLane(refusal);
  const keyed = plan.stages.filter((stage) => keptOf(stage) !== 'nothing');
  if (keyed.length === 0) {
    const asking = plan.stages.find(({ node }) => specOf(node).eventTime === true);
    if (asking === undefined) return { count: wanted, by: null, reason: 'no stage keeps anything' };
    return oneLane(
      `\`${asking.node.id}\` asks how far event time is, and keeps nothing by a field`,
    );
  }
  const by = commonFields(keyed);
  const names = shown(keyed.map(({ node }) => node.id));
  if (by.length === 0) return oneLane(`${names} keep state by fields of which none is the same`);
  const changed = changeOf(plan, keyed, by);
  if (changed !== undefined) return oneLane(changed);
  return {
    count: wanted,
    by,
    reason: `${names} ${keyed.length === 1 ? 'keeps' : 'keep'} state by ${shown(by)}`,
  };
}

/** How many cores there are, where lanes are more than those. */
export function coresExceeded({ count }: LanesChoice): number | undefined {
  const cores = availableParallelism();
  return count > cores ? cores : undefined;
}

/** Why a plan has one lane whatever its stages keep by. */
function refusalOf({ outside, sources, stages }: Plan): string | undefined {
  if (outside.clock !== systemClock) return 'time is virtual, and passes on one thread only';
  for (const stage of stages) {
    const refusal = refusalOfStage(stage);
    if (refusal !== undefined) return `\`${stage.node.id}\` ${refusal}`;
  }
  for (const { node, options } of sources) {
    const { component } = node;
    if (component === undefined || !isDescribed(component)) continue;
    const refusal = component.definition.spec.chunks?.refuse(options as never);
    if (refusal !== undefined) return `\`${node.id}\` ${refusal}`;
  }
  return undefined;
}

function refusalOfStage({ node, options }: PlannedStage): string | undefined {
  const { component, policy } = node;
  if (component === undefined || !isDescribed(component)) return 'is written by hand';
  if (policy !== undefined) return 'has a policy, which counts the calls of all rows';
  if ('takeFigures' in component && component.takeFigures !== undefined) {
    return 'is monitored, and is told the figures of all rows';
  }
  const { keeps } = component.definition.spec;
  if (keeps === undefined) return 'does not say what it keeps from row to row';
  return keeps(options as never) === 'all' ? 'keeps state over all rows' : undefined;
}

function keptOf({ node, options }: PlannedStage): Kept {
  return specOf(node).keeps(options as never);
}

function specOf({ component }: PlannedStage['node']): Laned {
  return (component as { readonly definition: { readonly spec: Laned } }).definition.spec;
}

/** The fields that all of them keep state by: rows with one key have one value of these. */
function commonFields(keyed: readonly PlannedStage[]): readonly string[] {
  const [first, ...others] = keyed.map(
    (stage) => new Set((keptOf(stage) as { readonly by: readonly string[] }).by),
  );
  return [...others.reduce((common, by) => common.intersection(by), first!)];
}

/** Why rows cannot be routed where they are read: a source has not the fields, or a stage writes them. */
function changeOf(
  { sources, stages }: Plan,
  keyed: readonly PlannedStage[],
  by: readonly string[],
): string | undefined {
  const above = ancestorsOf(stages, keyed);
  const bare = sources.find(
    ({ node, output }) => above.has(node.id) && !by.every((name) => output.has(name)),
  );
  if (bare !== undefined) return `\`${bare.node.id}\` does not have ${shown(by)} yet`;
  const writer = stages.find(({ node, options }) => {
    if (!above.has(node.id)) return false;
    const changes = specOf(node).changes?.(options as never);
    return changes === undefined || changes.some((name) => by.includes(name));
  });
  return writer && `\`${writer.node.id}\` may write ${shown(by)}, by which state is kept behind it`;
}

/** What feeds these stages, directly or not. */
function ancestorsOf(
  stages: readonly PlannedStage[],
  of: readonly PlannedStage[],
): ReadonlySet<string> {
  const byId = new Map(stages.map((stage) => [stage.node.id, stage]));
  const above = new Set(of.flatMap(({ from }) => from.map(({ node }) => node)));
  // A set gives what is added to it meanwhile, too.
  for (const id of above) for (const { node } of byId.get(id)?.from ?? []) above.add(node);
  return above;
}

/** One lane, and why. */
export function oneLane(reason: string): LanesChoice {
  return { count: 1, by: null, reason };
}

function shown(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}
