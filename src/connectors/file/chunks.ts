import {
  ChunkBuffers,
  ChunkCutter,
  ChunkDecoder,
  createDecoder,
  type DecodeFormat,
} from '../../batch/codec.ts';
import type { Decoding, SourceContext } from '../../core/index.ts';
import { ofFile } from './format.ts';
import type { FileReading } from './opening.ts';
import { type CreateDecoder, RecordFormat } from './records.ts';
import { FileSource } from './source.ts';

/** Reads files in chunks, at the positions of `FileSource`. */
export function chunksOfFiles(
  reading: FileReading,
  formatOf: (path: string) => DecodeFormat,
  decode: Decoding,
  context: SourceContext,
): FileSource {
  const buffers = new ChunkBuffers();
  const cut: CreateDecoder = (format, rows, options) =>
    new ChunkCutter(format, rows, options, buffers);
  const known = new Map<DecodeFormat, RecordFormat>();
  const formatFor = (path: string): Promise<RecordFormat> => {
    const name = formatOf(path);
    const format = known.get(name) ?? new RecordFormat(name, decode, cut);
    known.set(name, format);
    return Promise.resolve(format);
  };
  return new FileSource({ ...reading, formatFor }, context);
}

/** Decodes chunks of files, in any order. */
export function decoderOfChunks(
  formatOf: (path: string) => DecodeFormat,
  { encoding, number, extraFields, delimiter, header, recordBytesMax }: Decoding,
  { id, output, batchLimits, report }: SourceContext,
): ChunkDecoder {
  const decode = { encoding, number, extraFields, delimiter, header, recordBytesMax };
  return new ChunkDecoder((options) => {
    const path = options.partition!;
    return ofFile(path, () =>
      createDecoder(formatOf(path), output, {
        ...decode,
        ...batchLimits,
        source: id,
        report,
        ...options,
      }),
    );
  });
}
