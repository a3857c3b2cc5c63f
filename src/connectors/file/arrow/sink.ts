import { dirname, extname } from 'node:path';

import { fieldOf } from '../../../batch/arrow/from-arrow.ts';
import { type Batch, Schema, Selection } from '../../../batch/index.ts';
import type { FileHandle, SinkConnector, SinkContext, WriteResult } from '../../../core/index.ts';
import { RecordFile } from '../../../core/record-file.ts';
import { PipelineError } from '../../../errors.ts';
import { timesBeyond } from '../times.ts';
import { ArrowEncoder } from './encoder.ts';
import { messageAt } from './messages.ts';
import { type ArrowPackage, loadPackage } from './peer.ts';

/** Where Arrow is written. */
export interface ArrowWriting {
  readonly path: string;
  readonly mode: 'replace' | 'append';
}

/** By these names a file has a table of its record batches at its end; by others it is a stream. */
const fileExtensions: readonly string[] = ['.arrow', '.feather'];

/** Writes Arrow: whole record batches, and behind them what ends the file, durable at each commit. */
export class ArrowSink implements SinkConnector {
  readonly #writing: ArrowWriting;
  readonly #context: SinkContext;
  #encoder: ArrowEncoder | undefined;
  #file: RecordFile | undefined;

  constructor(writing: ArrowWriting, context: SinkContext) {
    this.#writing = writing;
    this.#context = context;
  }

  async open(): Promise<void> {
    const { path, mode } = this.#writing;
    const { files, input, clock } = this.#context;
    const arrow = await clock.hold(loadPackage());
    const isFile = fileExtensions.includes(extname(path).toLowerCase());
    if (isFile && mode === 'append' && (await files.facts(path)) !== undefined) {
      throw refused(path, 'has a table at its end, which `append` does not write anew');
    }
    const table = isFile ? await clock.hold(import('apache-arrow/ipc/metadata/file')) : undefined;
    const encoder = (this.#encoder = new ArrowEncoder(arrow, input, table));
    const directory = dirname(path);
    if ((await files.facts(directory)) === undefined) await files.makeDirectory(directory);
    const handle = await files.open(path, mode);
    try {
      const { kind } = await handle.facts();
      const bytes = mode === 'append' ? await this.#wholeBytes(arrow, handle) : 0;
      this.#file = new RecordFile(path, handle, bytes, kind === 'file');
      const begin = encoder.begin();
      if (bytes === 0) this.#file.add(begin);
      this.#file.endWith(encoder.end());
      await this.#file.flush();
    } catch (error) {
      this.#file = undefined;
      await handle.close();
      throw error;
    }
  }

  // Room is made before the batch is taken: where that fails, it can be offered again. And only where
  // something is added then, since a commit writes the end of the file with what it has to add.
  async write(batch: Batch): Promise<WriteResult | void> {
    const [file, encoder] = [this.#file!, this.#encoder!];
    const failed = timesBeyond(batch);
    const rows = without(batch, failed);
    try {
      if (rows.length > 0) {
        await file.makeRoom();
        file.add(encoder.encode(rows));
      }
    } finally {
      rows.release();
    }
    return failed.length === 0 ? undefined : { failed };
  }

  /** The table of all record batches is made here: with each batch it would take longer and longer. */
  async commit(): Promise<void> {
    const file = this.#file!;
    file.endWith(this.#encoder!.end());
    await file.commit();
    await file.assertThere();
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** Up to where a stream is whole; its end and what is torn are behind that. */
  async #wholeBytes(arrow: ArrowPackage, handle: FileHandle): Promise<number> {
    const { path } = this.#writing;
    const { input, log } = this.#context;
    const { sizeBytes } = await handle.facts();
    let end = 0;
    for (;;) {
      const message = await messageAt(arrow, path, handle, end);
      if (typeof message === 'string' || message.end > sizeBytes) {
        if (message !== 'end' && end < sizeBytes) {
          log.warning('file.mended', { path, tornBytes: sizeBytes - end });
        }
        return end;
      }
      if (message.schema !== undefined) {
        const fields = message.schema.fields as unknown as Parameters<typeof fieldOf>[0][];
        const found = new Schema(fields.map(fieldOf));
        if (!found.equals(input)) throw refused(path, 'has rows of another schema');
      }
      end = message.end;
    }
  }
}

/** The batch, held anew, without rows that cannot be stored. */
function without(batch: Batch, failed: readonly { readonly row: number }[]): Batch {
  if (failed.length === 0) return batch.retain();
  const out = new Set(failed.map(({ row }) => row));
  const rows = batch.rows.slice(0, batch.length).filter((row) => !out.has(row));
  return batch.select(new Selection(rows, rows.length));
}

function refused(path: string, fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONNECTOR_FILE',
    place: path,
    fact,
    remedy: 'append to another file, such as one named `.arrows`, or set `mode: replace`',
  });
}
