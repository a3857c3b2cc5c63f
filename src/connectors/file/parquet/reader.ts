import type * as hyparquetPackage from 'hyparquet';
import type { AsyncBuffer, FileMetaData, SchemaElement } from 'hyparquet';

import { Batch, Origin } from '../../../batch/index.ts';
import { isPipelineError, PipelineError, reasonOf } from '../../../errors.ts';
import type { FileReader, FileToRead } from '../file-format.ts';
import { type Misfit, withoutMisfits } from '../misfits.ts';
import type { FilePosition } from '../partitions.ts';
import { FieldColumns } from './field-columns.ts';
import type { Leaf } from './leaf.ts';
import { unreadable } from '../unreadable.ts';
import { asyncBuffer, type ParquetFile } from './metadata.ts';
import { ColumnPages, type GroupToRead } from './pages.ts';
import type { Decompressors } from './peer.ts';

/** A row group while it is read. */
interface OpenGroup {
  readonly start: number;
  readonly end: number;
  readonly number: number;
  /** In the order of the fields; undefined for one that the file does not have. */
  readonly pages: readonly (ColumnPages | undefined)[];
}

export interface ParquetReaderParts {
  readonly to: FileToRead;
  readonly hyparquet: typeof hyparquetPackage;
  readonly decompressors: Decompressors;
  readonly file: ParquetFile;
  /** In the order of the fields; undefined for one that the file does not have. */
  readonly leaves: readonly (Leaf | undefined)[];
}

/** Reads the rows of a Parquet file, one row group after the other; its positions count rows. */
export class ParquetReader implements FileReader {
  readonly #to: FileToRead;
  readonly #hyparquet: typeof hyparquetPackage;
  readonly #decompressors: Decompressors;
  readonly #file: ParquetFile;
  readonly #leaves: readonly (Leaf | undefined)[];
  readonly #columns: readonly FieldColumns[];
  readonly #stored: readonly SchemaElement[];
  #row: number;
  #group: OpenGroup | undefined;

  constructor({ to, hyparquet, decompressors, file, leaves }: ParquetReaderParts) {
    this.#to = to;
    this.#hyparquet = hyparquet;
    this.#decompressors = decompressors;
    this.#file = file;
    this.#leaves = leaves;
    this.#columns = to.context.output.fields.map(
      (field, at) => new FieldColumns(field, leaves[at]),
    );
    this.#stored = file.metadata.schema.map(asStored);
    this.#row = to.from?.offset ?? 0;
    if (this.#row <= file.rows) return;
    throw new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: to.path,
      fact: `has ${file.rows} rows, fewer than the ${this.#row} to begin behind`,
      remedy: 'correct `start`, or give a file that changes another name',
    });
  }

  get position(): FilePosition {
    const { sizeBytes: _, ...identity } = this.#to.identity;
    return { ...identity, offset: this.#row };
  }

  get bytesLeft(): number {
    const { rows, sizeBytes } = this.#file;
    return this.isFinished ? 0 : Math.ceil((sizeBytes * (rows - this.#row)) / rows);
  }

  get isFinished(): boolean {
    return this.#row === this.#file.rows;
  }

  async read(signal: AbortSignal): Promise<Batch | undefined> {
    while (!this.isFinished) {
      signal.throwIfAborted();
      const batch = await this.#next();
      if (batch.length > 0) return batch;
      batch.release();
      if (this.#to.refused.areMany) return undefined;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#to.handle.close();
  }

  async #next(): Promise<Batch> {
    if (this.#group === undefined || this.#row === this.#group.end) this.#group = this.#openGroup();
    const { start, end, pages } = this.#group;
    const { batchLimits } = this.#to.context;
    const rows = Math.min(batchLimits.rowsMax, end - this.#row);
    const from = this.#row - start;
    for (const [at, column] of pages.entries()) await this.#decode(at, column, from, from + rows);
    try {
      const fits = this.#fit(from, rows);
      const batch = this.#makeBatch(from, fits);
      this.#row += fits;
      return batch;
    } catch (cause) {
      // Values of another type than their column says.
      throw this.#damaged('its rows', cause);
    }
  }

  /** The group of the next row. */
  #openGroup(): OpenGroup {
    const { metadata, path, sizeBytes } = this.#file;
    let [start, number] = [0, 0];
    for (; ; number++) {
      const rows = Number(metadata.row_groups[number]!.num_rows);
      if (this.#row < start + rows) break;
      start += rows;
    }
    const row_groups = [metadata.row_groups[number]!];
    const { num_rows } = row_groups[0]!;
    const only: FileMetaData = { ...metadata, row_groups, num_rows };
    const taken = (bytes: number): void => this.#to.context.report.bytesRead(bytes);
    const group: GroupToRead = {
      hyparquet: this.#hyparquet,
      decompressors: this.#decompressors,
      metadata: only,
      stored: { ...only, schema: [...this.#stored] },
      file: keeping(asyncBuffer(path, this.#to.handle, sizeBytes, taken)),
      rows: Number(num_rows),
    };
    const pages = this.#leaves.map((leaf) =>
      leaf === undefined ? undefined : new ColumnPages(group, leaf, this.#row - start),
    );
    return { start, end: start + group.rows, number, pages };
  }

  async #decode(at: number, pages: ColumnPages | undefined, from: number, end: number) {
    try {
      await pages?.decode(from, end);
    } catch (cause) {
      throw this.#damaged(`column \`${this.#leaves[at]!.name}\``, cause);
    }
  }

  #damaged(what: string, cause: unknown): PipelineError {
    if (isPipelineError(cause)) return cause;
    const where = `${what} of row group ${this.#group!.number}`;
    return unreadable(this.#to.path, `${where} cannot be read: ${reasonOf(cause)}`, { cause });
  }

  /** How many of the rows a batch has room for: one at least. */
  #fit(from: number, rows: number): number {
    const sizes = new Float64Array(rows);
    for (const [at, columns] of this.#columns.entries()) {
      columns.measure(this.#group!.pages[at], from, sizes);
    }
    let bytes = 0;
    for (let row = 0; row < rows; row++) {
      bytes += sizes[row]!;
      if (bytes >= this.#to.context.batchLimits.bytesMax) return row + 1;
    }
    return rows;
  }

  #makeBatch(from: number, rows: number): Batch {
    const { context, path } = this.#to;
    const misfits = new Map<number, Misfit>();
    const refuse = (row: number, misfit: Misfit): void => {
      if (!misfits.has(row)) misfits.set(row, misfit);
    };
    const columns = this.#columns.map((one, at) =>
      one.fill(this.#group!.pages[at], from, from + rows, refuse),
    );
    const origin = new Origin(context.id, path, this.#row);
    const batch = new Batch(context.output, columns, rows, origin);
    return withoutMisfits(batch, misfits, this.#to);
  }
}

/** A column of the schema without its logical type: its values come as they are stored. */
function asStored(element: SchemaElement): SchemaElement {
  if (element.num_children !== undefined) return element;
  const { name, type, type_length, repetition_type } = element;
  return {
    name,
    ...(type && { type }),
    ...(type_length !== undefined && { type_length }),
    ...(repetition_type && { repetition_type }),
  };
}

/** The same buffer, which keeps what it has read: the parts of a column come from one read. */
function keeping(file: AsyncBuffer): AsyncBuffer {
  const kept = new Map<string, Promise<ArrayBuffer>>();
  return {
    byteLength: file.byteLength,
    slice: (start, end) => {
      const key = `${start} ${end}`;
      const known = kept.get(key) ?? Promise.resolve(file.slice(start, end));
      kept.set(key, known);
      return known;
    },
  };
}
