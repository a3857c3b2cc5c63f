import type { Batch } from '../batch/index.ts';
import { type Cut, type Flow, isCut, type Stage } from '../core/index.ts';
import { takeFlow } from './inlet.ts';
import type { Observed } from './observed.ts';
import { onlyOutput } from './planned.ts';
import { assertPromised, brokenPromise } from './protocol.ts';
import { saveState, type StageLoopParts, threwOnBatch } from './stage-parts.ts';
import { GivenTraces } from './traced.ts';

/** What a stage was given so far. */
interface Given {
  /** Cuts that it has not passed on. */
  readonly cuts: Cut[];
  ended: boolean;
  /** What it was given last. */
  newest: Flow | undefined;
  /** When the source gave the newest batch. */
  readMs: number | undefined;
  readonly traces: GivenTraces;
}

/**
 * Takes the flow through a stage in general form, and sees that every cut comes out again. The last
 * one goes on behind what the stage gives at the end of its input. Where the run is stopped and
 * saved, what the stage holds stays in its snapshot instead.
 */
export async function runGeneral(parts: StageLoopParts, stage: Stage): Promise<void> {
  const { cuts, settle, signal } = parts;
  const node = parts.nodes[0]!;
  const { observed } = node;
  const clock = new WorkClock(observed);
  const given: Given = {
    cuts: [],
    ended: false,
    newest: undefined,
    readMs: undefined,
    traces: new GivenTraces(observed),
  };
  let last: Cut | undefined;
  try {
    clock.start();
    for await (const flow of stage.transform(inputOf(parts, clock, given))) {
      clock.stop();
      if (!isCut(flow)) await send(parts, flow, given);
      else {
        assertNext(observed.id, given, flow);
        // All that came before it is done; behind it nothing has come.
        if (flow === given.newest && !cuts.isFinal(flow)) clock.batchOver();
        if (!cuts.isFinal(flow)) await pass(parts, flow);
        else if (keepsHeld(parts, stage)) return await pass(parts, flow);
        else last = flow;
      }
      clock.start();
    }
    await settle(observed);
    assertWhole(observed.id, given);
    if (last !== undefined) await pass(parts, last);
  } catch (error) {
    signal.throwIfAborted();
    observed.throws++;
    given.traces.threw(error);
    throw threwOnBatch(node, error);
  } finally {
    clock.stop();
    clock.batchOver();
    // An error behind the last batch is told too.
    observed.tellMonitor();
  }
}

function keepsHeld({ saves, isStopping }: StageLoopParts, { snapshot }: Stage): boolean {
  return saves && isStopping() && snapshot !== undefined;
}

async function pass(parts: StageLoopParts, cut: Cut): Promise<void> {
  const { outlet, settle, signal, nodes } = parts;
  const [node] = nodes;
  await settle(node!.observed);
  signal.throwIfAborted();
  saveState(parts, node!, cut);
  await outlet.pass(cut);
}

async function send(parts: StageLoopParts, batch: Batch, { readMs, traces }: Given): Promise<void> {
  const { outlet, settle, signal, nodes } = parts;
  const { planned, observed } = nodes[0]!;
  assertPromised(observed.id, batch, planned.output);
  batch.origin.readMs ??= readMs;
  traces.gave(batch);
  try {
    await settle(observed);
    signal.throwIfAborted();
  } catch (error) {
    batch.release();
    throw error;
  }
  await outlet.send(onlyOutput, batch);
}

function assertNext(id: string, { cuts }: Given, cut: Cut): void {
  if (cut === cuts.shift()) return;
  const remedy = 'yield each cut once, in the order in which they came';
  throw brokenPromise(id, 'passed on a cut that was not the next', remedy);
}

/** A stage that ends early, or keeps a cut back, would leave the run waiting for ever. */
function assertWhole(id: string, { cuts, ended }: Given): void {
  const remedy = 'take the stream to its end, and yield each cut behind what came before it';
  if (!ended) throw brokenPromise(id, 'its `transform` ended before its input did', remedy);
  const [kept] = cuts;
  if (kept !== undefined) throw brokenPromise(id, `kept back cut ${kept.id}`, remedy);
}

async function* inputOf(
  { inlet, isStopping, signal, nodes }: StageLoopParts,
  clock: WorkClock,
  given: Given,
): AsyncGenerator<Flow> {
  const { observed, inputEnded } = nodes[0]!;
  for (;;) {
    clock.stop();
    const flow = await takeFlow(inlet, observed, signal);
    given.newest = flow;
    if (flow !== undefined && !isCut(flow)) clock.batchOver(flow.length);
    clock.start();
    if (flow === undefined) {
      given.ended = true;
      // What a stop leaves of the input may come in the next run.
      if (!isStopping()) inputEnded();
      return;
    }
    if (isCut(flow)) given.cuts.push(flow);
    else {
      observed.meter.rowsIn += flow.length;
      given.readMs = flow.origin.readMs;
      given.traces.take(flow);
    }
    yield flow;
  }
}

/**
 * Time at work in a generator: what passes while it waits neither for input, nor for room, nor for the
 * outside. All pieces of it until the next batch comes count to the batch before.
 */
class WorkClock {
  readonly #observed: Observed;
  #isAtWork = false;
  /** Of the batch that it may be at work on. */
  #rows: number | undefined;
  #workMs = 0;

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  start(): void {
    if (!this.#isAtWork) this.#observed.begin();
    this.#isAtWork = true;
  }

  stop(): void {
    if (this.#isAtWork) this.#workMs += this.#observed.endPiece();
    this.#isAtWork = false;
  }

  /** Nothing more counts to the batch before. `next`: the rows of the one that it is given now. */
  batchOver(next?: number): void {
    if (this.#rows !== undefined) {
      this.#observed.worked(this.#workMs, this.#rows);
      this.#workMs = 0;
    }
    this.#rows = next;
  }
}
