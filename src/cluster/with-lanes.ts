import { chunkSchema } from '../batch/codec/chunks.ts';
import {
  isDescribed,
  type SourceComponent,
  type SourceContext,
  type Stage,
} from '../core/index.ts';
import {
  type LanesChoice,
  onlyOutput,
  type Plan,
  type PlannedSource,
  type PlannedStage,
} from '../engine/planned.ts';
import { ChunkTimes } from './chunk-times.ts';
import { Crew, crewId } from './crew.ts';
import type { LaneWorkers } from './lane-workers.ts';
import type { LaneOrigin } from './messages.ts';

/**
 * The plan that does on lanes what another does on one thread: its sources are read in chunks, all
 * stages are one that gives these to the lanes, and the sinks take what comes back. For one run.
 */
export function withLanes(
  chosen: Plan,
  lanes: LanesChoice,
  workers: LaneWorkers,
  origin: LaneOrigin,
): Plan {
  const plan = { ...chosen, lanes };
  const { count, by } = lanes;
  if (count === 1) {
    workers.end();
    return plan;
  }
  const sources = plan.sources.map(inChunks);
  const times = new Map(
    sources.flatMap(({ node, times: of }) => (of instanceof ChunkTimes ? [[node.id, of]] : [])),
  );
  const crew = new Crew({ plan, count, by, workers, origin, times });
  const sinks = plan.sinks.map((sink) => ({
    ...sink,
    from: [{ node: crewId, output: sink.node.id }],
  }));
  return {
    ...plan,
    sources,
    stages: [crewStage(plan, crew)],
    sinks,
    standsFor: {
      plan,
      measure: () => crew.measure(),
      busyMs: (id) => crew.busyMs(id),
      lanes: (nowMs) => crew.stats(nowMs),
    },
  };
}

/** A source that gives its records undecoded, where it can. */
function inChunks(planned: PlannedSource): PlannedSource {
  const { node, output, eventTime } = planned;
  const { component } = node;
  if (component === undefined || !isDescribed(component)) return planned;
  const { definition } = component as SourceComponent;
  const { chunks } = definition.spec;
  if (chunks === undefined) return planned;
  const create = (options: never, context: SourceContext) =>
    chunks.create(options, { ...context, output });
  const read = {
    ...component,
    definition: { ...definition, spec: { ...definition.spec, create } },
  };
  return {
    ...planned,
    node: { ...node, component: read as unknown as SourceComponent },
    output: chunkSchema,
    ...(eventTime !== undefined && { times: new ChunkTimes(eventTime) }),
  };
}

/** What flows is taken by `work`: this only says that it is not to be fused with anything. */
const unused: Stage = { transform: (stream) => stream };

function crewStage({ sources, sinks }: Plan, crew: Crew): PlannedStage {
  return {
    node: { id: crewId, component: unused, path: [], from: sources.map(({ node }) => node.id) },
    options: undefined,
    from: sources.map(({ node }) => ({ node: node.id, output: onlyOutput })),
    input: chunkSchema,
    output: chunkSchema,
    outputs: sinks.map(({ node }) => node.id),
    work: (parts) => crew.run(parts),
  };
}
