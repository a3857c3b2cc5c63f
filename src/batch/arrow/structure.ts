// The parts of apache-arrow 21 that are used, by structure: its own types stay out of ours, so that
// programs without it compile.

/** A type of Arrow; `typeId` as in its format. The other members exist on some types only. */
export interface ArrowType {
  readonly typeId: number;
  readonly bitWidth?: number;
  readonly isSigned?: boolean;
  readonly precision?: number;
  readonly unit?: number;
  readonly toString: () => string;
}

/** The buffers of one column. */
export interface ArrowData {
  readonly type: ArrowType;
  readonly length: number;
  /** Of the first row in the bitmaps; the other buffers begin at it. */
  readonly offset: number;
  readonly nullCount: number;
  readonly nullBitmap?: Uint8Array | null | undefined;
  /** A view of bytes; rows of a table itself where the type has children. */
  readonly values: unknown;
  readonly valueOffsets: ArrayBufferView | undefined;
  readonly dictionary?:
    | {
        readonly length: number;
        /** Its chunks: one that grows keeps those that it has. */
        readonly data: readonly object[];
        get(index: number): unknown;
      }
    | undefined;
  readonly children: readonly ArrowData[];
}

/** One field of an Arrow schema. */
export interface ArrowField {
  readonly name: string;
  readonly type: ArrowType;
  readonly nullable: boolean;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Rows of an Arrow table that lie together. */
export interface ArrowRecordBatch {
  readonly schema: { readonly fields: readonly ArrowField[] };
  readonly data: ArrowData;
}

/** An Arrow table: record batches of one schema. */
export interface ArrowTable {
  readonly schema: { readonly fields: readonly ArrowField[] };
  readonly batches: readonly ArrowRecordBatch[];
  readonly numRows: number;
}

/** What is taken from the module, of which `T` is the `Table`. */
export interface ArrowModule<T = ArrowTable> {
  readonly Table: new (...parts: never[]) => T;
  readonly RecordBatch: new (...parts: never[]) => unknown;
  readonly Schema: new (...parts: never[]) => unknown;
  readonly Field: new (...parts: never[]) => unknown;
  readonly Vector: new (...parts: never[]) => unknown;
  readonly Struct: new (...parts: never[]) => unknown;
  readonly Dictionary: new (...parts: never[]) => unknown;
  readonly Float64: new () => unknown;
  readonly Int32: new () => unknown;
  readonly Int64: new () => unknown;
  readonly Bool: new () => unknown;
  readonly Utf8: new () => unknown;
  readonly Binary: new () => unknown;
  readonly TimestampMicrosecond: new (timezone?: string | null) => unknown;
  readonly makeData: (properties: never) => unknown;
}

/** The ids of types in Arrow's format. */
export const arrowTypes = {
  int: 2,
  float: 3,
  binary: 4,
  utf8: 5,
  bool: 6,
  date: 8,
  timestamp: 10,
  largeBinary: 19,
  largeUtf8: 20,
  dictionary: -1,
} as const;

/** How Arrow marks text that is JSON (a canonical extension type). */
export const jsonExtension = { name: 'ARROW:extension:name', value: 'arrow.json' } as const;
