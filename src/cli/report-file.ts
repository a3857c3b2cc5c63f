import { Buffer } from 'node:buffer';
import { dirname } from 'node:path';

import { systemFiles } from '../core/index.ts';
import { isPipelineError, PipelineError } from '../errors.ts';

/** The file that a report is written to, too. */
export class ReportFile {
  readonly #path: string;
  readonly #files = systemFiles();

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes sure, before anything runs, that it can be written; what it holds stays until then. */
  static async open(path: string): Promise<ReportFile> {
    const file = new ReportFile(path);
    await file.#attempt(async () => {
      await file.#files.makeDirectory(dirname(path));
      await using _handle = await file.#files.open(path, 'append');
    });
    return file;
  }

  /** Replaces what it holds. Throws `ERR_CONNECTOR_FILE` where that cannot be. */
  async write(text: string): Promise<void> {
    await this.#attempt(async () => {
      await using handle = await this.#files.open(this.#path, 'replace');
      await handle.append(Buffer.from(text));
    });
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isPipelineError(error)) throw error;
      throw new PipelineError({
        code: 'ERR_CONNECTOR_FILE',
        place: `--report-file ${this.#path}`,
        fact: error.fact,
        remedy: 'name a file in a directory that you may write',
        cause: error,
      });
    }
  }
}
