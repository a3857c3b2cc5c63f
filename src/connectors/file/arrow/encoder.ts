import { Buffer } from 'node:buffer';

import type {
  Data,
  DataType,
  Field as ArrowField,
  RecordBatchStreamWriter,
  Schema as ArrowSchema,
} from 'apache-arrow';
import type { FileBlock } from 'apache-arrow/ipc/metadata/file';
import type * as fileMetadata from 'apache-arrow/ipc/metadata/file';

import { jsonExtension } from '../../../batch/arrow/structure.ts';
import { type BuildingBlocks, toData } from '../../../batch/arrow/to-arrow.ts';
import { Batch, type Column, type Field, type Schema } from '../../../batch/index.ts';
import { FileDictionary } from './file-dictionary.ts';
import { endOfStream, fileBegin, fileEnd } from './messages.ts';
import type { ArrowPackage } from './peer.ts';

/** What the writer knows of the messages that it has written. */
interface Blocks {
  readonly _recordBatchBlocks: readonly FileBlock[];
  readonly _dictionaryBlocks: readonly FileBlock[];
}

/** Turns batches into the bytes of one Arrow stream, or of a file with a table at its end. */
export class ArrowEncoder {
  readonly #arrow: ArrowPackage;
  readonly #fields: readonly Field[];
  readonly #dictionaries: readonly (FileDictionary | undefined)[];
  readonly #schema: ArrowSchema;
  readonly #writer: RecordBatchStreamWriter;
  readonly #table: typeof fileMetadata | undefined;
  #chunks: Uint8Array[] = [];

  /** `table`: what makes the table at the end, where there is to be one. */
  constructor(arrow: ArrowPackage, schema: Schema, table: typeof fileMetadata | undefined) {
    this.#arrow = arrow;
    this.#table = table;
    this.#fields = schema.fields;
    // The table of a file does not say that a dictionary begins anew.
    this.#dictionaries = schema.fields.map(({ kind }) =>
      kind === 'category' ? new FileDictionary(arrow, table === undefined) : undefined,
    );
    const none = Batch.from([], schema);
    this.#schema = new arrow.Schema(this.#toFields(this.#toData(none)));
    none.release();
    this.#writer = new arrow.RecordBatchStreamWriter({ autoDestroy: false });
    const write = (bytes: Uint8Array): void => void this.#chunks.push(bytes);
    const { AsyncByteQueue } = arrow;
    const queue = new (class extends AsyncByteQueue<Uint8Array> {
      override write(bytes: Uint8Array): void {
        write(bytes);
      }
    })();
    this.#writer.reset(queue, this.#schema);
  }

  /** What a file begins with: the schema. */
  begin(): Uint8Array {
    const schema = this.#take();
    return this.#table === undefined ? schema : Buffer.concat([fileBegin, schema]);
  }

  /** The rows of a batch that count: one record batch, and what its dictionaries did not have. */
  encode(batch: Batch): Uint8Array {
    const { RecordBatch, Struct, makeData } = this.#arrow;
    const held = batch.compact();
    try {
      const children = this.#toData(held);
      const type = new Struct(this.#schema.fields);
      const data = makeData({ type, length: held.length, nullCount: 0, children });
      this.#writer.write(new RecordBatch(this.#schema, data));
      return this.#take();
    } finally {
      held.release();
    }
  }

  /** What ends the file behind the last record batch. */
  end(): Uint8Array {
    if (this.#table === undefined) return endOfStream;
    const { Footer, FileBlock: Block } = this.#table;
    const written = this.#writer as unknown as Blocks;
    // The writer counts from its own beginning.
    const moved = (blocks: readonly FileBlock[]): FileBlock[] =>
      blocks.map(
        ({ metaDataLength, bodyLength, offset }) =>
          new Block(metaDataLength, bodyLength, offset + fileBegin.length),
      );
    const footer = Footer.encode(
      new Footer(
        this.#schema,
        this.#arrow.MetadataVersion.V5,
        moved(written._recordBatchBlocks),
        moved(written._dictionaryBlocks),
      ),
    );
    const length = Buffer.alloc(4);
    length.writeInt32LE(footer.length);
    return Buffer.concat([endOfStream, footer, length, fileEnd]);
  }

  #take(): Uint8Array {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return bytes;
  }

  #toData({ columns, length }: Batch): Data[] {
    return columns.map((column, at) => this.#columnData(column, at, length));
  }

  #columnData(column: Column, at: number, rows: number): Data {
    const blocks = this.#arrow as unknown as BuildingBlocks<unknown>;
    const plain = toData(blocks, column, this.#fields[at]!, rows) as Data;
    const own = this.#dictionaries[at];
    if (own === undefined || column.kind !== 'category') return plain;
    const { Dictionary, Int32, Utf8, makeData } = this.#arrow;
    const codes = own.encode(column, rows);
    return makeData({
      type: new Dictionary(new Utf8(), new Int32(), at),
      length: rows,
      nullCount: plain.nullCount,
      nullBitmap: plain.nullBitmap ?? null,
      data: codes,
      dictionary: own.values(),
    });
  }

  #toFields(columns: readonly Data[]): ArrowField[] {
    return this.#fields.map(({ name, nullable, kind }, at) => {
      const isJson = kind === 'json';
      const metadata = isJson ? new Map([[jsonExtension.name, jsonExtension.value]]) : null;
      return new this.#arrow.Field<DataType>(name, columns[at]!.type, nullable, metadata);
    });
  }
}
