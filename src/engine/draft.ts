import type {
  ComponentType,
  Outside,
  SinkComponent,
  SinkPlacement,
  SourcePlacement,
} from '../core/index.ts';
import { nameOf, protocolProblem } from './checks.ts';
import { placementFormProblems, placementProblems } from './checks/placement.ts';
import {
  defaultSettings,
  type Path,
  type PipelineDescription,
  type Settings,
  type SinkNode,
  type SourceNode,
  type StageNode,
} from './description.ts';
import type { LanesLimits } from './plan/lanes.ts';
import type { Plan } from './planned.ts';
import { type Problem, type ProblemKind, ValidationError } from './problem.ts';
import type { LaneModule } from './run/options.ts';

/** What a builder is given by whoever composes the library. */
export interface BuilderDefaults {
  readonly outside: Outside;
  /** Takes failed records where the pipeline names no sink for them. */
  readonly deadLetters?: SinkComponent;
  /** The plan as it runs on the lanes that its settings want; on one unless given. */
  readonly onLanes?: (
    plan: Plan,
    module: LaneModule | undefined,
    limits: LanesLimits,
  ) => Promise<Plan>;
}

/** Settings as a pipeline gives them: what is left out keeps its default. */
export type SettingsInput = {
  readonly [K in keyof Settings]?: Settings[K] extends object ? Partial<Settings[K]> : Settings[K];
};

/** A component as a builder is given it, which may be anything, and how it takes part. */
export interface Step {
  readonly component: unknown;
  readonly placement?: (SinkPlacement & SourcePlacement) | undefined;
}

/** A node of any role: what it is was checked, and cannot be told by its type. */
interface PlacedNode extends Omit<SinkNode, 'component' | 'from'> {
  readonly component: never;
}

const roles = { source: 'sources', stage: 'stages', sink: 'sinks' } as const;

/**
 * A pipeline as far as it was built. `add` is the one step under all forms of the builder: it takes
 * what it is given whole, or throws and leaves the draft as it was.
 */
export class Draft {
  readonly name: string;
  readonly settings: SettingsInput;
  readonly defaults: BuilderDefaults;
  readonly #nodes: { sources: SourceNode[]; stages: StageNode[]; sinks: SinkNode[] };
  #deadLetters: SinkNode | undefined;
  #end: string | undefined;
  /** Where the chain goes on; null once it has its sink. */
  chain: string | null | undefined;

  constructor(name: string, settings: SettingsInput, defaults: BuilderDefaults) {
    this.name = name;
    this.settings = settings;
    this.defaults = defaults;
    this.#nodes = { sources: [], stages: [], sinks: [] };
    const { deadLetters } = defaults;
    if (deadLetters !== undefined) {
      this.#deadLetters = { id: 'dead-letters', component: deadLetters, from: [], path: [] };
    }
  }

  /** Where a pipeline without a sink is read: what was added last. */
  get end(): string | undefined {
    return this.#end;
  }

  /**
   * Adds components, each behind the one before it, the first behind `from`. Gives what refers to
   * the last. Throws a `ValidationError` with all that is wrong.
   */
  add(type: ComponentType, steps: readonly Step[], from: readonly string[]): string {
    const taken = new Set(this.#ids());
    const first = this.#nodes[roles[type]].length;
    const problems: Problem[] = [];
    let references = from;
    const nodes = steps.map((step, at) => {
      const path = [roles[type], first + at];
      const node = this.#node(type, step, path, { taken, problems, next: steps[at + 1] });
      const placed = { ...node, from: references };
      references = [node.id];
      taken.add(node.id);
      return placed;
    });
    this.#refuse(problems);
    this.#nodes[roles[type]].push(...nodes);
    if (type !== 'sink') this.#end = references[0];
    return references[0]!;
  }

  /** Names the sink for records that fail. */
  setDeadLetters(step: Step): void {
    const problems: Problem[] = [];
    const nodes = { taken: new Set(this.#ids({ deadLetters: false })), problems, next: undefined };
    const node = this.#node('sink', step, ['deadLetters'], nodes);
    this.#refuse(problems);
    this.#deadLetters = { ...node, from: [] };
  }

  /** Throws where anything is wrong. */
  #refuse(problems: readonly Problem[]): void {
    if (problems.length > 0) throw new ValidationError(String(this.name), problems);
  }

  /** The place of the component of that type that comes next. */
  #pathOf(type: ComponentType): Path {
    return [roles[type], this.#nodes[roles[type]].length];
  }

  /** Throws what is wrong with the component of that type that was to come next. */
  refuseNext(type: ComponentType, kind: ProblemKind, text: string): never {
    throw new ValidationError(String(this.name), [{ kind, path: this.#pathOf(type), text }]);
  }

  /** The pipeline as data, which later steps leave as it is. */
  describe(): PipelineDescription {
    const { sources, stages, sinks } = this.#nodes;
    return {
      name: this.name,
      sources: [...sources],
      stages: [...stages],
      sinks: [...sinks],
      deadLetters: this.#deadLetters,
      settings: withDefaults(this.settings),
    };
  }

  #node(
    type: ComponentType,
    { component, placement }: Step,
    path: Path,
    {
      taken,
      problems,
      next,
    }: { taken: ReadonlySet<string>; problems: Problem[]; next: Step | undefined },
  ): PlacedNode {
    const { id: given, policy, required, overflow, eventTime } = placement ?? {};
    const role = path[0] === 'deadLetters' ? 'deadLetters' : type;
    problems.push(...placementFormProblems(role, placement, path));
    const problem = protocolProblem({ type, component, path, next });
    if (problem !== undefined) {
      problems.push(problem);
      return { id: given ?? type, component: component as never, path };
    }
    const name = role === 'deadLetters' ? 'dead-letters' : nameOf(component as object);
    const id = given ?? freeId(name ?? type, taken);
    const node = {
      id,
      component: component as never,
      path,
      ...(policy !== undefined && { policy }),
      ...(type === 'source' && eventTime !== undefined && { eventTime, at: path }),
      ...(type === 'sink' && {
        ...(required !== undefined && { required }),
        ...(overflow !== undefined && { overflow }),
        at: path,
      }),
    };
    problems.push(...placementProblems(node, taken, this.defaults.outside.clock));
    return node;
  }

  *#ids({ deadLetters = true } = {}): Iterable<string> {
    for (const nodes of Object.values(this.#nodes)) for (const { id } of nodes) yield id;
    if (deadLetters && this.#deadLetters !== undefined) yield this.#deadLetters.id;
  }
}

/** What an id can hold of the name, with the first number that makes it new. */
export function freeId(name: string, taken: ReadonlySet<string>): string {
  // Short enough for any number behind it.
  const plain = name.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 56);
  let id = plain;
  for (let count = 2; taken.has(id); count++) id = `${plain}-${count}`;
  return id;
}

/** Settings with their defaults filled in. */
function withDefaults(settings: SettingsInput): Settings {
  const { batch, queue, checkpoint, health, ...plain } = settings;
  return {
    ...defaultSettings,
    ...plain,
    batch: { ...defaultSettings.batch, ...batch },
    queue: { ...defaultSettings.queue, ...queue },
    checkpoint: { ...defaultSettings.checkpoint, ...checkpoint },
    health: { ...defaultSettings.health, ...health },
  };
}
