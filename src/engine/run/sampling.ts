import { type AnomalyFlag, isDescribed } from '../../core/index.ts';
import { DataSampler } from '../../observe/data-sampler.ts';
import type { DataList, DataSeries } from '../../observe/data-report.ts';
import type { Components } from '../components.ts';
import type { Plan, PlannedStage } from '../planned.ts';

/** What came to the sinks of a run of late, in part; kept until it is disposed of. */
export interface DataSampling extends Disposable {
  /** The fields that are kept, and whose values apart; also of whom they are not for. */
  readonly list: DataList;
  /**
   * One of them over the last ten minutes, up to its last value, or the values of one key of it;
   * undefined where that is not kept.
   */
  series(sink: string, field: string, key?: string): DataSeries | undefined;
}

/** Looks at what sinks are given from now on. */
export function sampleData(plan: Plan, components: Components): DataSampling {
  const flags = flagsOf(plan);
  const sinks = plan.sinks.map(({ node, input, from }) => ({
    id: node.id,
    schema: input,
    flags: from.flatMap((port) => flags.get(port.node) ?? []),
  }));
  const sampler = new DataSampler(sinks);
  const ends = sinks.map(({ id }) => {
    const observed = components.observedOf(id);
    return observed.taken.add(
      (batch) => void observed.ask('data', () => sampler.take(id, batch, observed.loopMs)),
    );
  });
  const { clock } = plan.outside;
  return {
    get list() {
      return sampler.list;
    },
    series: (sink, field, key) =>
      sampler.series(sink, field, { at: clock.now(), monotonicMs: clock.monotonic() }, key),
    [Symbol.dispose]: () => {
      for (const end of ends) end();
    },
  };
}

/** The flags in what each stage gives out, by the names of fields there, the newest first. */
function flagsOf({ stages }: Plan): ReadonlyMap<string, readonly AnomalyFlag[]> {
  const flags = new Map<string, readonly AnomalyFlag[]>();
  for (const stage of stages) {
    const own = ownFlags(stage);
    const passed = stage.from
      .flatMap(({ node }) => flags.get(node) ?? [])
      .flatMap((flag) => passedOn(flag, stage))
      // A flag that is written anew judges another field.
      .filter(({ flag }) => !own.some((one) => one.flag === flag));
    // Branches that meet again bring the same.
    const all = new Map([...own, ...passed].map((flag) => [JSON.stringify(flag), flag]));
    flags.set(stage.node.id, [...all.values()]);
  }
  return flags;
}

function ownFlags({ node: { component }, options }: PlannedStage): AnomalyFlag[] {
  if (component === undefined || !isDescribed(component)) return [];
  const flag = component.definition.spec.anomalies?.(options as never);
  return flag === undefined ? [] : [flag];
}

/** As a stage gives it out; not at all where it lets a field of it go. */
function passedOn({ flag, field, by }: AnomalyFlag, stage: PlannedStage): AnomalyFlag[] {
  const { component } = stage.node;
  const { renames } =
    component !== undefined && isDescribed(component) ? component.definition.spec : {};
  const names = new Map(Object.entries(renames?.(stage.options as never) ?? {}));
  const nameOf = (name: string): string => names.get(name) ?? name;
  const has = (name: string): boolean => stage.output.has(nameOf(name));
  if (!has(flag) || !has(field)) return [];
  const whose = by !== undefined && has(by) ? { by: nameOf(by) } : {};
  return [{ flag: nameOf(flag), field: nameOf(field), ...whose }];
}
