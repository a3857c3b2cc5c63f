import type { Field, Schema } from '../batch/index.ts';
import { isDescribed } from '../core/index.ts';
import { withoutSecrets } from '../core/mask.ts';
import type { ComponentKind } from '../observe/snapshot.ts';
import { kindOf, policiesOf, type PolicyKind, type Shown } from '../resilience/policy.ts';
import { oneLane } from './plan/lanes.ts';
import {
  type LanesChoice,
  onlyOutput,
  type Plan,
  type PlannedSink,
  type PlannedSource,
  type PlannedStage,
} from './planned.ts';

/** One component of a pipeline, as it is shown. */
export interface TopologyNode {
  readonly id: string;
  readonly kind: ComponentKind;
  /** The name and summary of its definition; none where it was written by hand. */
  readonly name: string | null;
  readonly summary: string | null;
  /** As given, with the defaults: secrets as `[secret]`, or as the reference that they came from. */
  readonly options: unknown;
  /** Where its rows come from: ids, or `id.output` of a branch. */
  readonly from: readonly string[];
  /** The names of its outputs, where it has several. */
  readonly outputs: readonly string[];
  readonly required: boolean;
  /** What becomes of rows that it cannot take, where it is not required. */
  readonly overflow: unknown;
  /** What its calls are made under; null where that is nothing. */
  readonly policy: TopologyPolicy | null;
  /** The fields of the rows that come in and go out; null where there are none. */
  readonly input: readonly Field[] | null;
  readonly output: readonly Field[] | null;
}

/** A policy, as it is shown. */
export interface TopologyPolicy {
  /** What it is made of, from the outside in. */
  readonly parts: readonly {
    /** `custom` where the part is none of ours. */
    readonly kind: PolicyKind | 'custom';
    readonly name: string | null;
    /** With the defaults, functions by their names; null where it is none of ours. */
    readonly options: unknown;
  }[];
}

/** The components of a pipeline and what flows between them, in the order of the flow. */
export interface Topology {
  readonly pipeline: string;
  readonly nodes: readonly TopologyNode[];
  /** What holds for all of it, as `queue` and `checkpoint`. */
  readonly settings: unknown;
  /** On how many threads it runs, and why. */
  readonly lanes: LanesChoice;
}

/** How a plan is shown. Holds no value of a secret, no function, and nothing that is long. */
export function topologyOf(plan: Plan): Topology {
  const { sources, stages, sinks, deadLetters, scrub } = plan;
  const nodes = [
    ...sources.map((one) => nodeOf('source', one, scrub, { output: one.output })),
    ...stages.map((one) => nodeOf('stage', one, scrub, one)),
    ...sinks.map((one) => nodeOf('sink', one, scrub, one)),
    ...(deadLetters === undefined ? [] : [nodeOf('dead-letters', deadLetters, scrub, deadLetters)]),
  ];
  const settings = withoutSecrets('', plan.settings, scrub);
  const { by, reason, ...lanes } = plan.lanes ?? oneLane(notChosen(plan));
  return Object.freeze({
    pipeline: plan.name,
    nodes: Object.freeze(nodes),
    settings,
    lanes: Object.freeze({
      ...lanes,
      by: by && Object.freeze(by.map(scrub)),
      reason: scrub(reason),
    }),
  });
}

function notChosen({ settings }: Plan): string {
  return settings.lanes === 1 ? 'no more are asked for' : 'it was started without lanes';
}

type Planned = PlannedSource | PlannedStage | PlannedSink;

function nodeOf(
  kind: ComponentKind,
  planned: Planned,
  scrub: Plan['scrub'],
  { input, output }: { readonly input?: Schema; readonly output?: Schema },
): TopologyNode {
  const { node, options } = planned;
  const { component } = node;
  const isDefined = component !== undefined && isDescribed(component);
  const { name = null, summary = null } = isDefined ? component.definition.spec : {};
  const ports = 'from' in planned ? planned.from : [];
  return Object.freeze({
    id: node.id,
    kind,
    name,
    summary,
    options: withoutSecrets('', options, scrub),
    from: ports.map(({ node: id, output: port }) => (port === '' ? id : `${id}.${port}`)),
    required: !('required' in node) || node.required !== false,
    outputs: 'outputs' in planned ? planned.outputs.filter((output) => output !== onlyOutput) : [],
    overflow: 'overflow' in node ? withoutSecrets('', node.overflow, scrub) : null,
    policy: policyShown(node, scrub),
    input: input === undefined ? null : fieldsShown(input, scrub),
    output: output === undefined ? null : fieldsShown(output, scrub),
  });
}

function policyShown({ policy }: Planned['node'], scrub: Plan['scrub']): TopologyPolicy | null {
  if (policy === undefined) return null;
  const parts = policiesOf(policy).map((part) => {
    const { name = null, options } = part as Shown & { readonly name?: string };
    const kind = kindOf(part);
    if (kind === undefined) return { kind: 'custom' as const, name, options: null };
    return { kind, name, options: withoutSecrets('', options, scrub) };
  });
  return { parts };
}

/** A field may be named by what a reference stood for. */
function fieldsShown({ fields }: Schema, scrub: Plan['scrub']): Field[] {
  return fields.map((field) => ({ ...field, name: scrub(field.name) }));
}
