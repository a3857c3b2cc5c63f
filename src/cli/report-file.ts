import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

import { PipelineError, reasonOf } from '../errors.ts';

/** The file that a report is written to, too. */
export class ReportFile {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes sure, before anything runs, that it can be written; what it holds stays until then. */
  static async open(path: string): Promise<ReportFile> {
    const file = new ReportFile(path);
    await file.#attempt(async () => {
      await mkdir(dirname(path), { recursive: true });
      await using _handle = await open(path, 'a');
    });
    return file;
  }

  /** Replaces what it holds. Throws `ERR_CONNECTOR_FILE` where that cannot be. */
  async write(text: string): Promise<void> {
    await this.#attempt(async () => {
      await using handle = await open(this.#path, 'w');
      await handle.writeFile(text);
    });
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw new PipelineError({
        code: 'ERR_CONNECTOR_FILE',
        place: `--report-file ${this.#path}`,
        fact: `cannot be written: ${reasonOf(error)}`,
        remedy: 'name a file in a directory that you may write',
        cause: error,
      });
    }
  }
}
