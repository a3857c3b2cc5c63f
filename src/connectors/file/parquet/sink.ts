import { dirname } from 'node:path';

import type { Batch } from '../../../batch/index.ts';
import type { SinkConnector, SinkContext, WriteResult } from '../../../core/index.ts';
import { type Growing, GrowingFile, type Left } from './growing-file.ts';
import { leftOf, Series } from './left.ts';
import { loadHyparquet, loadHyparquetWriter } from './peer.ts';
import { GroupValues } from './values.ts';

/** When a file of a series is finished, at the next cut: whichever comes first. */
export interface Roll {
  readonly rollRows: number;
  readonly rollBytes: number;
  readonly rollMs: number;
}

/** Where Parquet is written. */
export interface ParquetWriting {
  /** One file, made whole when the run ends; a directory where `roll` is given. */
  readonly path: string;
  readonly mode: 'replace' | 'append';
  readonly roll: Roll | undefined;
}

/** What a row group may grow to. */
const groupRowsMax = 122_880;
const groupBytesMax = 67_108_864;

/** Writes Parquet: one file, or one after the other into a directory. */
export class ParquetSink implements SinkConnector {
  readonly #writing: ParquetWriting;
  readonly #context: SinkContext;
  readonly #values: GroupValues;
  readonly #series: Series | undefined;
  #file: GrowingFile | undefined;
  /** When the first row of the file came. */
  #begunMs = 0;
  /** What an earlier run has left, until the first record shows what comes again. */
  #left: (Left & { readonly path: string }) | undefined;
  /** The id of the first record since the last commit. */
  #first: string | undefined;
  #isOpen = false;
  /** Whether a record came. */
  #hasBegun = false;

  constructor(writing: ParquetWriting, context: SinkContext) {
    this.#writing = writing;
    this.#context = context;
    this.#values = new GroupValues(context.input);
    const { files, input: schema } = context;
    if (writing.roll !== undefined) this.#series = new Series({ files, schema }, writing.path);
  }

  async open(): Promise<void> {
    const { path, mode } = this.#writing;
    const { files, clock } = this.#context;
    await clock.hold(Promise.all([loadHyparquet(), loadHyparquetWriter()]));
    const directory = this.#series === undefined ? dirname(path) : path;
    if ((await files.facts(directory)) === undefined) await files.makeDirectory(directory);
    const begun = this.#series === undefined ? path : await this.#series.unfinished();
    const goesOn = this.#series !== undefined || mode === 'append';
    if (begun !== undefined && goesOn) await this.#take(begun);
    if (this.#left === undefined && this.#series === undefined) await this.#begin(path);
    this.#isOpen = true;
  }

  async write(batch: Batch): Promise<WriteResult | void> {
    await this.#file?.makeRoom();
    if (batch.length === 0) return;
    const first = batch.origin.recordId(batch.rows[0]!);
    if (this.#file === undefined) await this.#beginWith(first);
    this.#first ??= first;
    const failed = this.#values.add(batch);
    const { rows, bytes } = this.#values;
    if (rows >= groupRowsMax || bytes >= groupBytesMax) this.#file!.add(this.#values.take());
    return failed.length === 0 ? undefined : { failed };
  }

  async commit(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    if (this.#values.rows > 0) file.add(this.#values.take());
    await file.commit(this.#first);
    this.#first = undefined;
    if (!this.#isDue(file)) return;
    this.#file = undefined;
    await this.#finish(file);
  }

  async close(): Promise<void> {
    const isWhole = this.#isOpen && this.#first === undefined && !this.#context.signal.aborted;
    // Nothing came: what was left is whole as it is.
    if (isWhole && this.#left !== undefined) await this.#begin(this.#left.path);
    const [file, left] = [this.#file, this.#left];
    this.#file = this.#left = undefined;
    await left?.handle.close();
    await (isWhole && file !== undefined ? this.#finish(file) : file?.leave());
  }

  async #finish(file: GrowingFile): Promise<void> {
    const { path, rows } = file;
    await file.finish();
    this.#context.report.counted('files', 1);
    this.#context.log.info('file.finished', { path, rows });
  }

  #isDue({ rows, sizeBytes }: GrowingFile): boolean {
    const { roll } = this.#writing;
    if (roll === undefined || rows === 0) return false;
    if (rows >= roll.rollRows || sizeBytes >= roll.rollBytes) return true;
    return this.#context.clock.monotonic() - this.#begunMs >= roll.rollMs;
  }

  /** Goes on with what is left of a file. */
  async #take(path: string): Promise<void> {
    const left = await leftOf(this.#growing(path));
    if (left !== undefined) this.#left = { ...left, path };
  }

  /** Begins where a record belongs, which may come again where positions are saved. */
  async #beginWith(first: string): Promise<void> {
    const { savesPositions } = this.#context;
    const left = this.#left?.path;
    const again =
      left === undefined && savesPositions ? await this.#series!.pathOf(first) : undefined;
    if (again !== undefined) await this.#take(again);
    const path = left ?? again ?? (await this.#series!.nextPath(first));
    if (!this.#hasBegun) await this.#tellAgain(path, first);
    this.#hasBegun = true;
    await this.#begin(path, savesPositions ? first : undefined);
  }

  async #tellAgain(path: string, first: string): Promise<void> {
    const { log, savesPositions } = this.#context;
    const earlier = await this.#series?.begunWith(first, path);
    if (earlier === undefined) return;
    if (savesPositions) log.warning('series.again', { path: earlier });
    else log.info('series.again', { path: earlier });
  }

  async #begin(path: string, first?: string): Promise<void> {
    const left = this.#left;
    this.#left = undefined;
    if (left !== undefined && first !== undefined) this.#tellReplaced(left, first);
    this.#file = await GrowingFile.open(this.#growing(path), left, first);
    this.#begunMs = this.#context.clock.monotonic();
  }

  #tellReplaced({ path, segments }: Left & { readonly path: string }, first: string): void {
    const from = segments.findIndex((segment) => segment.first === first);
    if (from < 0) return;
    const groups = segments.slice(from).flatMap((segment) => segment.groups);
    const rows = groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
    this.#context.log.warning('rows.replaced', { path, rows });
  }

  #growing(path: string): Growing {
    return { files: this.#context.files, path, schema: this.#context.input };
  }
}
