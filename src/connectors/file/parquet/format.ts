import type { Schema } from '../../../batch/index.ts';
import type { FileContents } from '../contents.ts';
import type { FileFormat, FileReader, FileToRead } from '../file-format.ts';
import type { Start, StartPosition } from '../start.ts';
import { assertReadable, codecsOf, leavesOf, readMetadata, schemaOf } from './metadata.ts';
import { loadDecompressors, loadHyparquet } from './peer.ts';
import { ParquetReader } from './reader.ts';

/** Parquet: rows in groups by column, found by a table at the end of the file. */
export const parquetFormat: FileFormat = {
  unit: 'rows',

  async findSchema(path: string, handle: FileContents): Promise<Schema> {
    return schemaOf(await readMetadata(path, handle));
  },

  async check(path: string, handle: FileContents, schema: Schema): Promise<void> {
    const file = await readMetadata(path, handle);
    assertReadable(file, leavesOf(file, schema));
  },

  /** At so many rows; whether there are as many is seen when it is opened. */
  async startIn(_path: string, _handle: FileContents, start: Start): Promise<StartPosition> {
    return { offset: typeof start === 'object' ? start.offset : 0 };
  },

  async open(to: FileToRead): Promise<FileReader> {
    const hyparquet = await to.context.clock.hold(loadHyparquet());
    const file = await readMetadata(to.path, to.handle);
    const leaves = leavesOf(file, to.context.output);
    const decompressors = await to.context.clock.hold(loadDecompressors(codecsOf(file, leaves)));
    return new ParquetReader({ to, hyparquet, decompressors, file, leaves });
  },
};
