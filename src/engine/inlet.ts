import { type Cut, type Flow, isCut } from '../core/index.ts';
import type { Observed } from './observed.ts';
import type { FlowQueue } from './queue.ts';
import { Wakeup } from './wakeup.ts';

/** The input side of a node. */
export interface Inlet {
  /** The next flow; undefined at the end. */
  next(): Flow | Promise<Flow | undefined> | undefined;
  /** Throws away what has not been taken, for a run that is stopped at once. */
  discard(): void;
}

export function inletOf(queues: readonly FlowQueue[]): Inlet {
  const [only] = queues;
  if (queues.length !== 1) return new AligningInlet(queues);
  return { next: () => only!.pop(), discard: () => only!.discard() };
}

/**
 * Takes the next flow; undefined at the end. The wait counts as idle, from `sinceMs` on. Throws,
 * holding nothing, once the run is stopped at once.
 */
export async function takeFlow(
  inlet: Inlet,
  observed: Observed,
  signal: AbortSignal,
  sinceMs: number = observed.lastMs,
): Promise<Flow | undefined> {
  let flow = inlet.next();
  if (flow instanceof Promise) {
    observed.waits('idleMs', sinceMs);
    flow = await flow;
    observed.waited('idleMs');
  }
  if (signal.aborted) letGo(flow);
  signal.throwIfAborted();
  return flow;
}

function letGo(flow: Flow | undefined): void {
  if (flow !== undefined && !isCut(flow)) flow.release();
}

interface Input {
  readonly queue: FlowQueue;
  ready: Flow | undefined;
  popping: boolean;
  ended: boolean;
}

/** Takes turns between several queues; a cut goes on when it has come on all of them. */
class AligningInlet implements Inlet {
  readonly #inputs: Input[];
  readonly #wakeup = new Wakeup();
  #turn = 0;
  #discarded = false;

  constructor(queues: readonly FlowQueue[]) {
    this.#inputs = queues.map((queue) => ({
      queue,
      ready: undefined,
      popping: false,
      ended: false,
    }));
  }

  async next(): Promise<Flow | undefined> {
    for (;;) {
      for (const input of this.#inputs) this.#pop(input);
      const batch = this.#takeBatch();
      if (batch !== undefined) return batch;
      if (this.#inputs.every(({ ended }) => ended)) return undefined;
      const cut = this.#takeCut();
      if (cut !== undefined) return cut;
      await this.#wakeup.wait();
    }
  }

  discard(): void {
    this.#discarded = true;
    for (const input of this.#inputs) {
      input.queue.discard();
      this.#take(input, undefined);
    }
    this.#wakeup.set();
  }

  #pop(input: Input): void {
    if (input.ready !== undefined || input.popping || input.ended) return;
    const popped = input.queue.pop();
    if (!(popped instanceof Promise)) {
      this.#take(input, popped);
      return;
    }
    input.popping = true;
    void popped.then((flow) => {
      input.popping = false;
      this.#take(input, flow);
      this.#wakeup.set();
    });
  }

  #take(input: Input, flow: Flow | undefined): void {
    if (this.#discarded) {
      letGo(input.ready);
      letGo(flow);
    }
    input.ready = this.#discarded ? undefined : flow;
    input.ended = input.ready === undefined;
  }

  #takeBatch(): Flow | undefined {
    for (let tried = 0; tried < this.#inputs.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#inputs.length;
      const input = this.#inputs[this.#turn]!;
      if (input.ready === undefined || isCut(input.ready)) continue;
      const batch = input.ready;
      input.ready = undefined;
      return batch;
    }
    return undefined;
  }

  #takeCut(): Cut | undefined {
    const open = this.#inputs.filter(({ ended }) => !ended);
    const [first] = open;
    if (!open.every(({ ready }) => ready !== undefined && isCut(ready))) return undefined;
    for (const input of open) if (input !== first) input.ready = undefined;
    const cut = first!.ready as Cut;
    first!.ready = undefined;
    return cut;
  }
}
