import { Batch } from '../batch/index.ts';
import { isCut, isStage, type StageInstance, type StageProcess } from '../core/index.ts';
import { runGeneral } from './general-loop.ts';
import { takeFlow } from './inlet.ts';
import { onlyOutput, type PlannedStage } from './planned.ts';
import { assertPromised, brokenPromise } from './protocol.ts';
import {
  saveState,
  type StageLoopParts,
  type StageNodeParts,
  threwOnBatch,
} from './stage-parts.ts';
import { traced } from './traced.ts';

/** True where a stage may share a hop with its neighbours. */
export function isFusible(instance: StageInstance): boolean {
  return !isStage(instance);
}

/** Takes the flow through a chain of stages. */
export async function runStages(parts: StageLoopParts): Promise<void> {
  const { nodes, outlet } = parts;
  const { instance, planned } = nodes[0]!;
  if (planned.work !== undefined) await planned.work(parts);
  else if (isStage(instance)) await runGeneral(parts, instance);
  else await runFused(parts);
  outlet.close();
}

async function runFused(parts: StageLoopParts): Promise<void> {
  const { nodes, inlet, outlet, signal } = parts;
  for (;;) {
    // The first waits when the last of them that had something to do is done.
    let sinceMs = 0;
    for (const { observed } of nodes) sinceMs = Math.max(sinceMs, observed.lastMs);
    const flow = await takeFlow(inlet, nodes[0]!.observed, signal, sinceMs);
    if (flow === undefined) return;
    if (isCut(flow)) {
      for (const node of nodes) {
        node.observed.checkLedger();
        saveState(parts, node, flow);
      }
      await outlet.pass(flow);
    } else {
      for (const [output, batch] of await throughFused(parts, flow)) {
        await outlet.send(output, batch);
      }
    }
  }
}

/** Batches by output, each with a hold of its own. */
export type Products = readonly (readonly [output: string, batch: Batch])[];

/** Takes over the hold on a batch and gives what the chain makes of it. */
async function throughFused(parts: StageLoopParts, input: Batch): Promise<Products> {
  const { nodes, settle, signal } = parts;
  let products: Products = [[onlyOutput, input]];
  try {
    for (const [index, node] of nodes.entries()) {
      const { observed } = node;
      const batch = products[0]![1];
      if (index > 0) nodes[index - 1]!.observed.meter.sent(batch.length);
      if (index > 0 && batch.length === 0) break;
      products = await throughStage(node, batch, signal);
      if (observed.tally.failures.length > 0) await settle(observed);
    }
    return products;
  } catch (error) {
    for (const [, batch] of products) batch.release();
    throw error;
  }
}

/** Takes over the hold on a batch, unless the stage throws, and gives what the stage makes of it. */
export async function throughStage(
  node: StageNodeParts,
  batch: Batch,
  signal: AbortSignal,
): Promise<Products> {
  const { observed } = node;
  const { length } = batch;
  observed.meter.rowsIn += length;
  observed.begin();
  let rows = 0;
  try {
    const working = work(node, batch, signal);
    const products = working instanceof Promise ? await working : working;
    rows = length;
    return products;
  } catch (error) {
    if (!signal.aborted) observed.throws++;
    throw error;
  } finally {
    observed.end(rows);
  }
}

function work(
  node: StageNodeParts,
  batch: Batch,
  signal: AbortSignal,
): Products | Promise<Products> {
  const { observed } = node;
  const { tracing } = observed;
  // A closure is made for traced runs alone.
  if (tracing === undefined) return call(node, batch, signal);
  return traced(observed, tracing, batch, () => call(node, batch, signal));
}

/** Calls a stage with a batch. Takes over the hold on it, unless the stage throws. */
function call(
  node: StageNodeParts,
  batch: Batch,
  signal: AbortSignal,
): Products | Promise<Products> {
  const { planned, instance } = node;
  const process =
    typeof instance === 'function' ? instance : (instance as { process: StageProcess }).process;
  const failed = (error: unknown): never => {
    throw threwOnBatch(node, error);
  };
  const taken = (result: unknown): Products => productsOf(planned, batch, result);
  let result: ReturnType<StageProcess>;
  try {
    result = process(batch, signal);
  } catch (error) {
    return failed(error);
  }
  return result instanceof Promise ? result.catch(failed).then(taken) : taken(result);
}

/** What a stage gave, by output, in place of its input. Throws where it broke its promises. */
function productsOf(
  { node, output, outputs }: PlannedStage,
  input: Batch,
  result: unknown,
): Products {
  const isOne = outputs.length === 1 && outputs[0] === onlyOutput;
  if (isOne) {
    assertPromised(node.id, result, output);
    result.origin.readMs ??= input.origin.readMs;
    result.origin.trace ??= input.origin.trace;
    if (result !== input) input.release();
    return [[onlyOutput, result]];
  }
  const given = new Map(Object.entries((result ?? {}) as Record<string, unknown>));
  if (result instanceof Batch || [...given.keys()].some((name) => !outputs.includes(name))) {
    const fact = `gave ${result instanceof Batch ? 'one batch' : [...given.keys()].join(', ')} for its outputs ${outputs.join(', ')}`;
    throw brokenPromise(node.id, fact, 'give a batch by the name of each output that has rows');
  }
  const products = outputs.flatMap((name): Products => {
    const batch = given.get(name);
    if (batch === undefined) return [];
    assertPromised(node.id, batch, output);
    batch.origin.readMs ??= input.origin.readMs;
    batch.origin.trace ??= input.origin.trace;
    return [[name, batch]];
  });
  const seen = new Set<Batch>();
  for (const [, batch] of products) {
    // One batch for two outputs: the hold that was handed over is one.
    if (seen.has(batch)) batch.retain();
    seen.add(batch);
  }
  if (!seen.has(input)) input.release();
  return products;
}
