import { Buffer } from 'node:buffer';
import { dirname } from 'node:path';

import {
  createEncoder,
  type EncodeFormat,
  type EncodeOptions,
  type Encoder,
} from '../../batch/codec.ts';
import type { Batch } from '../../batch/index.ts';
import type { FileHandle, SinkConnector, SinkContext } from '../../core/index.ts';
import { RecordFile } from '../../core/record-file.ts';
import { examine } from './append.ts';

/** Where and how a file is written. */
export interface FileWriting {
  readonly path: string;
  readonly format: EncodeFormat;
  readonly mode: 'replace' | 'append';
  readonly encode: Omit<EncodeOptions, 'report'>;
}

const nothing = new Uint8Array(0);

/** Writes whole records to one file, durable at each commit. */
export class FileSink implements SinkConnector {
  readonly #writing: FileWriting;
  readonly #context: SinkContext;
  readonly #encoder: Encoder;
  #file: RecordFile | undefined;
  // Goes before the first record that is added to an array.
  #separator: Uint8Array = nothing;

  constructor(writing: FileWriting, context: SinkContext) {
    this.#writing = writing;
    this.#context = context;
    const options = { ...writing.encode, report: context.report };
    this.#encoder = createEncoder(writing.format, context.input, options);
  }

  async open(): Promise<void> {
    const { path, mode } = this.#writing;
    const { files } = this.#context;
    const parent = dirname(path);
    if ((await files.facts(parent)) === undefined) await files.makeDirectory(parent);
    const handle = await files.open(path, mode);
    try {
      this.#file = await this.#start(handle);
      await this.#file.flush();
    } catch (error) {
      this.#file = undefined;
      await handle.close();
      throw error;
    }
  }

  // Room is made before the batch is taken: where that fails, it can be offered again.
  async write(batch: Batch): Promise<void> {
    const file = this.#file!;
    await file.makeRoom();
    if (batch.length === 0) return;
    const records = this.#encoder.encode(batch);
    file.add(this.#separator);
    this.#separator = nothing;
    file.add(records);
    file.endWith(this.#encoder.end());
  }

  async commit(): Promise<void> {
    await this.#file!.commit();
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #start(handle: FileHandle): Promise<RecordFile> {
    const { path, mode, format, encode } = this.#writing;
    const { kind } = await handle.facts();
    const begin = Buffer.from(this.#encoder.begin());
    const found =
      mode === 'append'
        ? await examine(path, handle, format, begin, encode.delimiter ?? ',')
        : undefined;
    if (found !== undefined && found.tornBytes > 0) {
      this.#context.log.warning('file.mended', { path, tornBytes: found.tornBytes });
    }
    const file = new RecordFile(path, handle, found?.recordBytes ?? 0, kind === 'file');
    this.#separator = nothing;
    file.endWith(this.#encoder.end());
    if (found === undefined || found.isEmpty) file.add(begin);
    else if (format === 'json') {
      this.#separator = Buffer.from(',');
      file.endWith(Buffer.from('\n]\n'));
    } else if (found.lacksLineEnd) file.add(Buffer.from('\n'));
    return file;
  }
}
