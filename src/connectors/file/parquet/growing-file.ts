import type { RowGroup } from 'hyparquet';
import type { ByteWriter, ColumnSource, ParquetWriter } from 'hyparquet-writer';

import type { Schema } from '../../../batch/index.ts';
import type { FileHandle, Files } from '../../../core/index.ts';
import { RecordFile } from '../../../core/record-file.ts';
import { schemaKey, schemaText } from './metadata.ts';
import { compressZstd, loadHyparquetWriter } from './peer.ts';
import { firstSegment, type FooterNote, noteKey, type Segment } from './segments.ts';
import { elementsOf, storedElementsOf } from './values.ts';

/** What has been added to the name of a file that has no end yet. */
export const unfinished = '.unfinished';

/** Where a file is to be, and of what. */
export interface Growing {
  readonly files: Files;
  /** Its name once it is whole. */
  readonly path: string;
  readonly schema: Schema;
}

/** What an earlier run has left of a file. */
export interface Left {
  readonly handle: FileHandle;
  readonly segments: readonly Segment[];
}

/** Makes a writer to memory, whose first byte will stand at an offset of the file. */
type MakeWriter = (at: number) => { readonly writer: ParquetWriter; readonly bytes: ByteWriter };

/** A Parquet file while it is written: under another name, until it is whole and durable. */
export class GrowingFile {
  readonly #growing: Growing;
  readonly #file: RecordFile;
  readonly #makeWriter: MakeWriter;
  readonly #writer: ParquetWriter;
  readonly #bytes: ByteWriter;
  /** Where the last segment ends. */
  #committedTo: number;
  /** Row groups in segments. */
  #groups: number;

  private constructor(
    growing: Growing,
    file: RecordFile,
    segments: readonly Segment[],
    makeWriter: MakeWriter,
  ) {
    this.#growing = growing;
    this.#file = file;
    this.#makeWriter = makeWriter;
    this.#committedTo = segments.at(-1)?.end ?? firstSegment;
    const { writer, bytes } = makeWriter(this.#committedTo);
    writer.row_groups = segments.flatMap(({ groups }) => groups);
    writer.num_rows = rowsOf(writer.row_groups);
    this.#writer = writer;
    this.#bytes = bytes;
    this.#groups = writer.row_groups.length;
  }

  /**
   * Begins a file, or goes on behind what is left of one. `first`: the id of the record that comes
   * first; where a segment begins with that, it comes again, and takes the place of what is there.
   */
  static async open(growing: Growing, left?: Left, first?: string): Promise<GrowingFile> {
    const { ByteWriter, ParquetWriter } = await loadHyparquetWriter();
    const { files, path, schema } = growing;
    const elements = storedElementsOf(schema);
    const makeWriter: MakeWriter = (at) => {
      const bytes = new ByteWriter();
      const compressors = { ZSTD: compressZstd };
      const options = { schema: elements, codec: 'ZSTD', compressors } as const;
      const writer = new ParquetWriter({ writer: bytes, ...options, createdBy: 'millrace' });
      // What it has written by now is how a file begins.
      bytes.index = 0;
      bytes.offset = at;
      return { writer, bytes };
    };
    const handle = left?.handle ?? (await files.open(path + unfinished, 'replace'));
    const known = left?.segments ?? [];
    const again = known.findIndex((segment) => segment.first === first);
    const segments = again < 0 ? known : known.slice(0, again);
    const end = segments.at(-1)?.end ?? 0;
    const file = new RecordFile(path + unfinished, handle, end, true);
    if (end === 0) file.add(magic);
    return new GrowingFile(growing, file, segments, makeWriter);
  }

  get path(): string {
    return this.#growing.path;
  }

  /** Rows in its row groups. */
  get rows(): number {
    return Number(this.#writer.num_rows);
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  /** Waits where much is to be written before more can be. */
  async makeRoom(): Promise<void> {
    await this.#file.makeRoom();
  }

  /** Adds a row group. */
  add(columnData: ColumnSource[]): void {
    // Waits for nothing: it writes to memory.
    void this.#writer.write({ columnData, rowGroupSize: columnData[0]!.data.length });
    this.#drain();
  }

  /** Makes what was added durable. `first`: the id of its first record. */
  async commit(first: string | undefined): Promise<void> {
    const groups = this.#writer.row_groups.slice(this.#groups);
    if (first !== undefined && groups.length > 0) {
      const at = this.#file.sizeBytes;
      const { writer, bytes } = this.#makeWriter(at);
      writer.row_groups = groups;
      writer.num_rows = rowsOf(groups);
      this.#end(writer, { start: this.#committedTo, segment: { at, first } });
      this.#file.add(bytes.getBytes());
      this.#bytes.offset = this.#committedTo = this.#file.sizeBytes;
      this.#groups += groups.length;
    }
    await this.#file.commit();
  }

  /** Writes the footer of it all, makes that durable, and gives the file its name. */
  async finish(): Promise<void> {
    const { files, path } = this.#growing;
    this.#end(this.#writer, { start: this.#committedTo });
    this.#drain();
    try {
      await this.#file.commit();
    } finally {
      await this.#file.close();
    }
    await files.rename(path + unfinished, path);
  }

  /** Leaves the file without its end, as far as it was committed. */
  async leave(): Promise<void> {
    await this.#file.close();
  }

  #drain(): void {
    this.#file.add(this.#bytes.getBytes());
    this.#bytes.index = 0;
  }

  /** Writes a footer. */
  #end(writer: ParquetWriter, note: FooterNote): void {
    const { schema } = this.#growing;
    writer.schema = elementsOf(schema);
    writer.kvMetadata = [
      { key: schemaKey, value: schemaText(schema) },
      { key: noteKey, value: JSON.stringify(note) },
    ];
    void writer.finish();
  }
}

const magic = new TextEncoder().encode('PAR1');

function rowsOf(groups: readonly RowGroup[]): bigint {
  return groups.reduce((sum, { num_rows }) => sum + num_rows, 0n);
}
