import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';

import type { LaneBeginning } from './messages.ts';

/**
 * The threads of the lanes of a run. One that is begun early loads its code while the run still reads
 * the pipeline, and waits for what it is to do.
 */
export class LaneWorkers {
  readonly #beginning: LaneBeginning;
  readonly #entry: URL;
  readonly #early: (Worker | undefined)[] = [];

  /** `entry`: the file that a thread runs. */
  constructor(entry: URL) {
    this.#beginning = { compileCache: compileCacheOf() };
    this.#entry = entry;
  }

  /** Begins so many before anybody asks for them. They keep no process. */
  begin(count: number): void {
    for (let index = this.#early.length; index < count; index++) {
      const worker = this.#start(index);
      worker.unref();
      // What goes wrong before it is taken is seen by whoever does its work instead.
      worker.on('error', () => {});
      this.#early.push(worker);
    }
  }

  /** The thread of a lane, for whoever takes it to end. */
  take(index: number): Worker {
    const early = this.#early[index];
    // One that has ended has no id.
    if (early === undefined || early.threadId === -1) return this.#start(index);
    this.#early[index] = undefined;
    early.removeAllListeners('error');
    early.ref();
    return early;
  }

  /** Ends those that nobody took. */
  end(): void {
    for (const worker of this.#early.splice(0)) void worker?.terminate();
  }

  #start(index: number): Worker {
    return new Worker(this.#entry, {
      name: `millrace-${laneId(index)}`,
      workerData: this.#beginning,
    });
  }
}

/** How a lane is called. */
export function laneId(index: number): string {
  return `lane-${index + 1}`;
}

/** What to enable for the same cache: Node puts a directory of its version below. */
function compileCacheOf(): string | undefined {
  const directory = getCompileCacheDir();
  return directory === undefined ? undefined : dirname(directory);
}
