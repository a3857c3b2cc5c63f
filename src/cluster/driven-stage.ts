import type { Flow, Stage } from '../core/index.ts';
import { runGeneral } from '../engine/general-loop.ts';
import type { StageLoopParts } from '../engine/stage-parts.ts';

/** A stage in general form that is given its flow piece by piece, and is done with one when it asks for more. */
export class DrivenStage {
  /** Whether it takes no more. */
  isOver = false;
  #asked = heeded();
  #take: ((flow: Flow | undefined) => void) | undefined;

  constructor(parts: Omit<StageLoopParts, 'inlet'>, stage: Stage) {
    const inlet = {
      next: () => {
        const given = new Promise<Flow | undefined>((resolve) => (this.#take = resolve));
        this.#asked.resolve();
        return given;
      },
      discard: () => {},
    };
    runGeneral({ ...parts, inlet }, stage).then(
      () => {
        this.isOver = true;
        this.#asked.resolve();
      },
      (error: unknown) => this.#asked.reject(error),
    );
  }

  /** Resolves when it asks for more, or is over. Undefined: the end. Rejects with what it threw. */
  async give(flow: Flow | undefined): Promise<void> {
    await this.#asked.promise;
    this.#asked = heeded();
    this.#take!(flow);
    await this.#asked.promise;
  }
}

/** A promise that may be rejected while nobody waits: whoever comes next meets it. */
function heeded(): PromiseWithResolvers<void> {
  const made = Promise.withResolvers<void>();
  made.promise.catch(() => {});
  return made;
}
