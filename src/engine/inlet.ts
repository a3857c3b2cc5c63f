import { type Cut, type Flow, isCut } from '../core/index.ts';
import type { Queue } from './queue.ts';
import { Wakeup } from './wakeup.ts';

/** The input side of a node: its flows in order, undefined at the end. */
export interface Inlet {
  next(): Flow | Promise<Flow | undefined> | undefined;
}

export function inletOf(queues: readonly Queue[]): Inlet {
  const [only] = queues;
  return queues.length === 1 ? { next: () => only!.pop() } : new AligningInlet(queues);
}

interface Input {
  readonly queue: Queue;
  ready: Flow | undefined;
  popping: boolean;
  ended: boolean;
}

/** Takes turns between several queues; a cut goes on when it has come on all of them. */
class AligningInlet implements Inlet {
  readonly #inputs: Input[];
  readonly #wakeup = new Wakeup();
  #turn = 0;

  constructor(queues: readonly Queue[]) {
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

  #pop(input: Input): void {
    if (input.ready !== undefined || input.popping || input.ended) return;
    const popped = input.queue.pop();
    if (!(popped instanceof Promise)) {
      input.ready = popped;
      input.ended = popped === undefined;
      return;
    }
    input.popping = true;
    void popped.then((flow) => {
      input.popping = false;
      input.ready = flow;
      input.ended = flow === undefined;
      this.#wakeup.set();
    });
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
