import type { Writable } from 'node:stream';

import { PipelineError } from '../errors.ts';
import { fileError } from './system-files.ts';

/** A stream of bytes that others use too, as standard output: written to, and never ended. */
export class Output {
  readonly #place: string;
  readonly #stream: Writable;
  #failure: PipelineError | undefined;

  /** `place`: how errors name it. */
  constructor(place: string, stream: Writable) {
    this.#place = place;
    this.#stream = stream;
    // Without a listener a reader that goes away would end the process; the write rejects as well.
    stream.on('error', this.#failed);
  }

  /** Whether a write would neither fail nor wait behind another. */
  get isFree(): boolean {
    return this.#failure === undefined && this.#stream.writableLength === 0;
  }

  /**
   * Resolves when the system has taken the bytes, however slowly they are read. Once what reads has
   * closed its end, this and every later write throws `ERR_OUTPUT_CLOSED`.
   */
  write(bytes: Uint8Array | string, signal: AbortSignal): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (bytes.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      this.#stream.write(bytes, (error) => {
        signal.removeEventListener('abort', abort);
        if (error === null || error === undefined) return resolve();
        this.#failed(error);
        reject(this.#failure!);
      });
    });
  }

  /** Says that nothing more will be written. A write that was given up may still fail: unheard. */
  release(): void {
    if (this.#stream.writableLength === 0) this.#stream.off('error', this.#failed);
  }

  readonly #failed = (error: unknown): void => {
    this.#failure ??= outputError(this.#place, error);
  };
}

const closedCodes = ['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'EOF'];

function outputError(place: string, error: unknown): PipelineError {
  if (closedCodes.includes((error as NodeJS.ErrnoException).code ?? '')) {
    const fact = 'what reads the output has closed it';
    return new PipelineError({ code: 'ERR_OUTPUT_CLOSED', place, fact, cause: error });
  }
  const { fact } = fileError(place, error);
  const remedy = 'make room there, or write elsewhere';
  return new PipelineError({ code: 'ERR_CONNECTOR_FILE', place, fact, remedy, cause: error });
}
