import { Buffer } from 'node:buffer';
import { dirname } from 'node:path';

import {
  createEncoder,
  type EncodeFormat,
  type EncodeOptions,
  type Encoder,
} from '../../batch/codec.ts';
import { type Batch, EncodedBatch } from '../../batch/index.ts';
import type { FileHandle, SinkConnector, SinkContext } from '../../core/index.ts';
import { RecordFile } from '../../core/record-file.ts';
import { type Appendable, examine } from './append.ts';
import type { CompressedAppendable } from './append-compressed.ts';
import type { Compressor } from './compress.ts';
import type { Compression } from './format.ts';

/** Where and how a file is written. */
export interface FileWriting {
  readonly path: string;
  readonly format: EncodeFormat;
  readonly compression: Compression;
  readonly mode: 'replace' | 'append';
  readonly encode: Omit<EncodeOptions, 'report'>;
}

const nothing = new Uint8Array(0);
/** How much is compressed until it goes on to the file, also where no commit comes. */
const flushBytes = 1_048_576;
/** What was encoded elsewhere is written from where it is; less than this is gathered first. */
const lentBytesMin = 65_536;

/** Writes whole records to one file, durable at each commit. */
export class FileSink implements SinkConnector {
  readonly #writing: FileWriting;
  readonly #context: SinkContext;
  readonly #encoder: Encoder;
  #file: RecordFile | undefined;
  // Goes before the first record that is added to an array.
  #separator: Uint8Array = nothing;
  #compressor: Compressor | undefined;

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
    const records = batch instanceof EncodedBatch ? batch.encoded : this.#encoder.encode(batch);
    if (this.#compressor !== undefined) {
      await this.#compressor.add(records);
      if (this.#compressor.bytesWaiting >= flushBytes) await this.#flushCompressor();
      return;
    }
    file.add(this.#separator);
    this.#separator = nothing;
    if (batch instanceof EncodedBatch && records.length >= lentBytesMin) {
      batch.retain();
      file.lend(records, () => batch.release());
    } else file.add(records);
    file.endWith(this.#encoder.end());
  }

  async commit(): Promise<void> {
    await this.#flushCompressor();
    await this.#file!.commit();
    await this.#file!.assertThere();
  }

  async close(): Promise<void> {
    this.#compressor?.close();
    await this.#file?.close();
  }

  // What is in the file can be ended wherever it may be cut.
  async #flushCompressor(): Promise<void> {
    const compressor = this.#compressor;
    if (compressor === undefined) return;
    this.#file!.add(await compressor.flush());
    this.#file!.endWith(compressor.end());
  }

  async #start(handle: FileHandle): Promise<RecordFile> {
    const { path, mode, format, compression } = this.#writing;
    const { kind } = await handle.facts();
    const begin = Buffer.from(this.#encoder.begin());
    const found = mode === 'append' ? await this.#examine(handle, begin) : undefined;
    if (found !== undefined && found.tornBytes > 0) {
      this.#context.log.warning('file.mended', { path, tornBytes: found.tornBytes });
    }
    const file = new RecordFile(path, handle, found?.recordBytes ?? 0, kind === 'file');
    this.#file = file;
    this.#separator = nothing;
    const isNew = found === undefined || found.isEmpty;
    const first = isNew ? begin : Buffer.from(found.lacksLineEnd ? '\n' : '');
    if (compression !== 'none') {
      if (found !== undefined) file.add((found as CompressedAppendable).end);
      const { clock } = this.#context;
      const { createCompressor } = await clock.hold(import('./compress.ts'));
      this.#compressor = createCompressor(compression, clock);
      await this.#compressor.add(first);
      await this.#flushCompressor();
      return file;
    }
    file.endWith(this.#encoder.end());
    if (isNew || format !== 'json') file.add(first);
    else {
      this.#separator = Buffer.from(',');
      file.endWith(Buffer.from('\n]\n'));
    }
    return file;
  }

  async #examine(
    handle: FileHandle,
    header: Buffer,
  ): Promise<Appendable | CompressedAppendable | undefined> {
    const { path, format, compression, encode } = this.#writing;
    const { delimiter = ',' } = encode;
    if (compression === 'none' || format === 'json') {
      return examine(path, handle, format, header, delimiter);
    }
    const { kind, sizeBytes } = await handle.facts();
    if (kind !== 'file' || sizeBytes === 0) return undefined;
    const { clock } = this.#context;
    const { examineCompressed } = await clock.hold(import('./append-compressed.ts'));
    return examineCompressed(path, handle, compression, { format, header, delimiter });
  }
}
