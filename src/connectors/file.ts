import type { Encoder } from '../batch/codec/contract.ts';
import type { Fields, Schema } from '../batch/index.ts';
import {
  checkDecimals,
  type Decoding,
  defineSink,
  defineSource,
  encodeOptions,
  type EncoderContext,
  type Encoding,
  type SinkComponent,
  type SinkConnector,
  type SinkContext,
  type SinkDefinition,
  type SourceComponent,
  type SourceDefinition,
} from '../core/index.ts';
import {
  type Compression,
  formatOf,
  knownCompression,
  type ReadFormat,
  type WriteFormat,
  writeFormats,
} from './file/format.ts';
import { type ParsedSinkOptions, rollOf, sinkOptions } from './file/sink-options.ts';
import {
  type ParsedSourceOptions,
  readingOf,
  recordFormatOf,
  sourceOptions,
} from './file/source-options.ts';
import type { Start } from './file/start.ts';

/** Which files `fileSource` reads, and how. */
export interface FileSourceOptions<F extends Fields = Fields> extends Partial<Decoding> {
  /** Paths and glob patterns; each file is a partition, and they are read in the order of names. */
  readonly path: string | readonly string[];
  /** By the name of the file unless given. */
  readonly format?: ReadFormat;
  /** `auto` (the default): by the name of the file, `.gz` or `.zst`. */
  readonly compression?: Compression | 'auto';
  /** Found in the first file unless given. */
  readonly schema?: Schema<F>;
  /** Goes on at the end, through rotation and truncation, and with files that come; default false. */
  readonly follow?: boolean;
  /** With `follow`: how often to look for more, in milliseconds; default 500. */
  readonly pollMs?: number;
  /**
   * Where a first run begins; default `beginning`. `end`, with `follow`: behind what is there. An
   * offset in one file, at which a record begins: in bytes, decompressed; of Parquet and Arrow in rows.
   */
  readonly start?: Start;
}

/** Reads files, once or as they grow. One that is missing, a directory or not readable is refused. */
export const fileSource: SourceDefinition &
  (<F extends Fields = Fields>(options: FileSourceOptions<F>) => SourceComponent<F>) = defineSource<
  <F extends Fields = Fields>(options: FileSourceOptions<F>) => SourceComponent<F>,
  ParsedSourceOptions
>({
  name: 'file',
  summary: 'Read records from files, one or many by pattern.',
  details:
    'Files whose names end with `.gz` (gzip) or `.zst` (Zstandard) are decompressed as they are ' +
    'read: `readings.ndjson.gz`. Positions are then offsets in what comes out, and a run that ' +
    'resumes decompresses up to there. A file may hold many streams, one behind the other. Of ' +
    'one that is cut short, every whole record before the cut is read, the log says so ' +
    '(`source.truncated`), and a later run goes on there. Bytes behind the last stream that ' +
    'belong to none are passed over and told (`source.garbage`). Where data are damaged, the ' +
    'run fails and says in which file and where: gzip is checked always, and zstd where its writer ' +
    'put a checksum behind it, as the sink does. Memory stays bounded, however much comes out ' +
    'of a byte: there is no limit of the ratio.\n\n' +
    'With `follow` it goes on at the end of each file, looks every `pollMs` for what was added ' +
    'and for files that are new, and never ends. A path or pattern may name nothing yet. A file ' +
    'is known by device, inode and the hash of its first 1 KiB, not by its name: one that is ' +
    'renamed is read to its end, until nothing was added to it for 5 seconds, beside the one that ' +
    'takes its name. One that became shorter than what was read of it, or begins otherwise, is ' +
    'read anew from its beginning (`file.replaced`). A last line without its line end waits; it ' +
    'is a record when its file is gone or replaced. Positions are kept by file, so that all of ' +
    'this holds through restarts; a file that was renamed while nothing ran is looked for in its ' +
    'directory. At most 64 files are open at a time, and those that are gone and not read to ' +
    'their end. Not promised are bytes that are cut off, or deleted with their file, before they ' +
    'were read, and a file that comes and goes between two looks. A file that is cut and, before ' +
    'the next look, grows beyond where it was, with the same first 1 KiB, is taken for the same.' +
    '\n\n' +
    'With `start` a first run begins elsewhere: at `end`, behind the last line of each file that is ' +
    'there (later ones are read from their beginning), or at an offset in one file, which is ' +
    'refused where it lies behind the end or within a record. A run that resumes goes on where ' +
    'the last one left off, whatever `start` says.' +
    '\n\nParquet (`.parquet`) and Arrow IPC (`.arrow`, `.feather`, `.arrows`) are read by column, the ' +
    'schema found in the file; see [formats of files](../file-formats.md). They need the packages ' +
    '`hyparquet`, or `apache-arrow`, and `lz4-napi` for what is compressed with LZ4.',
  options: sourceOptions,
  example: { path: 'readings.ndjson', schema: { sensorId: 'category', value: 'float64' } },
  whenPaused: 'hold',
  isPaced: ({ follow }) => follow,
  output: async (options, context) => {
    const { planFiles } = await import('./file/plan.ts');
    return planFiles(readingOf(options), context);
  },
  reads: ({ path }) => [path].flat(),
  chunks: {
    refuse: (options) => {
      if (options.follow) return 'follows its files';
      const formats = [options.path].flat().map((path) => recordFormatOf(options, path));
      return formats.includes(undefined) ? 'reads files that are no lines of text' : undefined;
    },
    create: async (options, context) => {
      const { chunksOfFiles } = await import('./file/chunks.ts');
      const nameOf = (path: string) => recordFormatOf(options, path)!;
      return chunksOfFiles(readingOf(options), nameOf, options, context);
    },
    decode: async (options, context) => {
      const { decoderOfChunks } = await import('./file/chunks.ts');
      return decoderOfChunks((path) => recordFormatOf(options, path)!, options, context);
    },
  },
  create: async (options, context) => {
    const reading = readingOf(options);
    if (reading.pollMs === undefined) {
      const { FileSource } = await import('./file/source.ts');
      return new FileSource(reading, context);
    }
    const { FollowSource } = await import('./file/follow.ts');
    return new FollowSource(reading, reading.pollMs, context);
  },
});

/** Which file `fileSink` writes, and how. */
export interface FileSinkOptions extends Partial<Encoding> {
  /** A file, or, of Parquet, a directory: `out/`. Directories on the way are made. */
  readonly path: string;
  /** By the name of the file unless given. `json`: one array. */
  readonly format?: WriteFormat;
  /** `auto` (the default): by the name of the file, `.gz` or `.zst`. */
  readonly compression?: Compression | 'auto';
  /** `replace` (the default) begins a new file; `append` cuts off a torn last record first. */
  readonly mode?: 'replace' | 'append';
  /**
   * When a file in a directory is finished, at the cut behind so many rows or bytes (134,217,728), or
   * milliseconds from its first row (3,600,000).
   */
  readonly rollRows?: number;
  readonly rollBytes?: number;
  readonly rollMs?: number;
}

/** Writes one NDJSON, CSV or JSON file. Rows are durable (fdatasync) once a cut has passed. */
export const fileSink: SinkDefinition & ((options: FileSinkOptions) => SinkComponent<Fields>) =
  defineSink<(options: FileSinkOptions) => SinkComponent<Fields>, ParsedSinkOptions>({
    name: 'file',
    summary: 'Write records to a file.',
    details:
      'With `append`, a torn last record is cut off first, and the log says so ' +
      '(`file.mended`). In a CSV a last record without its line end counts as torn, since ' +
      'nothing shows that it is whole; in NDJSON it stays where it is whole. A file that ' +
      'holds no record at all, and does not begin as one, is refused. A CSV with one column has ' +
      'no way to write a null that reads back as one: its line would be blank, and blank lines are skipped. It is written as `""`, which reads back' +
      ' as empty text, or, in a column of another kind, as a dead letter (`field.type`). ' +
      'Write NDJSON, or a second column, where such nulls matter.\n\n' +
      'A name that ends with `.gz` (gzip) or `.zst` (Zstandard) compresses: `out.ndjson.gz`. At ' +
      'each commit the file is whole: what was compressed is flushed and the stream ended, and ' +
      'that end, 10 bytes or 7, is cut off again when more comes. So commits share what they are ' +
      'compressed with: lines of 80 bytes become 3.8 times smaller with a commit behind each, ' +
      '6.3 behind ten and 8 behind a hundred, where a stream for each commit would make them ' +
      '0.85, 4.1 and 7.7 times smaller. With `append` the file is decompressed once, and a new ' +
      'stream follows behind the last whole record. Where a stream has ended, it shows that a ' +
      'last record of a CSV without its line end is whole too, unless it ends within quotes; a ' +
      'torn record that cannot be cut off without others is refused. Both have a checksum by which ' +
      'whoever reads them finds damage.\n\n' +
      'A Parquet file has its name when it is whole: at the end of the run, or, where `path` is a ' +
      'directory (`out/`), one after the other, each at a cut. Until then it is called ' +
      '`out.parquet.unfinished`, what is committed in it is durable, and `append` goes on with it. An ' +
      'Arrow file (`.arrow`, `.feather`) or stream (`.arrows`) is whole at each cut. See ' +
      '[formats of files](../file-formats.md). They need the packages `hyparquet` and ' +
      '`hyparquet-writer`, or `apache-arrow`.',
    options: sinkOptions,
    example: { path: 'out.ndjson' },
    writes: ({ path }) => path,
    check: checkDecimals,
    encoder: ({ path, format = formatOf(path, writeFormats), ...encoding }, context) =>
      // The elements of an array stand behind commas: of a part, nobody knows which is the first.
      format === 'ndjson' || format === 'csv' ? encoderOf(format, encoding, context) : undefined,
    create: async (options, context) => {
      const [{ SingleCalls }, sink] = await Promise.all([
        import('../core/single-calls.ts'),
        createSink(options, context),
      ]);
      return new SingleCalls(sink, context.signal);
    },
  });

async function createSink(
  { path, mode, format: given, compression: told, ...options }: ParsedSinkOptions,
  context: SinkContext,
): Promise<SinkConnector> {
  const format = given ?? formatOf(path, writeFormats);
  if (format === 'parquet') {
    const { ParquetSink } = await import('./file/parquet/sink.ts');
    return new ParquetSink({ path, mode, roll: rollOf(path, options) }, context);
  }
  if (format === 'arrow') {
    const { ArrowSink } = await import('./file/arrow/sink.ts');
    return new ArrowSink({ path, mode }, context);
  }
  const { FileSink } = await import('./file/sink.ts');
  const compression = told === 'auto' ? knownCompression(path) : told;
  const encode = encodeOptions(options);
  return new FileSink({ path, mode, format, compression, encode }, context);
}

async function encoderOf(
  format: 'ndjson' | 'csv',
  encoding: Encoding,
  { input, report }: EncoderContext,
): Promise<Encoder> {
  const { createEncoder } = await import('../batch/codec.ts');
  return createEncoder(format, input, { ...encodeOptions(encoding), report });
}
