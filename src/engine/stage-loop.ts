import { Batch } from '../batch/index.ts';
import {
  type Cut,
  type Flow,
  isCut,
  isStage,
  type Stage,
  type StageInstance,
  type StageProcess,
} from '../core/index.ts';
import { isPipelineError, PipelineError, reasonOf } from '../errors.ts';
import type { Cuts } from './checkpoint.ts';
import type { Inlet } from './inlet.ts';
import type { Observed } from './observed.ts';
import type { Outlet } from './outlet.ts';
import { onlyOutput, type PlannedStage } from './plan.ts';

/** A stage that was created for a run. */
export interface StageNodeParts {
  readonly planned: PlannedStage;
  readonly instance: StageInstance;
  readonly observed: Observed;
}

export interface StageLoopParts {
  /** Neighbours that run in one hop: batch functions, each with one input and one reader. */
  readonly nodes: readonly StageNodeParts[];
  readonly inlet: Inlet;
  readonly outlet: Outlet;
  readonly cuts: Cuts;
  /** Whether cuts are saved anywhere, so that state is worth a snapshot. */
  readonly saves: boolean;
  readonly settle: (observed: Observed) => Promise<void>;
  readonly signal: AbortSignal;
}

/** True where a stage may share a hop with its neighbours. */
export function isFusible(instance: StageInstance): boolean {
  return !isStage(instance);
}

/** Takes the flow through a chain of stages. */
export async function runStages(parts: StageLoopParts): Promise<void> {
  const { nodes, outlet } = parts;
  const { instance } = nodes[0]!;
  if (isStage(instance)) await runGeneral(parts, instance);
  else await runFused(parts);
  outlet.close();
}

async function runFused(parts: StageLoopParts): Promise<void> {
  const { nodes, inlet, outlet, signal } = parts;
  const first = nodes[0]!.observed;
  for (;;) {
    let flow = inlet.next();
    if (flow instanceof Promise) flow = await first.waited('idleMs', flow);
    signal.throwIfAborted();
    if (flow === undefined) return;
    if (isCut(flow)) {
      for (const node of nodes) saveState(parts, node, flow);
      await outlet.pass(flow);
    } else await throughFused(parts, flow);
  }
}

async function throughFused(parts: StageLoopParts, input: Batch): Promise<void> {
  const { nodes, outlet, settle, signal } = parts;
  let batch = input;
  for (const [index, { planned, instance, observed }] of nodes.entries()) {
    const process =
      typeof instance === 'function' ? instance : (instance as { process: StageProcess }).process;
    observed.meter.rowsIn += batch.length;
    const working = observed.worked(() => call(process, batch, signal, observed));
    const result = working instanceof Promise ? await working : working;
    if (observed.tally.failures.length > 0) await settle(observed);
    if (!(result instanceof Batch)) {
      await sendEach(outlet, planned, result);
      if (!Object.values(result).includes(batch)) batch.release();
      return;
    }
    if (result !== batch) batch.release();
    batch = result;
    if (index < nodes.length - 1) observed.meter.rowsOut += batch.length;
    if (batch.length === 0) break;
  }
  await outlet.send(onlyOutput, batch);
}

async function sendEach(
  outlet: Outlet,
  planned: PlannedStage,
  batches: Readonly<Record<string, Batch>>,
): Promise<void> {
  for (const output of planned.outputs) {
    const batch = batches[output];
    if (batch !== undefined) await outlet.send(output, batch);
  }
}

type StageResult = Batch | Readonly<Record<string, Batch>>;

function call(
  process: StageProcess,
  batch: Batch,
  signal: AbortSignal,
  observed: Observed,
): StageResult | Promise<StageResult> {
  const failed = (error: unknown): never => {
    throw stageFailed(observed, error);
  };
  try {
    const result = process(batch, signal);
    return result instanceof Promise ? result.catch(failed) : result;
  } catch (error) {
    return failed(error);
  }
}

async function runGeneral(parts: StageLoopParts, stage: Stage): Promise<void> {
  const { outlet, settle, signal } = parts;
  const node = parts.nodes[0]!;
  const { observed } = node;
  const clock = new WorkClock(observed);
  const output = stage.transform(inputOf(parts, clock));
  try {
    clock.start();
    for await (const flow of output) {
      clock.stop();
      signal.throwIfAborted();
      await settle(observed);
      if (isCut(flow)) {
        saveState(parts, node, flow);
        await outlet.pass(flow);
      } else await outlet.send(onlyOutput, flow);
      clock.start();
    }
    await settle(observed);
  } catch (error) {
    signal.throwIfAborted();
    throw stageFailed(observed, error);
  }
}

async function* inputOf(parts: StageLoopParts, clock: WorkClock): AsyncGenerator<Flow> {
  const { inlet, signal, nodes } = parts;
  const { observed } = nodes[0]!;
  for (;;) {
    clock.stop();
    let flow = inlet.next();
    if (flow instanceof Promise) flow = await observed.waited('idleMs', flow);
    signal.throwIfAborted();
    if (flow === undefined) return;
    clock.start();
    if (!isCut(flow)) observed.meter.rowsIn += flow.length;
    yield flow;
  }
}

/** Time at work in a generator: what passes while it neither waits for input nor for room. */
class WorkClock {
  readonly #observed: Observed;
  #started: number | undefined;

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  start(): void {
    this.#started ??= this.#observed.now();
  }

  stop(): void {
    if (this.#started === undefined) return;
    this.#observed.meter.worked(this.#observed.now() - this.#started);
    this.#started = undefined;
  }
}

function saveState(
  { cuts, saves }: StageLoopParts,
  { planned, instance }: StageNodeParts,
  cut: Cut,
): void {
  if (!saves || typeof instance === 'function' || instance.snapshot === undefined) return;
  cuts.snapshot(cut, planned.node.id, instance.snapshot());
}

function stageFailed(observed: Observed, error: unknown): unknown {
  if (isPipelineError(error) && error.code !== 'ERR_BATCH_RELEASED') return error;
  return new PipelineError({
    code: 'ERR_STAGE_FAILED',
    place: observed.id,
    fact: `failed on a whole batch: ${reasonOf(error)}`,
    remedy:
      'a stage reports rows that fail with report.failed and throws only when it cannot go on',
    cause: error,
  });
}
