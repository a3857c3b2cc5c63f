import { dirname } from 'node:path';

import { createEncoder, type Encoder } from '../../batch/codec.ts';
import type { Batch } from '../../batch/index.ts';
import type { FileHandle, SinkConnector, SinkContext, WriteResult } from '../../core/index.ts';
import { endOfLastLine, RecordFile } from '../../core/record-file.ts';
import { PipelineError } from '../../errors.ts';
import { deadLetterPath } from './path.ts';

/** The options with their defaults. */
export interface ParsedOptions {
  readonly path?: string | undefined;
  readonly bytesMax: number;
  readonly whenFull: 'pause' | 'fail' | 'dropOldest';
}

const retryAfterMs = 1000;

export class DeadLetterFile implements SinkConnector {
  readonly #options: ParsedOptions;
  readonly #context: SinkContext;
  readonly #encoder: Encoder;
  #path: string | undefined;
  #file: RecordFile | undefined;
  #inode = 0;
  /** What is written only in part. */
  #begun: { readonly batch: Batch; bytesWritten: number } | undefined;

  constructor(options: ParsedOptions, context: SinkContext) {
    this.#options = options;
    this.#context = context;
    this.#path = options.path;
    this.#encoder = createEncoder('ndjson', context.input, { timestamps: 'iso' });
  }

  async open(): Promise<void> {
    if (this.#path !== undefined) await this.#begin(this.#path);
  }

  async write(batch: Batch): Promise<WriteResult | void> {
    if (batch.length === 0) return;
    // Only the letters themselves tell the pipeline, and with it the directory.
    const path = (this.#path ??= defaultPath(batch));
    const lines = this.#encoder.encode(batch);
    // One that had no room for all is offered again as a whole.
    if (this.#begun?.batch !== batch) this.#begun = { batch, bytesWritten: 0 };
    const begun = this.#begun;
    while (begun.bytesWritten < lines.length) {
      await this.#follow(path);
      const part = this.#fitting(lines.subarray(begun.bytesWritten));
      if (part.length > 0) {
        await this.#append(part);
        begun.bytesWritten += part.length;
      } else if (this.#options.whenFull === 'dropOldest') await this.#dropOldest(path);
      else return this.#full(path);
    }
    this.#begun = undefined;
  }

  /** The lines that there is room for; one that is longer than the limit has it in an empty file. */
  #fitting(lines: Uint8Array): Uint8Array {
    const { bytesMax, whenFull } = this.#options;
    const limit = whenFull === 'dropOldest' ? Math.floor(bytesMax / 2) : bytesMax;
    const { sizeBytes } = this.#file!;
    const room = limit - sizeBytes;
    if (lines.length <= room) return lines;
    const end = room > 0 ? lines.lastIndexOf(10, room - 1) + 1 : 0;
    const isFirst = end === 0 && sizeBytes === 0;
    return lines.subarray(0, isFirst ? lines.indexOf(10) + 1 : end);
  }

  async #append(lines: Uint8Array): Promise<void> {
    this.#file!.add(lines);
    try {
      await this.#file!.flush();
    } catch (error) {
      // They will be offered again.
      this.#file!.discard();
      throw error;
    }
  }

  async commit(): Promise<void> {
    await this.#file?.commit();
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #begin(path: string): Promise<void> {
    // The directory is ours where the file was not named.
    if (this.#options.path === undefined)
      await this.#context.files.makeDirectory(dirname(path), 'private');
    const handle = await this.#context.files.open(path, 'private');
    try {
      const { kind, inode, sizeBytes } = await handle.facts();
      const lineBytes = kind === 'file' ? await endOfLastLine(handle, sizeBytes) : 0;
      this.#inode = inode;
      this.#file = new RecordFile(path, handle, lineBytes, kind === 'file', sizeBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Sees to it that the open file is the one at its path, and as it was left: it may have been moved
   * away, or cut, and another run may add to it.
   */
  async #follow(path: string): Promise<void> {
    const file = this.#file;
    if (file !== undefined) {
      const facts = await this.#context.files.facts(path);
      if (facts?.inode === this.#inode && facts.sizeBytes === file.sizeBytes) return;
      if (facts?.kind === 'other') return;
      await this.#leave(file);
    }
    await this.#begin(path);
  }

  async #leave(file: RecordFile): Promise<void> {
    this.#file = undefined;
    try {
      await file.commit();
    } finally {
      await file.close();
    }
  }

  async #dropOldest(path: string): Promise<void> {
    const { files, report } = this.#context;
    const older = `${path}.1`;
    if ((await files.facts(older)) !== undefined) {
      await using handle = await files.open(older, 'read');
      report.counted('deadLetters.dropped', await countLines(handle));
    }
    await this.#leave(this.#file!);
    await files.rename(path, older);
    await this.#begin(path);
  }

  #full(path: string): WriteResult {
    const { bytesMax, whenFull } = this.#options;
    const fact = `is full: \`bytesMax\` is ${bytesMax}`;
    const remedy = 'move it away or cut it once its records are dealt with';
    if (whenFull === 'fail') {
      throw new PipelineError({ code: 'ERR_DEAD_LETTERS_FULL', place: path, fact, remedy });
    }
    return { notNow: { retryAfterMs, message: `${path} ${fact}; ${remedy}` } };
  }
}

function defaultPath(batch: Batch): string {
  return deadLetterPath(batch.column('pipeline').value(batch.rows[0]!) as string);
}

async function countLines(handle: FileHandle): Promise<number> {
  const block = new Uint8Array(262_144);
  let lines = 0;
  for (let offset = 0; ;) {
    const read = await handle.read(block, offset);
    if (read === 0) return lines;
    for (let at = block.indexOf(10); at >= 0 && at < read; at = block.indexOf(10, at + 1)) lines++;
    offset += read;
  }
}
