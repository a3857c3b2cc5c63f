import type {
  AsyncBuffer,
  ColumnMetaData,
  CompressionCodec,
  FileMetaData,
  RowGroup,
  SchemaTree,
} from 'hyparquet';

import { type Field, Schema } from '../../../batch/index.ts';
import { parseField } from '../../../batch/schema.ts';
import { readFully } from '../../../core/record-file.ts';
import { isPipelineError, PipelineError, reasonOf } from '../../../errors.ts';
import type { FileContents } from '../contents.ts';
import { misfit, unreadable } from '../unreadable.ts';
import { type Leaf, leafOf } from './leaf.ts';
import { loadHyparquet, readableCodecs } from './peer.ts';

/** Under this name the schema is kept in files of ours: kinds that Parquet has no name for. */
export const schemaKey = 'millrace.schema';

/** What the end of a Parquet file says of the rest. */
export interface ParquetFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly metadata: FileMetaData;
  readonly tree: SchemaTree;
  readonly rows: number;
}

const magic = 'PAR1';
const encryptedMagic = 'PARE';

/** Reads the end of a file. Throws `ERR_CODEC_FORMAT` where it is no whole Parquet file. */
export async function readMetadata(path: string, handle: FileContents): Promise<ParquetFile> {
  const { parquetMetadataAsync, parquetSchema } = await loadHyparquet();
  if (handle.compressed !== undefined) {
    const remedy = 'decompress it: its columns are compressed within';
    throw unreadable(path, 'is compressed as a whole, and is read from its end', { remedy });
  }
  const { sizeBytes } = await handle.facts();
  await assertParquet(path, handle, sizeBytes);
  try {
    const file = asyncBuffer(path, handle, sizeBytes);
    const metadata = await parquetMetadataAsync(file, { geoparquet: false });
    const rows = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
    if (rows !== Number(metadata.num_rows)) throw new Error('its row groups hold other rows');
    return { path, sizeBytes, metadata, tree: parquetSchema(metadata), rows };
  } catch (cause) {
    if (isPipelineError(cause)) throw cause;
    throw unreadable(path, `its footer cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

async function assertParquet(path: string, handle: FileContents, sizeBytes: number): Promise<void> {
  const [first, last] = [new Uint8Array(4), new Uint8Array(4)];
  await readFully(handle, first, 0);
  await readFully(handle, last, Math.max(0, sizeBytes - 4));
  const [begins, ends] = [first, last].map((bytes) => new TextDecoder('latin1').decode(bytes));
  if (begins === encryptedMagic || ends === encryptedMagic) throw unreadable(path, 'is encrypted');
  if (begins !== magic) throw unreadable(path, 'is no Parquet file');
  if (sizeBytes >= 12 && ends === magic) return;
  throw unreadable(path, 'is a Parquet file without its end: cut short, or still being written');
}

/** A file as hyparquet reads one. `taken`: told how many bytes were read. */
export function asyncBuffer(
  path: string,
  handle: FileContents,
  sizeBytes: number,
  taken: (bytes: number) => void = () => {},
): AsyncBuffer {
  return {
    byteLength: sizeBytes,
    slice: async (start, end = sizeBytes) => {
      if (!(start >= 0 && end >= start && end <= sizeBytes)) {
        throw new Error(`bytes ${start} to ${end} are not in the file`);
      }
      const bytes = new Uint8Array(end - start);
      const read = await readFully(handle, bytes, start);
      taken(read);
      if (read === bytes.length) return bytes.buffer;
      throw new PipelineError({
        code: 'ERR_CONNECTOR_FILE',
        place: path,
        fact: `was cut to ${start + read} bytes while it was read`,
        remedy: 'let its writer finish, then run again',
      });
    },
  };
}

/** The schema of a file: what it was written with where that is known. Throws where no kind fits. */
export function schemaOf(file: ParquetFile): Schema {
  const { tree, metadata, path } = file;
  const fields = tree.children.map((child): Field => {
    const leaf = leafOf(child);
    if (typeof leaf !== 'string') return leaf;
    throw unreadable(path, `column \`${child.element.name}\`: ${leaf}`);
  });
  const found = new Schema(fields.map(({ name, kind, nullable }) => ({ name, kind, nullable })));
  const kept = metadata.key_value_metadata?.find(({ key }) => key === schemaKey)?.value;
  const own = kept === undefined ? undefined : parseSchema(kept);
  return own !== undefined && fits(own, found) ? own : found;
}

/** A schema as it is kept: the fields in order, each with its name. */
export function schemaText(schema: Schema): string {
  const specs = schema.toJSON();
  return JSON.stringify(schema.names.map((name) => [name, specs[name]]));
}

function parseSchema(text: string): Schema | undefined {
  try {
    const fields = (JSON.parse(text) as [string, unknown][]).map(([name, spec]) =>
      parseField(name, spec),
    );
    return new Schema(fields.filter((field) => field !== undefined));
  } catch {
    return undefined;
  }
}

/** Whether a schema says the same of a file as the file itself does, but for category. */
function fits(own: Schema, found: Schema): boolean {
  const plain = own.fields.map(({ name, kind, nullable }) => {
    return { name, kind: kind === 'category' ? 'text' : kind, nullable } as const;
  });
  return new Schema(plain).equals(found);
}

/** The column of each field; undefined for one that may be null and is not in the file. */
export function leavesOf(file: ParquetFile, schema: Schema): (Leaf | undefined)[] {
  return schema.fields.map((field) => {
    const child = file.tree.children.find(({ element }) => element.name === field.name);
    if (child === undefined) {
      if (field.nullable) return undefined;
      throw misfit(file.path, `has no column \`${field.name}\``);
    }
    const leaf = leafOf(child);
    if (typeof leaf === 'string') throw misfit(file.path, `column \`${field.name}\`: ${leaf}`);
    if (!becomes(leaf, field)) {
      throw misfit(file.path, `column \`${field.name}\` is ${leaf.kind}, not ${field.kind}`);
    }
    return leaf;
  });
}

/** Whether values of a column are values of a field as they are. */
function becomes({ kind }: Leaf, field: Field): boolean {
  if (kind === field.kind) return true;
  if (kind === 'text') return field.kind === 'category' || field.kind === 'json';
  if (kind === 'int32') return field.kind === 'int64' || field.kind === 'float64';
  return kind === 'json' && field.kind === 'text';
}

/** Throws where a column that is to be read is compressed by what cannot be undone here. */
export function assertReadable(
  { path, metadata }: ParquetFile,
  leaves: readonly (Leaf | undefined)[],
): void {
  for (const group of metadata.row_groups) {
    for (const { name } of leaves.filter((leaf) => leaf !== undefined)) {
      for (const { codec } of chunksOf(group, name)) {
        if (readableCodecs.has(codec)) continue;
        const remedy = `write it again with another, such as ZSTD`;
        throw unreadable(path, `column \`${name}\` is compressed with ${codec}`, { remedy });
      }
    }
  }
}

/** How the columns that are to be read are compressed. */
export function codecsOf(
  { metadata }: ParquetFile,
  leaves: readonly (Leaf | undefined)[],
): ReadonlySet<CompressionCodec> {
  const names = leaves.flatMap((leaf) => leaf?.name ?? []);
  const chunks = metadata.row_groups.flatMap((group) =>
    names.flatMap((name) => chunksOf(group, name)),
  );
  return new Set(chunks.map(({ codec }) => codec));
}

/** What the file says of the parts of one column in a row group. */
export function chunksOf(group: RowGroup, name: string): ColumnMetaData[] {
  const found = group.columns.flatMap(({ meta_data }) => meta_data ?? []);
  return found.filter(({ path_in_schema }) => path_in_schema[0] === name);
}
