import { createDecoder, inferSchema } from '../../batch/codec.ts';
import { Schema } from '../../batch/index.ts';
import type { FileHandle, Files, PlanContext } from '../../core/index.ts';
import { readFully } from '../../core/record-file.ts';
import { PipelineError } from '../../errors.ts';
import { ofFile } from './format.ts';
import { findFiles } from './partitions.ts';
import type { FileReading } from './source.ts';

/** How much of a file is looked at before data flows. */
const sampleBytesMax = 1_048_576;

/** Finds the files, makes sure that each can be read, and the schema of their rows. */
export async function planFiles(
  reading: FileReading,
  given: Schema | undefined,
  { files }: PlanContext,
): Promise<Schema> {
  const paths = await findFiles(files, reading.paths);
  const formats = paths.map((path) => reading.formatOf(path));
  const found = given ?? (await inferFrom(files, paths, reading));
  for (const [index, path] of paths.entries()) {
    await using handle = await files.open(path, 'read');
    if (formats[index] === 'csv') await checkHeader(path, handle, found, reading);
  }
  return found;
}

/** The schema that the first file with records suggests; without fields where all are empty. */
async function inferFrom(
  files: Files,
  paths: readonly string[],
  { formatOf, decode }: FileReading,
): Promise<Schema> {
  for (const path of paths) {
    await using handle = await files.open(path, 'read');
    const { bytes, isWhole } = await sample(handle);
    if (isBlank(bytes)) continue;
    const { encoding, delimiter, header } = decode;
    const options = { complete: isWhole, encoding, delimiter, header };
    const found = ofFile(path, () => inferSchema(formatOf(path), bytes, options));
    if (found.fields.length > 0) return found;
    throw new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: path,
      fact: 'has no record at its beginning that shows a schema',
      remedy: 'give `schema`',
    });
  }
  return new Schema([]);
}

/** Throws where the header of a CSV does not fit the schema. */
async function checkHeader(
  path: string,
  handle: FileHandle,
  schema: Schema,
  { decode }: FileReading,
): Promise<void> {
  const report = { failed: () => {}, counted: () => {} };
  const options = { ...decode, report, rowsMax: 1 };
  const { bytes, isWhole } = await sample(handle);
  ofFile(path, () => {
    const decoder = createDecoder('csv', schema, options);
    decoder.push(bytes);
    decoder.next()?.release();
    if (decoder.columns !== null || !isWhole) return;
    decoder.end();
    decoder.next()?.release();
  });
}

async function sample(handle: FileHandle): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
  const { sizeBytes } = await handle.facts();
  const bytes = new Uint8Array(Math.min(sizeBytes, sampleBytesMax));
  const read = await readFully(handle, bytes, 0);
  return { bytes: bytes.subarray(0, read), isWhole: read === sizeBytes };
}

/** True where there are line ends and a byte order mark at most. */
function isBlank(bytes: Uint8Array): boolean {
  return new TextDecoder('latin1').decode(bytes).replace('\u00ef\u00bb\u00bf', '').trim() === '';
}
