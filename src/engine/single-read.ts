import { Batch } from '../batch/index.ts';
import type { SourceConnector } from '../core/index.ts';
import { aborted } from './limit.ts';

type Given = Awaited<ReturnType<SourceConnector['read']>>;

interface UnderWay {
  readonly result: Promise<{ readonly given: Given } | { readonly error: unknown }>;
  /** Of the call that began it. */
  readonly signal: AbortSignal;
}

/**
 * Reads a source once at a time, whatever its policy does. A call that is given up, as it takes too
 * long, may read on and give a batch all the same: that goes to whoever reads next. So nothing that was
 * read is lost, and nobody reads beside it.
 */
export class SingleRead {
  readonly #read: SourceConnector['read'];
  readonly #stop: AbortSignal;
  #underWay: UnderWay | undefined;

  /** `stop`: where it aborts, what is under way is still wanted. */
  constructor(read: SourceConnector['read'], stop: AbortSignal) {
    this.#read = read;
    this.#stop = stop;
  }

  /** What is read next. Rejects with the reason of the signal where that gave it up meanwhile. */
  async next(signal: AbortSignal): Promise<Given> {
    for (;;) {
      const read = (this.#underWay ??= { result: settled(this.#read(signal)), signal });
      const result = await read.result;
      // Another call took it, as that of a hedge does; this one is of no use, and is told so.
      if (this.#underWay !== read) await aborted(signal);
      if (signal !== this.#stop) signal.throwIfAborted();
      this.#underWay = undefined;
      if ('given' in result) return result.given;
      // Unless it ended as it was told to by the call that began it, and that was given up.
      if (read.signal === signal || !read.signal.aborted) throw result.error;
    }
  }

  /** Lets go of what is given and nobody takes. */
  async letGo(): Promise<void> {
    const read = this.#underWay;
    this.#underWay = undefined;
    const result = await read?.result;
    if (result !== undefined && 'given' in result && result.given instanceof Batch) {
      result.given.release();
    }
  }
}

async function settled(reading: Promise<Given>): UnderWay['result'] {
  try {
    return { given: await reading };
  } catch (error) {
    return { error };
  }
}
