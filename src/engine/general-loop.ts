import { type Cut, type Flow, isCut, type Stage } from '../core/index.ts';
import { takeFlow } from './inlet.ts';
import type { Observed } from './observed.ts';
import { onlyOutput } from './plan.ts';
import { assertPromised, brokenPromise } from './protocol.ts';
import { saveState, type StageLoopParts, threwOnBatch } from './stage-parts.ts';

/** What a stage was given so far. */
interface Given {
  /** Cuts that it has not passed on. */
  readonly cuts: Cut[];
  ended: boolean;
}

/** Takes the flow through a stage in general form, and sees that every cut comes out again. */
export async function runGeneral(parts: StageLoopParts, stage: Stage): Promise<void> {
  const { settle, signal } = parts;
  const { observed } = parts.nodes[0]!;
  const clock = new WorkClock(observed);
  const given: Given = { cuts: [], ended: false };
  try {
    clock.start();
    for await (const flow of stage.transform(inputOf(parts, clock, given))) {
      clock.stop();
      await passOn(parts, given, flow);
      clock.start();
    }
    await settle(observed);
    assertWhole(observed.id, given);
  } catch (error) {
    signal.throwIfAborted();
    throw threwOnBatch(observed.id, error);
  }
}

async function passOn(parts: StageLoopParts, given: Given, flow: Flow): Promise<void> {
  const { outlet, settle, signal, nodes } = parts;
  const [node] = nodes;
  const { id } = node!.observed;
  if (isCut(flow)) {
    if (flow !== given.cuts.shift()) {
      const fact = 'passed on a cut that was not the next';
      throw brokenPromise(id, fact, 'yield each cut once, in the order in which they came');
    }
    await settle(node!.observed);
    signal.throwIfAborted();
    saveState(parts, node!, flow);
    await outlet.pass(flow);
    return;
  }
  assertPromised(id, flow, node!.planned.output);
  try {
    await settle(node!.observed);
    signal.throwIfAborted();
  } catch (error) {
    flow.release();
    throw error;
  }
  await outlet.send(onlyOutput, flow);
}

/** A stage that ends early, or keeps a cut back, would leave the run waiting for ever. */
function assertWhole(id: string, { cuts, ended }: Given): void {
  const remedy = 'take the stream to its end, and yield each cut behind what came before it';
  if (!ended) throw brokenPromise(id, 'its `transform` ended before its input did', remedy);
  const [kept] = cuts;
  if (kept !== undefined) throw brokenPromise(id, `kept back cut ${kept.id}`, remedy);
}

async function* inputOf(
  { inlet, signal, nodes }: StageLoopParts,
  clock: WorkClock,
  given: Given,
): AsyncGenerator<Flow> {
  const { observed } = nodes[0]!;
  for (;;) {
    clock.stop();
    const flow = await takeFlow(inlet, observed, signal);
    clock.start();
    if (flow === undefined) {
      given.ended = true;
      return;
    }
    if (isCut(flow)) given.cuts.push(flow);
    else observed.meter.rowsIn += flow.length;
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
