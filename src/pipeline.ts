import { dirname, resolve } from 'node:path';

import type { Fields } from './batch/index.ts';
import { builtins } from './builtins.ts';
import type { LaneWorkers } from './cluster/lane-workers.ts';
import type { LaneOrigin } from './cluster/messages.ts';
import { deadLetterFile } from './connectors/dead-letter-file.ts';
import {
  type Sink,
  type SinkComponent,
  type Source,
  type SourceComponent,
  type Stage,
  type StageComponent,
  systemOutside,
} from './core/index.ts';
import type { Begun } from './engine/builder/place.ts';
import { chainProblems } from './engine/checks.ts';
import type { ConfigOptions, PipelineConfig } from './engine/config.ts';
import type { LanesLimits } from './engine/plan/lanes.ts';
import {
  type BuilderDefaults,
  type Pipeline,
  type Plan,
  type SettingsInput,
  TypedPipelineBuilder,
  ValidationError,
} from './engine/index.ts';
import { ownProgram } from './own-files.ts';

export { builtins } from './builtins.ts';

/**
 * Begins a pipeline: `pipeline('name').from(source).pipe(stages).to(sink)`. Unless `defaults` says
 * otherwise it runs on this machine, and records that fail go to a file in the state directory.
 */
export function pipeline(
  name: string,
  settings: SettingsInput = {},
  defaults: Partial<BuilderDefaults> = {},
): TypedPipelineBuilder<Fields, Begun> {
  const outside = defaults.outside ?? systemOutside();
  const deadLetters = defaults.deadLetters ?? deadLetterFile();
  return new TypedPipelineBuilder(name, settings, {
    outside,
    deadLetters,
    onLanes: (plan, module, limits) =>
      onLanes(plan, module && { module: String(module.url), name: module.name }, limits),
  });
}

/**
 * Builds a pipeline of one chain, as the builder does: checked whole, to be run, or iterated, which
 * needs no sink. Rejects with a `ValidationError`. The compiler follows fields through the chain of a
 * builder, and not through a list. `name`: `pipeline` unless given.
 */
export async function buildPipeline(
  source: SourceComponent | Source,
  stages: readonly (StageComponent<never, Fields> | Stage<never, Fields>)[],
  sink?: SinkComponent<never> | Sink<never>,
  name = 'pipeline',
): Promise<Pipeline> {
  const problems = chainProblems(source, stages, sink);
  if (problems.length > 0) throw new ValidationError(String(name), problems);
  const builder: TypedPipelineBuilder = pipeline(name);
  const flow = builder.from(source).pipe(...(stages as readonly [StageComponent<Fields>]));
  if (sink !== undefined) flow.to(sink as Sink);
  return builder.build();
}

/**
 * The plan as it runs on as many lanes as its settings want and it can have. `origin`: where the thread
 * of a lane has the pipeline from; without one there is one lane. `early`: threads that were begun
 * before. For one run.
 */
export async function onLanes(
  plan: Plan,
  origin: LaneOrigin | undefined,
  limits: LanesLimits,
  early?: LaneWorkers,
): Promise<Plan> {
  if (plan.settings.lanes === 1) return plan;
  const { chooseLanes, oneLane } = await import('./engine/plan/lanes.ts');
  const { withLanes } = await import('./cluster/with-lanes.ts');
  if (origin !== undefined) {
    const workers = early ?? (await laneWorkers(0));
    return withLanes(plan, chooseLanes(plan, limits), workers, origin);
  }
  const choice = oneLane('it is written in code, and `module` does not say where a lane finds it');
  return { ...plan, lanes: choice };
}

/** The threads of lanes; so many begin before anybody asks for them. */
export async function laneWorkers(early: number): Promise<LaneWorkers> {
  const { LaneWorkers } = await import('./cluster/lane-workers.ts');
  const workers = new LaneWorkers(ownProgram('lane-thread'));
  workers.begin(early);
  return workers;
}

/**
 * Reads a pipeline file, YAML or JSON, to be planned by `config.plan()` and started by `startRun`.
 * Unless `options` says otherwise it names the built-in components, runs on this machine with paths
 * relative to the file, and takes `${env:NAME}` from this process.
 */
export async function readPipeline(
  file: string,
  options: Partial<ConfigOptions> = {},
): Promise<PipelineConfig> {
  // Pipelines written in code do without the reader.
  const { readConfig } = await import('./engine/config.ts');
  return readConfig(file, {
    registry: builtins(),
    outside: systemOutside(dirname(resolve(file))),
    environment: process.env,
    deadLetters: deadLetterFile(),
    ...options,
  });
}
