import type * as hyparquetPackage from 'hyparquet';
import type { AsyncBuffer, DecodedArray, FileMetaData, SubColumnData } from 'hyparquet';

import type { Leaf } from './leaf.ts';
import { chunksOf } from './metadata.ts';
import { assertPages, levelBitsOf } from './page-headers.ts';
import type { Decompressors } from './peer.ts';

/** How much of a column is decoded ahead of its batches: in bytes, and in rows. */
const aheadBytesMax = 4_194_304;
const aheadRowsMin = 4096;
const aheadRowsMax = 65_536;

/** One page of a column, by rows of its row group. */
interface Page {
  readonly rowStart: number;
  readonly values: DecodedArray;
}

/** The row group that columns are read of. */
export interface GroupToRead {
  readonly hyparquet: typeof hyparquetPackage;
  readonly decompressors: Decompressors;
  /** The file's metadata, with this row group alone. */
  readonly metadata: FileMetaData;
  /** The same with values as they are stored, of whatever logical type. */
  readonly stored: FileMetaData;
  readonly file: AsyncBuffer;
  readonly rows: number;
}

/** The values of one column of a row group: decoded page by page, and forgotten behind the reader. */
export class ColumnPages {
  readonly #group: GroupToRead;
  readonly #leaf: Leaf;
  readonly #aheadRows: number;
  #pages: Page[] = [];
  #decodedTo: number;
  #isChecked = false;

  /** `row`: the first that will be asked for. */
  constructor(group: GroupToRead, leaf: Leaf, row: number) {
    this.#group = group;
    this.#leaf = leaf;
    this.#decodedTo = row;
    const chunks = chunksOf(group.metadata.row_groups[0]!, leaf.name);
    const bytes = chunks.reduce((sum, chunk) => sum + Number(chunk.total_uncompressed_size), 0);
    const fits = Math.floor(aheadBytesMax / Math.max(1, bytes / group.rows));
    this.#aheadRows = Math.min(aheadRowsMax, Math.max(aheadRowsMin, fits));
  }

  /** Decodes so far that the values from `row` to `end` are there; those before `row` are let go. */
  async decode(row: number, end: number): Promise<void> {
    this.#pages = this.#pages.filter((page) => page.rowStart + page.values.length > row);
    if (this.#decodedTo >= end) return;
    await this.#check();
    await (this.#leaf.isNested ? this.#decodeNested() : this.#decodePages(end));
    if (this.#decodedTo < end) throw new Error(`has ${this.#decodedTo} of ${end} values`);
  }

  /** Calls `take` with the parts of pages that hold the values from `row` to `end`, in order. */
  forEach(
    row: number,
    end: number,
    take: (values: DecodedArray, from: number, to: number) => void,
  ): void {
    for (const { rowStart, values } of this.#pages) {
      const from = Math.max(row, rowStart);
      const to = Math.min(end, rowStart + values.length);
      if (from < to) take(values, from - rowStart, to - rowStart);
    }
  }

  /** Reads all of the column, which is kept for those who decode it. */
  async #check(): Promise<void> {
    if (this.#isChecked) return;
    const { hyparquet, file, metadata } = this.#group;
    const tree = hyparquet.parquetSchema(metadata);
    for (const chunk of chunksOf(metadata.row_groups[0]!, this.#leaf.name)) {
      const start = chunk.dictionary_page_offset || chunk.data_page_offset;
      const end = start + chunk.total_compressed_size;
      const bytes = new Uint8Array(await file.slice(Number(start), Number(end)));
      assertPages(bytes, chunk, levelBitsOf(tree, chunk.path_in_schema));
    }
    this.#isChecked = true;
  }

  async #decodePages(end: number): Promise<void> {
    const { hyparquet, decompressors: compressors, file, stored, rows } = this.#group;
    const from = this.#decodedTo;
    const rowEnd = Math.min(rows, Math.max(end, from + this.#aheadRows));
    const onPage = ({ rowStart, columnData }: SubColumnData): void => {
      if (rowStart + columnData.length <= this.#decodedTo) return;
      this.#add(rowStart, columnData);
    };
    // One row late: the page that ends where a selection begins would be decoded again.
    const rowStart = from === 0 ? 0 : Math.min(from + 1, rowEnd - 1);
    const columns = [this.#leaf.name];
    const read = { file, metadata: stored, columns, rowStart, rowEnd, onPage };
    await hyparquet.parquetRead({
      ...read,
      compressors,
      // Of stored values only those of INT96 are made into times.
      parsers: { timestampFromNanoseconds: (nanoseconds) => nanoseconds },
      utf8: false,
      geoparquet: false,
    });
  }

  /** The rest of the row group: where a row of it begins is known when all is put together only. */
  async #decodeNested(): Promise<void> {
    const { hyparquet, decompressors: compressors, file, metadata, rows: rowEnd } = this.#group;
    const column = this.#leaf.name;
    const scan = await hyparquet.parquetScan({ file, metadata, columns: [column], compressors });
    const rowStart = this.#decodedTo;
    this.#add(rowStart, await scan.readColumn({ column, rowStart, rowEnd }));
  }

  #add(rowStart: number, values: DecodedArray): void {
    const { convert, kind } = this.#leaf;
    // Converted at once where the length is to be known before the column is made.
    const isBytes = kind === 'text' || kind === 'json' || kind === 'bytes';
    const made = isBytes && convert !== undefined ? convertEach(values, convert) : values;
    this.#pages.push({ rowStart, values: made });
    this.#decodedTo = rowStart + values.length;
  }
}

function convertEach(values: DecodedArray, convert: (value: never) => unknown): unknown[] {
  const made: unknown[] = [];
  for (const value of values) made.push(value == null ? null : convert(value as never));
  return made;
}
